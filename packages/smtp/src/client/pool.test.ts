import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { failure, Secret, success, type PostbearerEvent, type Verdict } from '@postbearer/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates, type CertificateSet } from '../../../../tests/setup/certificates.ts';
import {
  clientFaults,
  createSmtpPool,
  type CredentialSource,
  type OfferedCredentials,
  type SmtpPool,
  type SmtpPoolOptions,
} from './index.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { servePeers, type Peer, type PeerServer } from './testing/peer-server.ts';
import { HELLO, inPieces, message } from './testing/sample-messages.ts';

let certificates: CertificateSet;
beforeAll(async () => {
  certificates = await makeCertificates();
});

/** What a good server does, and where a test interferes. */
interface ServerHabits {
  readonly offers?: readonly string[];
  /** Whether a token is good. */
  readonly accepts?: (token: string) => boolean;
  /** Called with each message; what it returns is said in place of 250. */
  readonly onMessage?: (peer: Peer, count: number) => Promise<string | void> | string | void;
  /** Called before each command; `true` means that it was dealt with. */
  readonly onCommand?: (peer: Peer, line: string) => Promise<boolean | void> | boolean | void;
  readonly isEncrypted?: boolean;
}

/** A server that does everything a pool needs, over TLS from the first byte unless told otherwise. */
async function serve(habits: ServerHabits): Promise<PeerServer & { readonly commands: string[] }> {
  const { offers = ['PIPELINING', 'AUTH XOAUTH2'], accepts = () => true, isEncrypted = true } = habits;
  const commands: string[] = [];
  const ticketKeys = randomBytes(48);
  let messages = 0;
  let recipients = 0;
  const server = await servePeers(async (peer) => {
    if (isEncrypted && !(await peer.encrypt({ ...certificates.good, ticketKeys }))) return;
    peer.say('220 ready\r\n');
    for (let line = await peer.line(); line !== undefined; line = await peer.line()) {
      commands.push(line.replace(/^(AUTH XOAUTH2) .*/, '$1'));
      if (line.startsWith('MAIL')) recipients = 0;
      if ((await habits.onCommand?.(peer, line)) === true) continue;
      if (line.startsWith('RCPT')) recipients += 1;
      if (line.startsWith('EHLO'))
        peer.say(`250-mx\r\n${offers.map((offer) => `250-${offer}\r\n`).join('')}250 HELP\r\n`);
      else if (line.startsWith('AUTH XOAUTH2 ')) {
        const said = Buffer.from(line.slice(13), 'base64').toString();
        peer.say(accepts(said.split('Bearer ')[1]?.split('\u0001')[0] ?? '') ? '235 in\r\n' : '535 5.7.3 no\r\n');
      } else if (line === 'DATA' && recipients === 0) peer.say('503 5.5.1 no recipients\r\n');
      else if (line === 'DATA') {
        peer.say('354 go\r\n');
        if ((await peer.until('\r\n.\r\n')) === undefined) return;
        messages += 1;
        peer.say(`${(await habits.onMessage?.(peer, messages)) ?? '250 2.0.0 taken'}\r\n`);
      } else if (line === 'QUIT') {
        peer.say('221 bye\r\n');
        peer.end();
      } else peer.say('250 ok\r\n');
    }
  });
  return Object.assign(server, { commands });
}

const withToken =
  (token: string, fromCache = true): CredentialSource =>
  async () =>
    success({ kind: 'bearer', username: 'app@example.com', token: Secret.of(token), fromCache });

function poolTo(server: PeerServer, options: Partial<SmtpPoolOptions> = {}): SmtpPool {
  return createSmtpPool({
    connect: {
      host: 'localhost',
      port: server.port,
      security: 'tls',
      tls: { ca: [certificates.trusted] },
      timeouts: { quit: 1000 },
    },
    credentials: withToken('good'),
    ...options,
  });
}

const outcomes = (verdicts: readonly Verdict[]): string[] =>
  verdicts.map((verdict) => (verdict.outcome === 'accepted' ? 'accepted' : `${verdict.outcome} ${verdict.fault.code}`));

