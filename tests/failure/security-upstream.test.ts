/** Rows S05 and S06 seen from the running service: whatever an upstream or a token endpoint is, it hears no secret it should not. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PostbearerEvent } from '@postbearer/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canaryClientSecret, canaryTokenMark } from '../setup/canaries.ts';
import { makeCertificates, type CertificateSet, type ServerIdentity } from '../setup/certificates.ts';
import { RecordingUpstream, type UpstreamScript } from '../setup/recording-upstream.ts';
import { RelayWorld, submit } from '../setup/relay-world.ts';

const SUBJECT = 'words that nobody else may read';
const BODY = 'the body of the message';

let certificates: CertificateSet;
let folder = '';

beforeAll(async () => {
  certificates = await makeCertificates();
  folder = await mkdtemp(join(tmpdir(), 'upstream-'));
});

afterAll(async () => await rm(folder, { recursive: true }));

interface Outcome {
  readonly events: readonly PostbearerEvent[];
  readonly upstream: RecordingUpstream;
}

/** What came of one message: it was tried, and the service said so. */
function isTried({ name }: PostbearerEvent): boolean {
  return name === 'message.settled' || name === 'lane.held';
}

/** Hands in one message and waits until it was tried. */
async function tryOnce(
  identity: ServerIdentity,
  script: UpstreamScript,
  others: (port: number) => Record<string, unknown> = () => ({}),
): Promise<Outcome> {
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await RecordingUpstream.start(identity, script));
  const caFile = join(folder, 'both.pem');
  const world = stack.use(
    await RelayWorld.start({
      smtp: async (emulator) => {
        await writeFile(caFile, emulator.certificateAuthorityPem + certificates.trusted);
        return { server: 'localhost', port: String(upstream.port), caFile, ...others(upstream.port) };
      },
    }),
  );
  const dialogue = await world.signedIn(await world.addApp());
  const reply = await submit(
    dialogue,
    world.mailbox,
    ['user@example.com'],
    `From: ${world.mailbox}\r\nSubject: ${SUBJECT}\r\n\r\n${BODY}\r\n`,
  );
  expect(reply).toMatch(/^250/);
  await expect.poll(() => world.events.some(isTried), { timeout: 25_000 }).toBe(true);
  // Nothing is lost: the message waits, or its sender is told.
  const listed = await world.server.control.listMessages({ filter: {}, page: {} });
  expect(listed.ok && listed.value.messages.length).toBeGreaterThan(0);
  return { events: [...world.events], upstream };
}

/** What may never be said in the clear: credentials in any form, and the message. */
function isTelling(text: string): boolean {
  const forms = [canaryTokenMark, canaryClientSecret, SUBJECT, BODY];
  const encoded = forms.flatMap((form) => [form, Buffer.from(form).toString('base64').slice(0, -4)]);
  return /^(?:AUTH|MAIL|RCPT|DATA|BDAT)\b/im.test(text) || encoded.some((form) => text.includes(form));
}

