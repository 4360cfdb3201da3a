/**
 * Our server half spoken to by clients that nobody here wrote: each signs in within STARTTLS and delivers a message whose
 * bytes are compared. A client that is not installed skips its tests, with a count at the end of the run.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSmtpServer, type AuthAttempt, type SmtpServer } from '@postbearer/smtp/server';
import { createTransport } from 'nodemailer';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { canaryPassword, canaryTokenMark } from '../setup/canaries.ts';
import { makeCertificates, type ServerIdentity } from '../setup/certificates.ts';
import { itWithTool } from '../setup/foreign-tools.ts';
import { keepOutput } from '../setup/run-record.ts';

const MAILBOX = 'scanner@example.com';
const RECIPIENTS = ['first@example.net', 'second@example.net'] as const;
const TIME_MS = 60_000;

/** Dots at every place, an empty line at the end, 8-bit text, the longest line that RFC 5322 allows. */
const MESSAGE = [
  `From: ${MAILBOX}`,
  `To: ${RECIPIENTS.join(', ')}`,
  'Date: Tue, 24 Nov 2026 10:00:00 +0000',
  'Message-ID: <interop@example.com>',
  'Subject: interop',
  'MIME-Version: 1.0',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
  '',
  '.',
  '..',
  '.begins with a dot',
  'ends with a dot.',
  'Grüße, 用户',
  'x'.repeat(998),
  '',
  '',
].join('\r\n');

interface Received {
  readonly identity: string | undefined;
  readonly mechanism: string | undefined;
  readonly isEncrypted: boolean;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly content: string;
}

let folder = '';
let caFile = '';
let messageFile = '';
let identity: ServerIdentity;
let server: SmtpServer;
let port = 0;
/** The AUTH mechanisms that the server lists. */
let offered = '';
let received: Received[] = [];

function isRight(attempt: AuthAttempt): boolean {
  const secret = 'token' in attempt ? attempt.token : attempt.password;
  return attempt.username === MAILBOX && secret.reveal() === ('token' in attempt ? canaryTokenMark : canaryPassword);
}

beforeAll(async () => {
  const certificates = await makeCertificates();
  identity = certificates.good;
  folder = await mkdtemp(join(tmpdir(), 'postbearer-clients-'));
  caFile = join(folder, 'authority.pem');
  messageFile = join(folder, 'message.eml');
  await writeFile(caFile, certificates.trusted);
  await writeFile(messageFile, MESSAGE);
});

afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  received = [];
  offered = 'XOAUTH2 OAUTHBEARER PLAIN LOGIN';
  server = createSmtpServer<{ mechanism?: string }>({
    hostname: 'localhost',
    security: 'starttls',
    certificate: { certificatePem: identity.cert, privateKeyPem: identity.key },
    newState: () => ({}),
    handler: {
      extensions: (_, standard) => standard.map((line) => (line.startsWith('AUTH ') ? `AUTH ${offered}` : line)),
      authenticate(session, attempt) {
        session.state.mechanism = attempt.mechanism;
        return isRight(attempt) ? { identity: attempt.username } : { code: 535, enhanced: '5.7.8', text: 'Wrong' };
      },
      mail: ({ identity: signedIn }) =>
        signedIn === undefined ? { code: 530, enhanced: '5.7.1', text: 'Sign in first' } : undefined,
      async message(session, { envelope, content }) {
        const blocks: Uint8Array[] = [];
        for await (const block of content) blocks.push(block);
        received.push({
          identity: session.identity,
          mechanism: session.state.mechanism,
          isEncrypted: session.tls !== undefined,
          sender: envelope.sender,
          recipients: envelope.recipients,
          content: Buffer.concat(blocks).toString('utf8'),
        });
        return { code: 250, enhanced: '2.6.0', text: 'Queued' };
      },
    },
  });
  const started = await server.listen();
  if (!started.ok) throw new Error(started.fault.message);
  port = started.value.port;
});