/** A promise to wait on and the way to keep it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

describe('the limit of connections', () => {
  it.each([1, 3, 5])('of %i is used and never passed, seen from the server, with 60 messages', async (limit) => {
    await using server = await serve({});
    const pool = poolTo(server, { maxConnections: limit });
    const sent = await Promise.all(Array.from({ length: 60 }, () => pool.send(message(HELLO))));
    expect(sent.flatMap((verdicts) => outcomes(verdicts))).toEqual(Array.from({ length: 60 }, () => 'accepted'));
    expect(server.mostOpen).toBe(limit);
    await pool.close();
    expect(pool.counts).toEqual({ open: 0, busy: 0, idle: 0, waiting: 0 });
  });

  it('holds while connections are replaced after every message: one that is closing counts', async () => {
    await using server = await serve({});
    const pool = poolTo(server, { maxConnections: 2, maxMessagesPerConnection: 1 });
    const sent = await Promise.all(Array.from({ length: 12 }, () => pool.send(message(HELLO))));
    expect(sent.flatMap((verdicts) => outcomes(verdicts))).toEqual(Array.from({ length: 12 }, () => 'accepted'));
    expect(server.peers).toHaveLength(12);
    expect(server.mostOpen).toBeLessThanOrEqual(2);
    await pool.close();
  });

  it('would be seen to be passed: two pools open twice as many', async () => {
    await using server = await serve({});
    const pools = [poolTo(server, { maxConnections: 2 }), poolTo(server, { maxConnections: 2 })];
    await Promise.all(pools.flatMap((pool) => Array.from({ length: 20 }, () => pool.send(message(HELLO)))));
    expect(server.mostOpen).toBe(4);
    await Promise.all(pools.map((pool) => pool.close()));
  });
});

describe('a kept connection', () => {
  it.each(['MAIL', 'RCPT'])('that is cut at %s is replaced without a verdict', async (command) => {
    let seen = 0;
    await using server = await serve({
      offers: ['PIPELINING', 'CHUNKING', 'AUTH XOAUTH2'],
      onCommand: async (peer, line) => {
        if (line.startsWith(command)) seen += 1;
        if (line.startsWith(command) && seen === 2) {
          peer.end();
          return true;
        }
        if (!line.startsWith('BDAT')) return false;
        await peer.until('Hello.\r\n');
        peer.say('250 taken\r\n');
        return true;
      },
    });
    const pool = poolTo(server, { maxConnections: 1 });
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['accepted']);
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['accepted']);
    expect(server.peers.map(({ heard }) => heard.toString().split('Subject: Hello').length - 1)).toEqual([1, 1]);
    await pool.close();
  });

  it('carries many messages, without RSET between them, and resumes its TLS session when opened again', async () => {
    await using server = await serve({});
    const events: PostbearerEvent[] = [];
    const clock = new ManualClock();
    const pool = poolTo(server, { idleMs: 10_000, clock, onEvent: (event) => events.push(event) });
    for (let count = 0; count < 5; count += 1) await pool.send(message(HELLO));
    expect(server.peers).toHaveLength(1);
    expect(server.commands.filter((line) => line === 'RSET')).toEqual([]);
    clock.advance(9999);
    expect(pool.counts).toMatchObject({ open: 1, idle: 1 });
    clock.advance(1);
    await closedBy(events);
    expect(server.commands.at(-1)).toBe('QUIT');
    await pool.send(message(HELLO));
    expect(server.peers.map(({ isResumed }) => isResumed)).toEqual([false, true]);
    await pool.close();
    expect(events.filter(({ name }) => name === 'smtp.closed')).toMatchObject([{ messages: 5 }, { messages: 1 }]);
    expect(clock.pendingTimers).toBe(0);
  });

  /** Waits for the next turn of the loop until a connection was told to be closed. */
  async function closedBy(events: readonly PostbearerEvent[]): Promise<void> {
    while (!events.some(({ name }) => name === 'smtp.closed')) {
      const { promise, resolve } = Promise.withResolvers<void>();
      setImmediate(() => resolve());
      await promise;
    }
  }

  it('that the server closed while it was idle is replaced without a failed verdict', async () => {
    const closed = gate();
    await using server = await serve({
      onMessage: (peer, count) => {
        if (count === 1) setImmediate(() => (peer.end(), closed.open()));
      },
    });
    const pool = poolTo(server);
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['accepted']);
    await closed.opened;
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['accepted']);
    expect(server.peers).toHaveLength(2);
    await pool.close();
  });

  it.each([
    ['cuts at the first command of the second message', (peer: Peer) => peer.cut()],
    [
      'says 421 to the first command of the second message',
      (peer: Peer) => (peer.say('421 4.4.2 too long\r\n'), peer.end()),
    ],
  ])('%s: the message goes out on another one', async (_, end) => {
    let mails = 0;
    await using server = await serve({
      onCommand: (peer, line) => {
        if (!line.startsWith('MAIL') || (mails += 1) !== 2) return false;
        end(peer);
        return true;
      },
    });
    const pool = poolTo(server);
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['accepted']);
    // Content that is read on the way is opened anew for the second attempt.
    expect(outcomes(await pool.send(message(inPieces('Subject: x\r\n\r\n', 'body\r\n'))))).toEqual(['accepted']);
    expect(server.peers).toHaveLength(2);
    await pool.close();
  });

  it('is not so replaced when it is new: a server that always cuts gives a verdict', async () => {
    await using server = await serve({ onCommand: (peer, line) => line.startsWith('MAIL') && (peer.cut(), true) });
    const pool = poolTo(server);
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['deferred SMTP_CONNECTION_LOST']);
    expect(server.peers).toHaveLength(1);
    await pool.close();
  });

  it('that lost a message after its end was sent does not send it again', async () => {
    await using server = await serve({ onMessage: (peer, count) => (count === 2 ? peer.cut() : undefined) });
    const pool = poolTo(server, { maxConnections: 1 });
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['accepted']);
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['uncertain SMTP_OUTCOME_UNCERTAIN']);
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['accepted']);
    expect(server.peers).toHaveLength(2);
    await pool.close();
  });

  it('is not used again after 421, though the server leaves it open', async () => {
    await using server = await serve({ onMessage: (_, count) => (count === 1 ? '421 4.3.2 not now' : undefined) });
    const pool = poolTo(server);
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['deferred SMTP_SERVICE_CLOSING']);
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['accepted']);
    expect(server.peers).toHaveLength(2);
    await pool.close();
  });

  it('goes on after a refused message, with RSET where the server needs it', async () => {
    await using server = await serve({
      onCommand: (peer, line) => line === 'RCPT TO:<gone@example.com>' && (peer.say('550 5.1.1 no\r\n'), true),
    });
    const pool = poolTo(server, { maxConnections: 1 });
    expect(outcomes(await pool.send(message(HELLO, 'gone@example.com')))).toEqual(['refused SMTP_RECIPIENT_REFUSED']);
    expect(outcomes(await pool.send(message('Subject: x\n\n')))).toEqual(['refused MESSAGE_BARE_LINE_ENDING']);
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['accepted']);
    expect(server.peers).toHaveLength(1);
    await pool.close();
  });
});

