/**
 * The running service spoken to by clients that nobody here wrote: each signs in within STARTTLS and within TLS from the first
 * byte, and sends from an allowed network without either; the bytes that reach Microsoft 365 (the local one) are compared.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeCertificates } from '../setup/certificates.ts';
import { itWithTool } from '../setup/foreign-tools.ts';
import { RelayWorld, type Security } from '../setup/relay-world.ts';
import { keepOutput } from '../setup/run-record.ts';

const RECIPIENTS = ['first@example.net', 'second@example.net'] as const;
const TIME_MS = 60_000;
const WAYS = ['starttls', 'tls', 'plain'] as const satisfies readonly Security[];

let folder = '';
let caFile = '';
let messageFile = '';
let message = '';
let world: RelayWorld;
let password = '';

beforeAll(async () => {
  const certificates = await makeCertificates();
  folder = await mkdtemp(join(tmpdir(), 'relay-clients-'));
  caFile = join(folder, 'authority.pem');
  messageFile = join(folder, 'message.eml');
  await writeFile(caFile, certificates.trusted);
  await writeFile(join(folder, 'relay.pem'), certificates.good.cert);
  await writeFile(join(folder, 'relay.key'), certificates.good.key, { mode: 0o600 });
});

afterAll(async () => await rm(folder, { recursive: true }));

beforeEach(async () => {
  const certificate = { certificateFile: join(folder, 'relay.pem'), keyFile: join(folder, 'relay.key') };
  world = await RelayWorld.start({ service: { certificate } });
  password = await world.addApp({ networks: ['127.0.0.0/8'] });
  message = [
    `From: Scan Er <${world.mailbox}>`,
    `To: ${RECIPIENTS.join(', ')}`,
    'Date: Tue, 24 Nov 2026 10:00:00 +0000',
    'Message-ID: <interop@contoso.example>',
    'Subject: interop',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    '.',
    '..',
    '.begins with a dot',
    'Grüße, 用户',
    'x'.repeat(900),
    '',
  ].join('\r\n');
  await writeFile(messageFile, message);
});

afterEach(async () => await world[Symbol.asyncDispose]());

/** Runs a program to its end; gives its exit code and what it printed. */
async function run(program: string, args: readonly string[], input = ''): Promise<number | null> {
  const child = spawn(program, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, LC_ALL: 'C.UTF-8', PASSWORD: password },
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
  const text = Buffer.concat(output).toString('utf8');
  keepOutput(text);
  if (exitCode !== 77) expect(exitCode, `${program} said: ${text}`).toBe(0);
  return exitCode;
}

