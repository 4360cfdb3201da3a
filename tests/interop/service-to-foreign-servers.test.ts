/** The service delivers to servers that others wrote: without encryption and sign-in, and with STARTTLS and AUTH PLAIN. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer, type Server } from '@postbearer/server';
import { readSettings } from '@postbearer/settings';
import nodemailer from 'nodemailer';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeCertificates, type CertificateSet } from '../setup/certificates.ts';
import { itWithTool } from '../setup/foreign-tools.ts';
import { PASSWORD, startExim, startHaraka, startSmtpServer, USER, type Upstream } from './plain-upstreams.ts';

const MAILBOX = 'app@example.com';
/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 25_000 };

let certificates: CertificateSet;
let root = '';
let upstream: Upstream | undefined;
let server: Server | undefined;

beforeAll(async () => {
  certificates = await makeCertificates();
});

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'postbearer-out-'));
  [upstream, server] = [undefined, undefined];
});

afterEach(async () => {
  await server?.close({ graceMs: 0 });
  await upstream?.close();
  await rm(root, { recursive: true });
});

async function serve(port: number, isEncrypted: boolean, password = PASSWORD): Promise<Server> {
  const caFile = join(root, 'authority.pem');
  await writeFile(caFile, certificates.trusted);
  const signIn = isEncrypted ? { enableSsl: true, username: USER, password, caFile } : { enableSsl: false };
  const smtp = { enabled: true, server: 'localhost', port, fromAddress: MAILBOX, ...signIn };
  const mailboxes = { [MAILBOX]: { upstream: 'default', pace: { messagesPerMinute: 60_000 } } };
  const configFile = join(root, 'settings.json');
  await writeFile(configFile, JSON.stringify({ smtp, postbearer: { mailboxes } }));
  const reading = await readSettings({ configFile, environment: {}, workingFolder: root });
  if (reading.settings === undefined) throw new Error(JSON.stringify(reading.findings));
  const started = await startServer({
    settings: reading.settings,
    dataFolder: join(root, 'data'),
    environment: {},
    service: { listeners: [{ port: 0, security: 'plain' }], hostname: 'relay.example' },
  });
  if (!started.ok) throw new Error(started.fault.message);
  server = started.value;
  const app = { name: 'app', mailboxes: [MAILBOX], networks: ['127.0.0.0/8'] };
  const added = await server.control.addApp({ app, actor: 'test' });
  if (!added.ok) throw new Error(added.fault.message);
  return server;
}

const HEADER = `From: ${MAILBOX}\r\nDate: Wed, 25 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n`;

/** What a server may stumble over: dots at the beginnings of lines, 8-bit text, a last line without text, length, long lines. */
const MESSAGES: readonly Buffer[] = [
  ['plain', 'It works.\r\n'],
  ['dots', '.\r\n..\r\n.leading\r\n\r\n.\r\n'],
  ['umlauts', 'Gr\u00fc\u00dfe, \u4e16\u754c\r\n\r\n\r\n'],
  ['lines', `${'x'.repeat(990)}\r\n`.repeat(3)],
  ['long', `${'0123456789'.repeat(7)}\r\n`.repeat(5000)],
].map(([name = '', body = '']) =>
  Buffer.from(`${HEADER}To: user@example.net\r\nMessage-ID: <${name}@example.com>\r\nSubject: ${name}\r\n\r\n${body}`),
);

async function handIn(service: Server): Promise<void> {
  const port = service.addresses[0]?.port ?? 0;
  const transport = nodemailer.createTransport({ host: '127.0.0.1', port, ignoreTLS: true });
  for (const raw of MESSAGES) {
    await transport.sendMail({ raw, envelope: { from: MAILBOX, to: ['user@example.net', 'other@example.net'] } });
  }
  transport.close();
}

/** Without the one line that the service adds on top. */
function withoutReceived(message: Buffer): string {
  return message.toString('latin1').replace(/^Received: (?:.*\r\n[ \t])*.*\r\n/, '');
}

const sent = MESSAGES.map((message) => message.toString('latin1')).toSorted();

async function arrived(from: Upstream): Promise<readonly string[]> {
  return (await from.messages()).map(withoutReceived).toSorted();
}

async function everythingArrives(start: typeof startExim, program: string, isEncrypted: boolean): Promise<void> {
  upstream = await start(program, { folder: root, ...(isEncrypted ? { identity: certificates.good } : {}) });
  const from = upstream;
  const service = await serve(from.port, isEncrypted);
  await handIn(service);
  await expect.poll(async () => (await from.messages()).length, WAIT).toBe(MESSAGES.length);
  expect(await arrived(from)).toEqual(sent);
  await expect
    .poll(async () => {
      const listed = await service.control.listMessages({ filter: { states: ['delivered'] }, page: {} });
      return listed.ok ? listed.value.messages.length : 0;
    }, WAIT)
    .toBe(MESSAGES.length);
}

describe.each([
  ['without encryption and sign-in', false],
  ['with STARTTLS and AUTH PLAIN', true],
] as const)('%s, each message arrives byte for byte at', (_how, isEncrypted) => {
  test("npm's smtp-server", async () => {
    await everythingArrives(startSmtpServer, '', isEncrypted);
  });

  itWithTool('exim', 'Exim', async (program) => await everythingArrives(startExim, program, isEncrypted), 60_000);

  itWithTool('haraka', 'Haraka', async (program) => await everythingArrives(startHaraka, program, isEncrypted), 60_000);
});

describe('a wrong password holds the lane, and no message is lost, at', () => {
  async function isHeld(start: typeof startExim, program: string): Promise<void> {
    upstream = await start(program, { folder: root, identity: certificates.good });
    const service = await serve(upstream.port, true, 'another-password');
    await handIn(service);
    await expect
      .poll(async () => {
        const status = await service.control.status({});
        return status.ok ? status.value.lanes.flatMap(({ holds }) => holds.map(({ kind }) => kind)) : [];
      }, WAIT)
      .toEqual(['fault']);
    expect(await upstream.messages()).toEqual([]);
    const listed = await service.control.listMessages({ filter: {}, page: {} });
    expect(listed.ok && listed.value.messages.length).toBe(MESSAGES.length);
  }

  test("npm's smtp-server", async () => await isHeld(startSmtpServer, ''));
  itWithTool('exim', 'Exim', async (program) => await isHeld(startExim, program), 60_000);
  itWithTool('haraka', 'Haraka', async (program) => await isHeld(startHaraka, program), 60_000);
});