describe('a refused token', () => {
  /** Gives `first` from the cache until a fresh one is asked for, and then that. */
  function cacheOf(first: string, fresh: string): { readonly source: CredentialSource; readonly asked: string[] } {
    const asked: string[] = [];
    let cached = first;
    const source: CredentialSource = async (options) => {
      asked.push(options.fresh ? 'fresh' : 'cached');
      if (options.fresh) cached = fresh;
      const credentials: OfferedCredentials = {
        kind: 'bearer',
        username: 'app@example.com',
        token: Secret.of(cached),
        fromCache: !options.fresh,
      };
      return success(credentials);
    };
    return { source, asked };
  }

  it('from the cache is replaced by a fresh one, once', async () => {
    await using server = await serve({ accepts: (token) => token === 'new' });
    const { source, asked } = cacheOf('revoked', 'new');
    const events: PostbearerEvent[] = [];
    const pool = poolTo(server, { credentials: source, onEvent: (event) => events.push(event) });
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['accepted']);
    expect(asked).toEqual(['cached', 'fresh']);
    expect(server.mostOpen).toBe(1);
    expect(events.map(({ name }) => name)).not.toContain('smtp.authentication-failed');
    await pool.close();
  });

  it('is replaced once for all connections that were refused with it', async () => {
    await using server = await serve({ accepts: (token) => token === 'new' });
    const { source, asked } = cacheOf('revoked', 'new');
    const pool = poolTo(server, { credentials: source });
    const sent = await Promise.all(Array.from({ length: 30 }, () => pool.send(message(HELLO))));
    expect(sent.flatMap((verdicts) => outcomes(verdicts))).toEqual(Array.from({ length: 30 }, () => 'accepted'));
    expect(asked.filter((kind) => kind === 'fresh')).toHaveLength(1);
    await pool.close();
  });

  it('that was fresh is a fault; the next messages ask for no other within a minute', async () => {
    await using server = await serve({ accepts: () => false });
    const { source, asked } = cacheOf('revoked', 'refused-too');
    const clock = new ManualClock();
    const events: PostbearerEvent[] = [];
    const pool = poolTo(server, { credentials: source, clock, onEvent: (event) => events.push(event) });
    for (let count = 0; count < 4; count += 1)
      expect(outcomes(await pool.send(message(HELLO)))).toEqual(['deferred SMTP_AUTH_REFUSED']);
    expect(asked.filter((kind) => kind === 'fresh')).toHaveLength(1);
    expect(events.filter(({ name }) => name === 'smtp.authentication-failed')).toHaveLength(4);
    clock.advance(60_000);
    await pool.send(message(HELLO));
    expect(asked.filter((kind) => kind === 'fresh')).toHaveLength(2);
    await pool.close();
  });

  it.each([
    ['with its refusal', (peer: Peer) => peer.end()],
    ['after its refusal, at the next command', () => {}],
  ])('is replaced also where the server ends the connection %s', async (_, end) => {
    await using server = await serve({
      onCommand: (peer, line) => {
        if (server.peers.length > 1 || line.startsWith('EHLO')) return false;
        if (line.startsWith('AUTH')) peer.say('535 5.7.3 no\r\n');
        else peer.cut();
        end(peer);
        return true;
      },
    });
    const { source, asked } = cacheOf('revoked', 'new');
    const pool = poolTo(server, { credentials: source });
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['accepted']);
    expect(asked).toEqual(['cached', 'fresh']);
    await pool.close();
  });

  it('that did not come from a cache is not replaced, nor is a password', async () => {
    await using server = await serve({ accepts: () => false });
    let asked = 0;
    const pool = poolTo(server, {
      credentials: (options) => {
        asked += 1;
        return withToken('x', false)(options);
      },
    });
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['deferred SMTP_AUTH_REFUSED']);
    expect(asked).toBe(1);
    await pool.close();
  });
});

