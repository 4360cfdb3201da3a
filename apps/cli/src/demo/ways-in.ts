/** The four ways in which the demo hands mail to the service, each as a program of that kind does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Result } from '@postbearer/core';
import { createMailer } from '@postbearer/mailer';
import { RECEIVER } from './messages.ts';

/** Where the service takes mail, and what opens it. */
export interface ServiceDoors {
  readonly mailbox: string;
  readonly startTlsPort: number;
  readonly plainPort: number;
  readonly httpPort: number;
  /** The certificate that the service made for itself. */
  readonly certificateFile: string;
  readonly app: { readonly name: string; readonly password: string };
  readonly key: string;
  readonly sendmailFolder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** One way: what it is called, and handing in a message with a subject. Gives what was answered, or throws. */
export interface WayIn {
  readonly title: string;
  send(subject: string): Promise<string>;
}

const LAUNCHER = fileURLToPath(new URL('../../bin/postbearer.mjs', import.meta.url));
const TEXT = 'Handed in without a token; delivered with one.\n';

async function bySmtp(smtp: Readonly<Record<string, unknown>>, mailbox: string, subject: string): Promise<string> {
  const server = { enabled: true, server: '127.0.0.1', fromAddress: mailbox, ...smtp };
  await using mailer = createMailer({ smtp: server }, { environment: {} });
  const outcome = await mailer.send({ to: RECEIVER, subject, text: TEXT });
  if (!outcome.ok) throw new Error(outcome.fault?.message ?? 'The message was not taken.');
  const [reply] = outcome.recipients.flatMap((verdict) => (verdict.outcome === 'accepted' ? [verdict.reply] : []));
  return `${reply?.code ?? ''} ${reply?.lines.join(' ') ?? ''}`;
}

async function byHttp({ httpPort, key, mailbox }: ServiceDoors, subject: string): Promise<string> {
  const asked = request({
    host: '127.0.0.1',
    port: httpPort,
    path: '/v1/messages',
    method: 'POST',
    agent: false,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': subject },
  });
  asked.end(JSON.stringify({ from: mailbox, to: [RECEIVER], subject, text: TEXT }));
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of answer as AsyncIterable<Buffer>) parts.push(part);
  if (answer.statusCode !== 202) throw new Error(`HTTP ${answer.statusCode ?? 0}: ${Buffer.concat(parts).toString()}`);
  const { id } = JSON.parse(Buffer.concat(parts).toString()) as { readonly id: string };
  return `HTTP 202, message ${id}`;
}

async function bySendmail({ sendmailFolder, environment }: ServiceDoors, subject: string): Promise<string> {
  const child = spawn(process.execPath, [LAUNCHER, 'sendmail', '-t', '-i'], {
    env: { PATH: environment['PATH'], POSTBEARER_SENDMAIL_FOLDER: sendmailFolder },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin.end(`To: ${RECEIVER}\nSubject: ${subject}\n\n${TEXT}`);
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  if (exitCode !== 0) throw new Error(`postbearer sendmail ended with ${exitCode ?? 'a signal'}.`);
  return 'exit code 0';
}

/** The ways that this system has; there is no sendmail on Windows. */
export function waysIn(doors: ServiceDoors): readonly WayIn[] {
  const { app, mailbox, startTlsPort, plainPort, certificateFile } = doors;
  const signedIn = { port: startTlsPort, enableSsl: true, username: app.name, password: app.password };
  return [
    {
      title: 'an old application, by SMTP with user and password over STARTTLS',
      send: async (subject) =>
        await bySmtp({ ...signedIn, server: 'localhost', caFile: certificateFile }, mailbox, subject),
    },
    { title: 'a web application, by HTTP with a key', send: async (subject) => await byHttp(doors, subject) },
    ...(process.platform === 'win32'
      ? []
      : [{ title: 'a cron job, by sendmail', send: async (subject: string) => await bySendmail(doors, subject) }]),
    {
      title: 'a printer, by SMTP from an allowed address without signing in',
      send: async (subject) => await bySmtp({ port: plainPort, enableSsl: false }, mailbox, subject),
    },
  ];
}

/** The value of a result, or the end of the demo. */
export function mustHave<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.fault.message);
  return result.value;
}
