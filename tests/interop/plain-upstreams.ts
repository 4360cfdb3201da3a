/** Mail servers that others wrote, each started with a configuration of its own in a folder of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import type { ServerIdentity } from '../setup/certificates.ts';

/** Who may sign in where signing in is asked for. */
export const USER = 'relay-user';
/** Their password. */
export const PASSWORD = 'relay-password-7';

/** How an upstream is set up. */
export interface UpstreamSetUp {
  readonly folder: string;
  /** Offers STARTTLS with this certificate, and asks for AUTH PLAIN; neither where it is left out. */
  readonly identity?: ServerIdentity;
}

/** A server that takes mail. */
export interface Upstream {
  readonly port: number;
  /** The messages that it took, each with the lines that it added itself left out. */
  messages(): Promise<readonly Buffer[]>;
  close(): Promise<void>;
}

/** A port that was free a moment ago: these programs do not say which one they took. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Waits until something greets on a port. */
async function untilGreeted(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 600 && child.exitCode === null; tries += 1) {
    const socket = connect(port, '127.0.0.1');
    const isGreeted = await Promise.race([
      once(socket, 'data').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isGreeted) return;
    // oxlint-disable-next-line promise/avoid-new -- nothing tells when a foreign program listens
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('The server did not come up.');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await once(child, 'exit');
  clearTimeout(timer);
}

/** npm's smtp-server. */
export async function startSmtpServer(_program: string, { identity }: UpstreamSetUp): Promise<Upstream> {
  const taken: Buffer[] = [];
  const server = new SMTPServer({
    ...(identity === undefined ? { disabledCommands: ['STARTTLS', 'AUTH'] } : { ...identity, authMethods: ['PLAIN'] }),
    authOptional: identity === undefined,
    onAuth: (auth, _session, callback) => {
      const isRight = auth.username === USER && auth.password === PASSWORD;
      if (isRight) callback(null, { user: USER });
      else callback(new Error('wrong'));
    },
    onData(stream, _session, callback) {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        taken.push(Buffer.concat(parts));
        callback(null, 'taken');
      });
    },
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.server.address() as AddressInfo).port,
    messages: () => Promise.resolve(taken),
    close: async () =>
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      }),
  };
}

function eximConfiguration(port: number, program: string, { folder, identity }: UpstreamSetUp): string {
  const account = userInfo().username;
  const tls =
    identity === undefined
      ? ['tls_advertise_hosts =']
      : ['tls_advertise_hosts = *', `tls_certificate = ${folder}/cert.pem`, `tls_privatekey = ${folder}/key.pem`];
  const rule = identity === undefined ? ['  accept'] : ['  accept authenticated = *', '  deny message = sign in first'];
  return [
    'primary_hostname = exim.example',
    `spool_directory = ${folder}/spool`,
    `log_file_path = ${folder}/%slog`,
    `exim_path = ${program}`,
    `exim_user = ${account}`,
    `exim_group = ${account}`,
    `daemon_smtp_ports = ${port}`,
    'local_interfaces = 127.0.0.1',
    'keep_environment =',
    'pid_file_path =',
    'queue_only = true',
    'acl_smtp_rcpt = acl_rcpt',
    'message_size_limit = 50M',
    'auth_advertise_hosts = *',
    ...tls,
    'begin acl',
    'acl_rcpt:',
    ...rule,
    ...(identity === undefined
      ? []
      : [
          'begin authenticators',
          'plain:',
          '  driver = plaintext',
          '  public_name = PLAIN',
          '  server_prompts = :',
          `  server_condition = \${if and{{eq{$auth2}{${USER}}}{eq{$auth3}{${PASSWORD}}}}}`,
          '  server_advertise_condition = ${if def:tls_in_cipher}',
          '  server_set_id = $auth2',
        ]),
    '',
  ].join('\n');
}

/** The message of a spool file: the header lines that the client sent, and the body; Exim keeps lines with LF. */
async function spooled(folder: string, id: string): Promise<Buffer> {
  const head = await readFile(join(folder, `${id}-H`), 'latin1');
  const body = await readFile(join(folder, `${id}-D`), 'latin1');
  // Each header line: its length in three digits or more, a letter (P and * for those of Exim itself), a space, the text.
  const lines: string[] = [];
  let at = head.indexOf('\n\n') + 2;
  for (;;) {
    const found = /^(\d{3,})(.) /.exec(head.slice(at, at + 20));
    if (found === null) break;
    const length = Number(found[1]);
    const start = at + found[0].length;
    lines.push(head.slice(start, start + length));
    at = start + length;
  }
  // The first line is that of Exim: the last stop of a message stands on top.
  const text = `${lines.slice(1).join('')}\n${body.slice(body.indexOf('\n') + 1)}`;
  return Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');
}