describe('what cannot be opened', () => {
  it('is told to every message that waits, and each later one tries anew', async () => {
    await using server = await servePeers((peer) => peer.cut());
    const pool = poolTo(server);
    const sent = await Promise.all(
      Array.from({ length: 10 }, () => pool.send(message(HELLO, 'a@example.com', 'b@example.com'))),
    );
    expect(sent.map((verdicts) => outcomes(verdicts))).toEqual(
      Array.from({ length: 10 }, () => ['deferred SMTP_TLS_INTERRUPTED', 'deferred SMTP_TLS_INTERRUPTED']),
    );
    const tried = server.peers.length;
    expect(tried).toBeLessThanOrEqual(3);
    await pool.send(message(HELLO));
    expect(server.peers).toHaveLength(tried + 1);
    await pool.close();
  });

  it('for want of a token is told with the fault of the token, and nothing connects', async () => {
    await using server = await serve({});
    const fault = clientFaults.make('SMTP_AUTH_CREDENTIALS_INVALID', { part: 'token', reason: 'there is none' });
    const pool = poolTo(server, { credentials: async () => failure(fault) });
    expect(await pool.send(message(HELLO))).toEqual([{ outcome: 'deferred', recipient: 'user@example.com', fault }]);
    expect(server.peers).toHaveLength(0);
    await pool.close();
  });

  it('because the source of credentials throws is thrown on', async () => {
    await using server = await serve({});
    const pool = poolTo(server, {
      credentials: async () => {
        throw new Error('a bug');
      },
    });
    await expect(pool.send(message(HELLO))).rejects.toThrow('a bug');
    await pool.close();
  });

  it('does not trouble messages that other connections can carry', async () => {
    const hold = gate();
    await using server = await servePeers(async (peer, index) => {
      if (index > 0) return peer.cut();
      if (!(await peer.encrypt(certificates.good))) return;
      peer.say('220 ready\r\n');
      for (let line = await peer.line(); line !== undefined; line = await peer.line()) {
        if (line.startsWith('EHLO')) peer.say('250-mx\r\n250 AUTH XOAUTH2\r\n');
        else if (line.startsWith('AUTH')) peer.say('235 in\r\n');
        else if (line === 'DATA') {
          peer.say('354 go\r\n');
          await hold.opened;
          await peer.until('\r\n.\r\n');
          peer.say('250 taken\r\n');
        } else peer.say('250 ok\r\n');
      }
    });
    const clock = new ManualClock();
    const pool = poolTo(server, { clock });
    const first = pool.send(message(HELLO));
    while (pool.counts.busy === 0) await turn();
    const others = Array.from({ length: 5 }, () => pool.send(message(HELLO)));
    while (server.peers.length < 3) await turn();
    while (pool.counts.open > 1) await turn();
    hold.open();
    const sent = await Promise.all([first, ...others]);
    expect(sent.flatMap((verdicts) => outcomes(verdicts))).toEqual(Array.from({ length: 6 }, () => 'accepted'));
    // No further attempt was made for each message that went by.
    expect(server.peers).toHaveLength(3);
    await pool.close();
  });

  async function turn(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    setImmediate(() => resolve());
    await promise;
  }
});