async function privateFile(name: string, lines: readonly string[]): Promise<string> {
  const path = join(folder, name);
  await rm(path, { force: true });
  await writeFile(path, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  return path;
}

/** What reached the mailbox: these recipients, and the message as it was behind a Received field that tells how it came. */
async function expectDelivered(way: Security, wanted: string = message): Promise<void> {
  const [received, ...more] = await world.emulator.waitForMessages(1, { timeoutMs: 25_000 });
  expect(more).toEqual([]);
  expect(received?.envelope).toEqual({ sender: world.mailbox, recipients: [...RECIPIENTS] });
  const text = Buffer.from(received?.bytes ?? '').toString('utf8');
  expect(text).toMatch(/^Received: from \S+ \(\[127\.0\.0\.1\]\)\r\n\tby relay\.example with /);
  expect(text).toContain(`with ${way === 'plain' ? 'ESMTP' : 'ESMTPSA'}\r\n\tid `);
  expect(text.slice(text.indexOf('\r\nFrom: ') + 2)).toBe(wanted);
}

describe.each(WAYS)('by %s', (way) => {
  const signsIn = way !== 'plain';

  test('nodemailer delivers', async () => {
    const transport = createTransport({
      host: 'localhost',
      port: world.port(way),
      secure: way === 'tls',
      ...(way === 'starttls' ? { requireTLS: true } : {}),
      ...(signsIn
        ? { auth: { user: 'scanner', pass: password }, tls: { ca: await readFile(caFile, 'utf8') } }
        : { ignoreTLS: true }),
    });
    const sent = await transport.sendMail({ envelope: { from: world.mailbox, to: [...RECIPIENTS] }, raw: message });
    transport.close();
    expect(sent.response).toMatch(/^250 2\.0\.0 Queued as /);
    await expectDelivered(way);
  });

  itWithTool(
    'curl',
    'curl delivers',
    async (curl) => {
      // A file of settings, so that no password stands in the list of arguments.
      const settings = await privateFile('curl.conf', [
        `url = "${way === 'tls' ? 'smtps' : 'smtp'}://localhost:${world.port(way)}"`,
        `mail-from = "${world.mailbox}"`,
        ...RECIPIENTS.map((recipient) => `mail-rcpt = "${recipient}"`),
        ...(signsIn ? ['ssl-reqd', `cacert = "${caFile}"`, `user = "scanner:${password}"`] : []),
        `upload-file = "${messageFile}"`,
      ]);
      await run(curl, ['--silent', '--show-error', '--config', settings]);
      await expectDelivered(way);
    },
    TIME_MS,
  );

  itWithTool(
    'msmtp',
    'msmtp delivers',
    async (msmtp) => {
      const secret = await privateFile('msmtp.secret', [password]);
      const settings = await privateFile('msmtp.conf', [
        'account default',
        'host localhost',
        `port ${world.port(way)}`,
        ...(signsIn
          ? [
              'tls on',
              `tls_starttls ${way === 'starttls' ? 'on' : 'off'}`,
              `tls_trust_file ${caFile}`,
              'auth login',
              'user scanner',
              `passwordeval cat ${secret}`,
            ]
          : ['tls off', 'auth off']),
      ]);
      // It reads lines as files of this system have them.
      const args = [`--file=${settings}`, `--from=${world.mailbox}`, '--', ...RECIPIENTS];
      await run(msmtp, args, message.replaceAll('\r\n', '\n'));
      await expectDelivered(way);
    },
    TIME_MS,
  );

  itWithTool(
    'swaks',
    'swaks delivers',
    async (swaks) => {
      // It always adds a line end to the message.
      await writeFile(messageFile, message.slice(0, -2));
      const settings = await privateFile('swaks.conf', [
        'server localhost',
        `port ${world.port(way)}`,
        `from ${world.mailbox}`,
        `to ${RECIPIENTS.join(',')}`,
        `data @${messageFile}`,
        'suppress-data',
        'hide-all',
        ...(signsIn
          ? [
              way === 'tls' ? 'tls-on-connect' : 'tls',
              'tls-verify',
              `tls-ca-path ${caFile}`,
              'auth PLAIN',
              'auth-user scanner',
              `auth-password ${password}`,
            ]
          : []),
      ]);
      await run(swaks, ['--config', settings]);
      await expectDelivered(way);
    },
    TIME_MS,
  );

  itWithTool(
    'python3',
    'smtplib of Python delivers',
    async (python) => {
      const script = `
import os, smtplib, ssl, sys
way, port, ca, sender, file, *recipients = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
make = (lambda: smtplib.SMTP_SSL('localhost', int(port), timeout=30, context=context)) if way == 'tls' else (lambda: smtplib.SMTP('localhost', int(port), timeout=30))
with make() as client:
    if way == 'starttls':
        client.starttls(context=context)
    if way != 'plain':
        client.login('scanner', os.environ['PASSWORD'])
    client.sendmail(sender, recipients, open(file, 'rb').read(), mail_options=['BODY=8BITMIME'])
`;
      await run(python, ['-', way, String(world.port(way)), caFile, world.mailbox, messageFile, ...RECIPIENTS], script);
      await expectDelivered(way);
    },
    TIME_MS,
  );

  itWithTool(
    'perl',
    'Net::SMTP of Perl delivers',
    async (perl, context) => {
      const script = `
use strict; use Net::SMTP;
my ($way, $port, $ca, $sender, $file, @recipients) = @ARGV;
if ($way ne 'plain') { eval { require IO::Socket::SSL; require Authen::SASL; 1 } or exit 77; }
my %tls = (SSL_ca_file => $ca, SSL_verifycn_name => 'localhost');
my $smtp = Net::SMTP->new('localhost', Port => $port, Timeout => 30, ($way eq 'tls' ? (SSL => 1, %tls) : ())) or die "no connection: $@";
if ($way eq 'starttls') { $smtp->starttls(%tls) or die 'starttls: ' . $smtp->message; }
if ($way ne 'plain') { $smtp->auth('scanner', $ENV{PASSWORD}) or die 'auth: ' . $smtp->message; }
$smtp->mail($sender, Bits => 8) or die 'mail: ' . $smtp->message;
$smtp->to(@recipients) or die 'to: ' . $smtp->message;
open my $in, '<:raw', $file or die $!; my $text = do { local $/; <$in> }; $text =~ s/\\r\\n/\\n/g;
$smtp->data($text) or die 'data: ' . $smtp->message;
$smtp->quit;
`;
      const args = ['-', way, String(world.port(way)), caFile, world.mailbox, messageFile, ...RECIPIENTS];
      // Its modules for TLS and signing in are packages of their own.
      if ((await run(perl, args, script)) === 77) {
        context.task.meta.missingTool = 'perl';
        context.skip();
      }
      await expectDelivered(way);
    },
    TIME_MS,
  );
});

describe('Postfix', () => {
  itWithTool(
    'smtpSource',
    'smtp-source delivers 200 messages over 10 connections from an allowed network',
    async (smtpSource) => {
      const to = `127.0.0.1:${world.port('plain')}`;
      const args = ['-s', '10', '-m', '200', '-l', '4000', '-f', world.mailbox, '-t', 'user@example.com', to];
      await run(smtpSource, args);
      const received = await world.emulator.waitForMessages(200, { timeoutMs: 50_000 });
      expect(received).toHaveLength(200);
      expect(new Set(received.map(({ bytes }) => bytes.length > 4000)).size).toBe(1);
    },
    TIME_MS,
  );
});

describe('a wrong password', () => {
  itWithTool(
    'curl',
    'is refused to curl, and nothing is delivered',
    async (curl) => {
      const settings = await privateFile('curl.conf', [
        `url = "smtp://localhost:${world.port('starttls')}"`,
        'ssl-reqd',
        `cacert = "${caFile}"`,
        'user = "scanner:wrong"',
        `mail-from = "${world.mailbox}"`,
        `mail-rcpt = "${RECIPIENTS[0]}"`,
        `upload-file = "${messageFile}"`,
      ]);
      await expect(run(curl, ['--silent', '--config', settings])).rejects.toThrow('to be +0');
      expect(world.emulator.messages).toEqual([]);
    },
    TIME_MS,
  );
});
