/** One mail through parts that others wrote: the token from oidc-provider, the server npm's smtp-server, with XOAUTH2 over STARTTLS. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMailer, type Mailer, type MailInput } from '@postbearer/mailer';
import { Provider } from 'oidc-provider';
import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { canaryClientSecret } from '../setup/canaries.ts';
import { makeCertificates } from '../setup/certificates.ts';

const CLIENT = 'mail-client';
const MAILBOX = 'app@example.com';

interface Taken {
  readonly from: string;
  readonly to: readonly string[];
  readonly bytes: Buffer;
}

let folder = '';
let caFile = '';
let identity: { cert: string; key: string };
let provider: Server;
let tokenEndpoint = '';
let oidc: Provider;
let issuedTokens = 0;

beforeAll(async () => {
  const certificates = await makeCertificates();
  identity = certificates.good;
  folder = await mkdtemp(join(tmpdir(), 'postbearer-foreign-'));
  caFile = join(folder, 'authority.pem');
  await writeFile(caFile, certificates.trusted);

  provider = createServer();
  await new Promise<void>((resolve) => {
    provider.listen(0, '127.0.0.1', resolve);
  });
  const issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  oidc = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT,
        client_secret: canaryClientSecret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    scopes: ['mail.send'],
    ttl: { ClientCredentials: () => 600 },
  });
  oidc.on('grant.success', () => {
    issuedTokens += 1;
  });
  const handle = oidc.callback();
  provider.on('request', (request, response) => void handle(request, response));
  tokenEndpoint = `${issuer}/token`;
});

afterAll(async () => {
  provider.closeAllConnections();
  await new Promise((resolve) => {
    provider.close(resolve);
  });
  await rm(folder, { recursive: true });
});

let server: SMTPServer;
let port = 0;
let taken: Taken[] = [];
let signIns: string[] = [];
let mailer: Mailer;

beforeEach(async () => {
  taken = [];
  signIns = [];
  server = new SMTPServer({
    ...identity,
    authMethods: ['XOAUTH2'],
    size: 10_000_000,
    onAuth(auth, session, callback) {
      signIns.push(`${auth.method} ${auth.username ?? ''} ${session.secure ? 'encrypted' : 'in the clear'}`);
      void (async () => {
        const token = await oidc.ClientCredentials.find(String(auth.accessToken));
        if (auth.username === MAILBOX && token?.clientId === CLIENT) callback(null, { user: MAILBOX });
        else callback(null, { data: { status: '401', schemes: 'bearer', scope: 'mail.send' } });
      })();
    },
    onData(stream, session, callback) {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        taken.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          bytes: Buffer.concat(parts),
        });
        callback(null, 'taken');
      });
    },
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  port = (server.server.address() as AddressInfo).port;
});

afterEach(async () => {
  await mailer.close();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
});

function open(overrides: { clientSecret?: string; username?: string } = {}): void {
  mailer = createMailer(
    {
      smtp: {
        enabled: true,
        server: 'localhost',
        port,
        enableSsl: true,
        username: overrides.username ?? MAILBOX,
        fromAddress: MAILBOX,
        caFile,
        oauth: {
          enabled: true,
          tokenEndpoint,
          clientId: CLIENT,
          clientSecret: overrides.clientSecret ?? canaryClientSecret,
          scope: 'mail.send',
        },
      },
    },
    { environment: {} },
  );
}

const MAIL: MailInput = { to: 'user@example.com', subject: 'Foreign', text: '.dots\n..\nend', html: '<p>x</p>' };

test('is delivered, and reads back as it was sent', async () => {
  open();
  const outcome = await mailer.send(MAIL);
  expect(outcome.ok).toBe(true);
  expect(signIns).toEqual([`XOAUTH2 ${MAILBOX} encrypted`]);
  expect(taken.map(({ from, to }) => [from, to])).toEqual([[MAILBOX, ['user@example.com']]]);
  const mail = await PostalMime.parse(taken[0]?.bytes ?? '');
  expect([mail.subject, mail.text?.trimEnd().replaceAll('\r\n', '\n')]).toEqual(['Foreign', '.dots\n..\nend']);
});

test('raw bytes arrive as they were', async () => {
  open();
  const raw = Buffer.from('Subject: raw\r\n\r\n.\r\n..a\r\n\u00e4 \r\n\r\n');
  expect((await mailer.send({ to: 'user@example.com', raw })).ok).toBe(true);
  expect(taken[0]?.bytes.equals(raw)).toBe(true);
});

test('a hundred mails go over kept connections with one token', async () => {
  open();
  const before = issuedTokens;
  const outcomes = await Promise.all(Array.from({ length: 100 }, async () => await mailer.send(MAIL)));
  expect(outcomes.filter(({ ok }) => ok)).toHaveLength(100);
  expect(taken).toHaveLength(100);
  expect(signIns.length).toBeLessThanOrEqual(3);
  expect(issuedTokens - before).toBe(1);
});

test('a wrong secret is a fault of the token, told with what the provider said', async () => {
  open({ clientSecret: 'another-secret-altogether' });
  const { fault } = await mailer.send(MAIL);
  expect(fault?.code).toBe('OAUTH_CLIENT_REFUSED');
  expect(fault?.evidence).toMatchObject({ kind: 'token', status: 401, error: 'invalid_client' });
  expect(signIns).toEqual([]);
});

test('a refused sign-in keeps the reason that the server put into its challenge', async () => {
  open({ username: 'stranger@example.com' });
  const { fault } = await mailer.send(MAIL);
  expect(fault?.code).toBe('SMTP_AUTH_REFUSED');
  expect(fault?.evidence).toMatchObject({
    kind: 'smtp',
    stage: 'auth',
    challenge: expect.stringContaining('"status":"401"'),
  });
  expect(taken).toEqual([]);
});