describe('a caller that cancels', () => {
  it('while its message waits: it never goes out, and the others do', async () => {
    const hold = gate();
    await using server = await serve({ onMessage: () => hold.opened });
    const pool = poolTo(server, { maxConnections: 1 });
    const controller = new AbortController();
    const first = pool.send(message('Subject: first\r\n\r\n'));
    const cancelled = pool.send(message('Subject: second\r\n\r\n'), { signal: controller.signal });
    const last = pool.send(message('Subject: third\r\n\r\n'));
    expect(pool.counts.waiting).toBe(3);
    const reason = new Error('not wanted any more');
    controller.abort(reason);
    await expect(cancelled).rejects.toBe(reason);
    hold.open();
    expect([await first, await last].map((verdicts) => outcomes(verdicts))).toEqual([['accepted'], ['accepted']]);
    expect(server.peers.map(({ heard }) => heard.includes('second'))).toEqual([false]);
    await pool.close();
    await expect(pool.send(message(HELLO), { signal: controller.signal })).rejects.toThrow('closed');
  });

  it('while its message is under way: its connection is closed and the next message gets another', async () => {
    const controller = new AbortController();
    await using server = await serve({
      onCommand: (_, line) => {
        if (line.startsWith('MAIL')) controller.abort();
      },
    });
    const pool = poolTo(server, { maxConnections: 1 });
    await expect(pool.send(message(HELLO), { signal: controller.signal })).rejects.toThrow('aborted');
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['accepted']);
    expect(server.peers).toHaveLength(2);
    await pool.close();
  });
});

describe('close', () => {
  it('is for a pool that could ever open a connection', () => {
    const connect = { host: 'localhost', port: 25, security: 'none' } as const;
    expect(() => createSmtpPool({ connect, maxConnections: 0 })).toThrow(RangeError);
  });

  it('finishes what was handed over, says QUIT on every connection, and is safe twice', async () => {
    await using server = await serve({});
    const pool = poolTo(server);
    const sending = Array.from({ length: 20 }, () => pool.send(message(HELLO)));
    await Promise.all([pool.close(), pool.close()]);
    expect((await Promise.all(sending)).flatMap((verdicts) => outcomes(verdicts))).toHaveLength(20);
    expect(server.commands.filter((line) => line === 'QUIT')).toHaveLength(3);
    await expect(pool.send(message(HELLO))).rejects.toThrow('This SMTP pool is closed');
  });

  it('of a pool that never sent anything is at once', async () => {
    await using server = await serve({});
    await poolTo(server).close();
    expect(server.peers).toHaveLength(0);
  });

  it('does not wait for a connection that is being opened for nobody', async () => {
    const controller = new AbortController();
    await using server = await servePeers((peer) => peer.over());
    const pool = poolTo(server);
    const sending = pool.send(message(HELLO), { signal: controller.signal });
    controller.abort(new Error('never mind'));
    await expect(sending).rejects.toThrow('never mind');
    await pool.close();
  });
});

describe('a pool without credentials', () => {
  it('sends in the clear to a server that takes mail so', async () => {
    await using server = await serve({ isEncrypted: false });
    const pool = createSmtpPool({ connect: { host: '127.0.0.1', port: server.port, security: 'none' } });
    expect(outcomes(await pool.send(message(HELLO)))).toEqual(['accepted']);
    await pool.close();
    expect(server.commands.some((line) => line.startsWith('AUTH'))).toBe(false);
  });
});