const noStartTls = ['PIPELINING', 'AUTH XOAUTH2 PLAIN LOGIN', '8BITMIME'];
const HOSTILE: Readonly<Record<string, UpstreamScript>> = {
  'offers no STARTTLS': { plainOffers: ['PIPELINING'] },
  'offers AUTH in the clear and no STARTTLS': { plainOffers: noStartTls },
  'offers AUTH in the clear beside STARTTLS and refuses it': {
    plainOffers: [...noStartTls, 'STARTTLS'],
    startTls: '454 4.7.0 TLS not available\r\n',
  },
  'refuses STARTTLS with 500': { startTls: '500 what\r\n' },
  'refuses STARTTLS with 502': { startTls: '502 no\r\n' },
  'refuses STARTTLS with 503': { startTls: '503 not now\r\n' },
  'refuses STARTTLS with 530': { startTls: '530 sign in first\r\n' },
  'refuses STARTTLS with 554': { startTls: '554 no\r\n' },
  'answers STARTTLS with 250': { startTls: '250 fine, go on in the clear\r\n' },
  'answers STARTTLS with 334': { startTls: '334 \r\n' },
  'answers STARTTLS with 220 and no TLS': { tls: false },
  'answers STARTTLS with 220 and a reply behind it': { afterStartTls: '250-sink\r\n250 AUTH XOAUTH2\r\n' },
  'answers STARTTLS with 220 and a byte behind it': { afterStartTls: 'x' },
  'answers STARTTLS with two replies': { startTls: '220 go\r\n', afterStartTls: '235 signed in\r\n' },
  'answers STARTTLS with nonsense': { startTls: 'hello\r\n' },
  'refuses EHLO': { ehlo: '502 no\r\n' },
  'refuses EHLO for now': { ehlo: '421 later\r\n' },
  'answers EHLO with nonsense': { ehlo: '\u0000\u0001\r\n' },
  'answers EHLO with 235': { ehlo: '235 signed in\r\n' },
  'writes AUTH=XOAUTH2 as old servers do': { plainOffers: ['AUTH=XOAUTH2 LOGIN'] },
  'writes starttls in small letters with a word': { plainOffers: ['starttlsx', 'AUTH XOAUTH2'] },
  'greets with 554': { greeting: '554 no\r\n' },
  'greets with 421': { greeting: '421 later\r\n' },
  'greets as HTTP': { greeting: 'HTTP/1.1 200 OK\r\n\r\n' },
  'greets and offers AUTH in one breath': { greeting: '220 hi\r\n250-sink\r\n250 AUTH XOAUTH2\r\n334 \r\n' },
};

describe('S05: a hostile upstream', () => {
  test.each(Object.keys(HOSTILE))('%s: nothing of the token or the mail is said in the clear', async (name) => {
    const { upstream, events } = await tryOnce(certificates.good, HOSTILE[name] ?? {});
    expect(upstream.connections.filter(({ plain }) => isTelling(plain))).toEqual([]);
    expect(upstream.messages).toEqual([]);
    expect(events.some((event) => event.name === 'message.accepted')).toBe(false);
  });

  test('control: an upstream that encrypts hears both within TLS, and the look at what is telling sees them', async () => {
    const { upstream } = await tryOnce(certificates.good, {});
    expect(upstream.connections.some(({ secure }) => isTelling(secure))).toBe(true);
    expect(upstream.connections.some(({ plain }) => isTelling(plain))).toBe(false);
    expect(upstream.messages).toHaveLength(1);
  });
});

const BAD = [
  'expired',
  'notYetValid',
  'otherHost',
  'commonNameOnly',
  'selfSigned',
  'unknownAuthority',
  'unknownRoot',
] as const;

describe('S06: a certificate that proves nothing', () => {
  test.each(BAD)('of the upstream (%s): not a byte is said within its TLS', async (kind) => {
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    // Whoever sets this opens every other program of the machine, and not this one.
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const { upstream } = await tryOnce(certificates[kind], {});
      expect(upstream.connections.map(({ secure }) => secure).join('')).toBe('');
      expect(upstream.connections.some(({ plain }) => isTelling(plain))).toBe(false);
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
  });

  test.each(BAD)('of the token endpoint (%s): the client secret is not sent', async (kind) => {
    const { cert, key } = certificates[kind];
    const heard: string[] = [];
    const endpoint = createServer({ cert, key }, (incoming, outgoing) => {
      incoming.on('data', (part: Buffer) => heard.push(part.toString('latin1')));
      incoming.on('end', () => outgoing.end('{}'));
      heard.push(incoming.url ?? '');
    });
    await new Promise<void>((done) => {
      endpoint.listen(0, '127.0.0.1', done);
    });
    const address = endpoint.address();
    const port = typeof address === 'object' ? address?.port : 0;
    try {
      const { upstream } = await tryOnce(certificates.good, {}, () => ({
        oauth: {
          enabled: true,
          tokenEndpoint: `https://localhost:${port}/token`,
          clientId: '11111111-1111-4111-8111-111111111111',
          clientSecret: canaryClientSecret,
          scope: 'https://outlook.office365.com/.default',
          tokenMethod: 'POST',
          grantType: 'client_credentials',
        },
      }));
      expect(heard).toEqual([]);
      expect(upstream.messages).toEqual([]);
    } finally {
      endpoint.closeAllConnections();
      await new Promise<void>((done) => {
        endpoint.close(() => done());
      });
    }
  });
});