/** Exim of Debian; mail stays in its spool. */
export async function startExim(program: string, setUp: UpstreamSetUp): Promise<Upstream> {
  const { folder, identity } = setUp;
  const port = await freePort();
  await mkdir(join(folder, 'spool'), { recursive: true });
  await writeFile(join(folder, 'exim.conf'), eximConfiguration(port, program, setUp));
  if (identity !== undefined) {
    await writeFile(join(folder, 'cert.pem'), identity.cert);
    await writeFile(join(folder, 'key.pem'), identity.key, { mode: 0o600 });
  }
  const child = spawn(program, ['-C', join(folder, 'exim.conf'), '-bdf'], { stdio: 'ignore' });
  await untilGreeted(port, child);
  const input = join(folder, 'spool', 'input');
  return {
    port,
    async messages() {
      const names = await readdir(input).catch(() => []);
      const ids = names.filter((name) => name.endsWith('-H')).map((name) => name.slice(0, -2));
      return await Promise.all(ids.map(async (id) => await spooled(input, id)));
    },
    close: async () => await end(child),
  };
}

const HARAKA_PLUGIN = `
const { createWriteStream, renameSync } = require('node:fs')
exports.register = function () {
  this.register_hook('rcpt', 'take')
  // What comes from a client that signed in goes to the second.
  for (const name of ['queue', 'queue_outbound']) this.register_hook(name, 'store')
}
exports.take = (next, connection) => {
  if (process.env.ASKS_FOR_AUTH === '1' && !connection.relaying) return next(DENY, 'sign in first')
  next(OK)
}
exports.store = (next, connection) => {
  const file = process.env.TAKEN + '/' + connection.transaction.uuid
  const out = createWriteStream(file + '.part')
  out.once('finish', () => { renameSync(file + '.part', file + '.eml'); next(OK) })
  connection.transaction.message_stream.pipe(out, { line_endings: '\\r\\n' })
}
`;

const OWN_LINES = /^(?:Authentication-Results: (?:.*\r\n[ \t])*.*\r\n)?Received: (?:.*\r\n[ \t])*.*\r\n/;

/** Haraka, with a plugin that writes each message into a file. */
export async function startHaraka(program: string, { folder, identity }: UpstreamSetUp): Promise<Upstream> {
  const port = await freePort();
  const taken = join(folder, 'taken');
  for (const name of ['config', 'plugins', 'taken']) await mkdir(join(folder, name), { recursive: true });
  const config: Readonly<Record<string, string>> = {
    'smtp.ini': `listen=127.0.0.1:${port}\nnodes=0\n`,
    plugins: `${identity === undefined ? '' : 'tls\nauth/flat_file\n'}take\n`,
    loglevel: 'WARN\n',
    me: 'haraka.example\n',
    // Its own defaults do not reach a configuration of one's own.
    'connection.ini': await readFile(join(program, '..', '..', 'config', 'connection.ini'), 'utf8'),
    'auth_flat_file.ini': `[core]\nmethods=PLAIN\n[users]\n${USER}=${PASSWORD}\n`,
    ...(identity === undefined ? {} : { 'tls_cert.pem': identity.cert, 'tls_key.pem': identity.key }),
  };
  for (const [name, text] of Object.entries(config)) await writeFile(join(folder, 'config', name), text);
  await writeFile(join(folder, 'plugins', 'take.js'), HARAKA_PLUGIN);
  const child = spawn(process.execPath, [program, '-c', folder], {
    env: { PATH: process.env['PATH'], HOME: folder, TAKEN: taken, ASKS_FOR_AUTH: identity === undefined ? '0' : '1' },
    stdio: 'ignore',
  });
  await untilGreeted(port, child);
  return {
    port,
    async messages() {
      const names = (await readdir(taken)).filter((name) => name.endsWith('.eml'));
      const all = await Promise.all(names.map(async (name) => await readFile(join(taken, name), 'latin1')));
      // Its own lines stand on top: the result of signing in, and Received.
      return all.map((text) => Buffer.from(text.replace(OWN_LINES, ''), 'latin1'));
    },
    close: async () => await end(child),
  };
}
