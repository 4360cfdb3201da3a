import { systemClock, type MailboxAddress, type PostbearerEvent, type Result } from '@postbearer/core';
import { databaseFaults } from '@postbearer/database';
import type { Enqueued, Intake } from '@postbearer/queue';
import type { IncomingMessage, SmtpServerHandler, SmtpSession } from '@postbearer/smtp/server';
import { STANDARD_SERVICE } from '@postbearer/settings';
import { beforeEach, describe, expect, test } from 'vitest';
import type { AppRegistry } from '../access/app-registry.ts';
import { parseApp, type App, type AppInput } from '../access/app.ts';
import { LaneBook } from '../delivery/lanes.ts';
import { routeOf, type Submitter } from '../delivery/submit.ts';
import { createRelayHandler } from './relay-handler.ts';
import { SignInLimit } from './sign-in-limit.ts';

/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 10_000 };

function eventually<T>(look: () => T): ReturnType<typeof expect.poll<T>> {
  return expect.poll(look, WAIT);
}

const MAILBOX = 'notes@example.com' as MailboxAddress;
const PASSWORD = 'right';
const lanes = new LaneBook({ logLevel: 'Debug', upstreams: {}, mailboxes: {}, service: STANDARD_SERVICE });

let events: PostbearerEvent[] = [];
let written = '';
let abandoned = 0;

beforeEach(() => {
  [events, written, abandoned] = [[], '', 0];
});

function appOf(more: Partial<AppInput> = {}): App {
  const app = parseApp({ name: 'scanner', mailboxes: [MAILBOX], ...more });
  if (!app.ok) throw new Error(app.fault.message);
  return app.value;
}

function registry(app: App): Pick<AppRegistry, 'signIn' | 'byName' | 'byAddress' | 'isKnownAddress' | 'digest'> {
  return {
    signIn: (_name, password) => Promise.resolve(password.reveal() === PASSWORD ? app : undefined),
    isKnownAddress: () => false,
    digest: (password) => password.reveal(),
    byName: (name) => (name === app.name ? app : undefined),
    byAddress: (address) => (address === '192.0.2.7' ? app : undefined),
  };
}

const intake = {
  id: 'id1',
  get sizeBytes() {
    return written.length;
  },
  write(bytes: Uint8Array): Promise<Result<void>> {
    written += Buffer.from(bytes).toString('latin1');
    return Promise.resolve({ ok: true, value: undefined });
  },
  abandon(): Promise<void> {
    abandoned += 1;
    return Promise.resolve();
  },
};

/** A submitter with the real policy, whose storing is as the test says. */
function submitter(accept: () => Promise<Result<Enqueued>>): Submitter {
  return {
    maxMessageBytes: 1000,
    maxRecipients: 10,
    admission: {
      message: () => Promise.resolve({ ok: true, value: undefined }),
      recipients: () => ({ ok: true, value: undefined }),
    },
    route: (request) => routeOf(request, lanes),
    begin: () => ({ ok: true, value: intake as Intake }),
    accept,
  };
}

const stored = (): Promise<Result<Enqueued>> => Promise.resolve({ ok: true, value: { id: 'id1', isNew: true } });

function handlerWith(
  security: 'starttls' | 'plain',
  accept: () => Promise<Result<Enqueued>> = stored,
  app: App = appOf(),
): SmtpServerHandler {
  return createRelayHandler({
    security,
    hostname: 'relay.example',
    apps: registry(app),
    learning: { isLearning: () => false, enrol: () => Promise.resolve(undefined) },
    refusals: { note: () => undefined },
    usage: { note: () => undefined },
    limit: new SignInLimit(systemClock),
    submitter: submitter(accept),
    clock: systemClock,
    onEvent: (event) => events.push(event),
  });
}

function session(more: Partial<SmtpSession> = {}): SmtpSession {
  return {
    id: 's1',
    remoteAddress: '192.0.2.7',
    remotePort: 1,
    tls: undefined,
    heloName: 'printer',
    identity: undefined,
    signal: new AbortController().signal,
    state: undefined,
    ...more,
  };
}

function message(text = `From: ${MAILBOX}\r\n\r\nbody\r\n`): IncomingMessage {
  async function* content(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from(text));
  }
  const envelope = {
    sender: MAILBOX,
    recipients: ['user@example.com' as MailboxAddress],
    parameters: {},
    recipientParameters: [{}],
  };
  return { envelope, content: content() };
}

describe('a message', () => {
  test('is confirmed after it is stored, and not before', async () => {
    const storing = Promise.withResolvers<Result<Enqueued>>();
    let reply: unknown;
    const answer = async (): Promise<void> => {
      reply = await handlerWith('plain', () => storing.promise).message?.(session(), message());
    };
    const answered = answer();
    await eventually(() => written).toContain('body');
    expect(reply).toBeUndefined();
    storing.resolve({ ok: true, value: { id: 'id1', isNew: true } });
    await answered;
    expect(reply).toMatchObject({ code: 250, text: 'Queued as id1' });
    expect(abandoned).toBe(0);
  });

  test.each([
    ['DATABASE_DISK_FULL', 452],
    ['DATABASE_UNAVAILABLE', 451],
    ['DATABASE_IO_FAILED', 451],
    ['DATABASE_OUTCOME_UNKNOWN', 451],
  ] as const)('that cannot be stored (%s) is for later, and nothing of the inside is told', async (code, reply) => {
    const fault = databaseFaults.make(code, { place: '/secret/place', reason: 'inside' });
    const handler = handlerWith('plain', () => Promise.resolve({ ok: false, fault }));
    const said = await handler.message?.(session(), message());
    expect(said).toMatchObject({ code: reply });
    expect(JSON.stringify(said)).not.toMatch(/secret|inside/);
    expect(abandoned).toBe(1);
  });

  test('that breaks off is not kept', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('From: notes@example.com\r\n\r\nhalf'));
      throw new Error('cut');
    }
    const cut = { ...message(), content: broken() };
    await expect(handlerWith('plain').message?.(session(), cut)).rejects.toThrow('cut');
    expect(abandoned).toBe(1);
  });

  test('tells in Received how it came, whatever the client calls itself', async () => {
    const odd = session({ heloName: 'a\tb (evil) by other', remoteAddress: '::ffff:192.0.2.7', identity: 'scanner' });
    await handlerWith('starttls').message?.({ ...odd, tls: { protocol: 'TLSv1.3', cipher: 'x' } }, message());
    expect(written).toMatch(
      /^Received: from unknown \(\[192\.0\.2\.7\]\)\r\n\tby relay\.example with ESMTPSA\r\n\tid id1; /,
    );
  });
});

describe('who is no app', () => {
  test('does not get past the greeting of a listener without encryption', () => {
    const handler = handlerWith('plain');
    expect(handler.connect?.(session({ remoteAddress: '192.0.2.8' }))).toMatchObject({ code: 554 });
    expect(handler.connect?.(session())).toBeUndefined();
    expect('authenticate' in handler).toBe(false);
    expect(events).toMatchObject([{ name: 'submission.refused', fault: { code: 'ACCESS_NOBODY' } }]);
  });

  test('has to sign in on the others, and one that was removed is an app no more', async () => {
    const handler = handlerWith('starttls');
    const mail = { sender: MAILBOX, parameters: {} } as const;
    expect(await handler.mail?.(session({ remoteAddress: '192.0.2.8' }), mail)).toMatchObject({ code: 530 });
    expect(await handler.mail?.(session({ identity: 'gone' }), mail)).toMatchObject({ code: 530 });
    expect(await handler.mail?.(session({ identity: 'scanner' }), mail)).toBeUndefined();
  });
});
