/** Haraka from npm with its own outbound queue, AUTH PLAIN over STARTTLS to the sink: it has no XOAUTH2 as a client. */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../sink/sink.ts';
import { USERNAME } from '../../workload.ts';
import { stopProgram, untilAnswering, type Relay, type RelayWorld } from './relay.ts';

function plugin(sinkPort: number): string {
  const next = {
    priority: 0,
    exchange: '127.0.0.1',
    port: sinkPort,
    auth_type: 'PLAIN',
    auth_user: USERNAME,
    auth_pass: 'secret',
  };
  return [
    'exports.register = function () {};',
    'exports.hook_connect = (next, connection) => { connection.relaying = true; next(); };',
    'exports.hook_rcpt = (next) => next(OK);',
    `exports.hook_get_mx = (next) => next(OK, ${JSON.stringify(next)});`,
    '',
  ].join('\n');
}

/** Starts it; `installed` is the folder of its package. */
export async function startHaraka(world: RelayWorld, installed: string): Promise<Relay> {
  const { folder, sink, connections } = world;
  for (const name of ['config', 'plugins', 'queue']) mkdirSync(join(folder, name), { recursive: true });
  const port = await freePort();
  copyFileSync(join(installed, 'config', 'connection.ini'), join(folder, 'config', 'connection.ini'));
  const files = {
    me: 'relay.example.com',
    host_list: 'relay.example.com',
    'smtp.ini': `listen=127.0.0.1:${port}\nnodes=0`,
    plugins: 'to_the_sink',
    loglevel: 'ERROR',
    'log.ini': '[main]\nlevel=error',
    'outbound.ini': `concurrency_max=${connections}\nenable_tls=true`,
    'tls.ini': `no_starttls_ports[]=${port}\n[outbound]\nrejectUnauthorized=false`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'config', name), `${text}\n`);
  writeFileSync(join(folder, 'plugins', 'to_the_sink.js'), plugin(sink.port));
  const log = openSync(join(folder, 'log'), 'a');
  const child = spawn(process.execPath, [join(installed, 'bin', 'haraka'), '-c', folder], {
    stdio: ['ignore', log, log],
  });
  await untilAnswering(port);
  return { port, pid: child.pid ?? 0, stop: () => stopProgram(child) };
}