afterEach(() => server.close({ graceMs: 0 }));

/** Runs a program to its end; gives what it printed, and fails where it says that it failed. */
async function run(program: string, args: readonly string[], input: string | Uint8Array = ''): Promise<void> {
  const child = spawn(program, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, LC_ALL: 'C.UTF-8' },
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => output.push(part));
  child.stderr.on('data', (part: Buffer) => output.push(part));
  // A program that does not read all of its input closes it.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('close', resolve);
  const exitCode = await promise;
  keepOutput(Buffer.concat(output).toString('utf8'));
  expect(exitCode, `${program} said: ${Buffer.concat(output).toString('utf8')}`).toBe(0);
}

async function privateFile(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await rm(path, { force: true });
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

function expectDelivered(mechanism: AuthAttempt['mechanism']): void {
  expect(received).toEqual([
    { identity: MAILBOX, mechanism, isEncrypted: true, sender: MAILBOX, recipients: [...RECIPIENTS], content: MESSAGE },
  ]);
}

describe('nodemailer', () => {
  for (const [mechanism, auth] of [
    ['XOAUTH2', { type: 'OAuth2', user: MAILBOX, accessToken: canaryTokenMark }],
    ['PLAIN', { user: MAILBOX, pass: canaryPassword }],
    ['LOGIN', { user: MAILBOX, pass: canaryPassword, method: 'LOGIN' }],
  ] as const) {
    it(`delivers with ${mechanism}`, async () => {
      const { method, ...credentials } = { method: mechanism, ...auth };
      const transport = createTransport({
        host: 'localhost',
        port,
        requireTLS: true,
        tls: { ca: await readFile(caFile, 'utf8') },
        auth: credentials,
        ...(mechanism === 'XOAUTH2' ? {} : { authMethod: method }),
      });
      const sent = await transport.sendMail({ envelope: { from: MAILBOX, to: [...RECIPIENTS] }, raw: MESSAGE });
      transport.close();
      expect(sent.response).toBe('250 2.6.0 Queued');
      expectDelivered(mechanism);
    });
  }
});

describe('curl', () => {
  for (const mechanism of ['XOAUTH2', 'OAUTHBEARER', 'PLAIN', 'LOGIN'] as const) {
    itWithTool(
      'curl',
      `delivers with ${mechanism}`,
      async (curl) => {
        const isBearer = mechanism === 'XOAUTH2' || mechanism === 'OAUTHBEARER';
        // Where it may choose it prefers OAUTHBEARER, whatever it is told.
        offered = mechanism;
        // A file of settings, so that no credential stands in the list of arguments.
        const settings = await privateFile(
          'curl.conf',
          [
            `url = "smtp://localhost:${port}"`,
            'ssl-reqd',
            `cacert = "${caFile}"`,
            `mail-from = "${MAILBOX}"`,
            ...RECIPIENTS.map((recipient) => `mail-rcpt = "${recipient}"`),
            ...(isBearer
              ? [`user = "${MAILBOX}"`, `oauth2-bearer = "${canaryTokenMark}"`]
              : [`user = "${MAILBOX}:${canaryPassword}"`]),
            `upload-file = "${messageFile}"`,
          ].join('\n'),
        );
        await run(curl, ['--silent', '--show-error', '--config', settings]);
        expectDelivered(mechanism);
      },
      TIME_MS,
    );
  }
});

describe('msmtp', () => {
  for (const mechanism of ['XOAUTH2', 'OAUTHBEARER', 'PLAIN', 'LOGIN'] as const) {
    itWithTool(
      'msmtp',
      `delivers with ${mechanism}`,
      async (msmtp) => {
        const isBearer = mechanism === 'XOAUTH2' || mechanism === 'OAUTHBEARER';
        const secret = await privateFile('msmtp.secret', `${isBearer ? canaryTokenMark : canaryPassword}\n`);
        const settings = await privateFile(
          'msmtp.conf',
          [
            'account default',
            'host localhost',
            `port ${port}`,
            'tls on',
            'tls_starttls on',
            `tls_trust_file ${caFile}`,
            `auth ${mechanism.toLowerCase()}`,
            `user ${MAILBOX}`,
            `passwordeval cat ${secret}`,
            '',
          ].join('\n'),
        );
        // It reads lines as files of this system have them.
        const input = MESSAGE.replaceAll('\r\n', '\n');
        await run(msmtp, [`--file=${settings}`, `--from=${MAILBOX}`, '--', ...RECIPIENTS], input);
        expectDelivered(mechanism);
      },
      TIME_MS,
    );
  }
});

describe('swaks', () => {
  // It knows no OAuth, and always adds a line end to the message.
  for (const mechanism of ['PLAIN', 'LOGIN'] as const) {
    itWithTool(
      'swaks',
      `delivers with ${mechanism}`,
      async (swaks) => {
        const settings = await privateFile(
          'swaks.conf',
          [
            `server localhost`,
            `port ${port}`,
            'tls',
            'tls-verify',
            `tls-ca-path ${caFile}`,
            `auth ${mechanism}`,
            `auth-user ${MAILBOX}`,
            `auth-password ${canaryPassword}`,
            `from ${MAILBOX}`,
            `to ${RECIPIENTS.join(',')}`,
            `data @${await privateFile('swaks.eml', MESSAGE.slice(0, -2))}`,
            'suppress-data',
            'hide-all',
            '',
          ].join('\n'),
        );
        await run(swaks, ['--config', settings]);
        expectDelivered(mechanism);
      },
      TIME_MS,
    );
  }
});

describe('smtplib of Python', () => {
  const script = `
import smtplib, ssl, sys
host, port, ca, sender, mechanism, secret_file, message_file, *recipients = sys.argv[1:]
secret = open(secret_file).read()
with smtplib.SMTP(host, int(port), timeout=30) as client:
    client.starttls(context=ssl.create_default_context(cafile=ca))
    client.ehlo()
    if mechanism == 'XOAUTH2':
        client.auth('XOAUTH2', lambda challenge=None: 'user=%s\\x01auth=Bearer %s\\x01\\x01' % (sender, secret))
    else:
        client.user, client.password = sender, secret
        client.auth(mechanism, getattr(client, 'auth_' + mechanism.lower()))
    client.sendmail(sender, recipients, open(message_file, 'rb').read(), mail_options=['BODY=8BITMIME'])
`;
  for (const mechanism of ['XOAUTH2', 'PLAIN', 'LOGIN'] as const) {
    itWithTool(
      'python3',
      `delivers with ${mechanism}`,
      async (python) => {
        const secret = await privateFile('python.secret', mechanism === 'XOAUTH2' ? canaryTokenMark : canaryPassword);
        const args = ['localhost', String(port), caFile, MAILBOX, mechanism, secret, messageFile, ...RECIPIENTS];
        await run(python, ['-', ...args], script);
        expectDelivered(mechanism);
      },
      TIME_MS,
    );
  }
});

describe('a wrong credential', () => {
  itWithTool(
    'curl',
    'is refused to curl, and nothing is delivered',
    async (curl) => {
      const settings = await privateFile('curl.conf', `user = "${MAILBOX}:wrong"\n`);
      const args = ['--silent', '--ssl-reqd', '--cacert', caFile, '--mail-from', MAILBOX, '--mail-rcpt', RECIPIENTS[0]];
      const outcome = run(curl, [
        '--config',
        settings,
        ...args,
        '--upload-file',
        messageFile,
        `smtp://localhost:${port}`,
      ]);
      await expect(outcome).rejects.toThrow('to be +0');
      expect(received).toEqual([]);
    },
    TIME_MS,
  );
});
