/**
 * The control socket: HTTP on a Unix socket that only the account of the service can open (mode 0600, in a folder of 0700).
 *
 * One request asks for one operation: `POST /control/NAME` with its input as JSON; the answer is the result as JSON. It is no
 * public interface: the command of the same version is its one client. On Windows it is a named pipe.
 */
import { createHash } from 'node:crypto';
import { chmod, rm } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join, resolve } from 'node:path';
import { failure, success, type Result } from '@postbearer/core';
import type { Control } from './control.ts';
import { controlFaults } from './faults.ts';

const OPERATIONS = [
  'status',
  'listMessages',
  'showMessage',
  'changeMessage',
  'holdLane',
  'releaseLane',
  'addApp',
  'listApps',
  'removeApp',
] as const satisfies readonly (keyof Control)[];
const LARGEST_REQUEST_BYTES = 1024 * 1024;
const ANSWER_MS = 30_000;
/** What a client meets where nobody listens. */
const NOBODY: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ECONNREFUSED']);

type Operation = (input: never) => Promise<Result<unknown>>;

/** Where the socket of a data folder is. */
function controlSocketPath(dataFolder: string): string {
  if (process.platform !== 'win32') return join(resolve(dataFolder), 'control.sock');
  const name = createHash('sha256').update(resolve(dataFolder).toLowerCase()).digest('hex').slice(0, 16);
  return String.raw`\\.\pipe\postbearer-${name}`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of incoming) {
    parts.push(part as Buffer);
    bytes += (part as Buffer).length;
    if (bytes > LARGEST_REQUEST_BYTES) throw new RangeError('The request is too large.');
  }
  return Buffer.concat(parts).toString('utf8');
}

async function answer(control: Control, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const name = OPERATIONS.find((known) => incoming.url === `/control/${known}`);
  let result: Result<unknown>;
  try {
    const input: unknown = JSON.parse(await bodyOf(incoming));
    if (name === undefined || incoming.method !== 'POST') throw new TypeError('there is no such operation');
    if (typeof input !== 'object' || input === null) throw new TypeError('the input is no object');
    result = await (control[name] as Operation)(input as never);
  } catch (error) {
    result = failure(controlFaults.make('SERVICE_ANSWER_UNCLEAR', { reason: reasonOf(error) }));
  }
  outgoing.writeHead(200, { 'content-type': 'application/json', connection: 'close' });
  outgoing.end(JSON.stringify(result));
}

/** A socket that listens. */
export interface ControlSocket {
  readonly path: string;
  close(): Promise<void>;
}

/** Opens the socket of a data folder. The database there must be open already: that nobody else has it makes a left socket ours. Fails with `SERVICE_SOCKET_UNUSABLE`. */
export async function openControlSocket(dataFolder: string, control: Control): Promise<Result<ControlSocket>> {
  const path = controlSocketPath(dataFolder);
  const server = createServer((incoming, outgoing) => void answer(control, incoming, outgoing));
  try {
    if (process.platform !== 'win32') await rm(path, { force: true });
    await listen(server, path);
    if (process.platform !== 'win32') await chmod(path, 0o600);
  } catch (error) {
    server.close();
    return failure(controlFaults.make('SERVICE_SOCKET_UNUSABLE', { socket: path, reason: reasonOf(error) }));
  }
  return success({ path, close: () => close(server) });
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen({ path }, () => {
      server.removeListener('error', fail);
      done();
    });
  });
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
}

async function ask(path: string, name: string, input: unknown): Promise<string> {
  const reply = await new Promise<IncomingMessage>((done, fail) => {
    const asked = request({
      socketPath: path,
      path: `/control/${name}`,
      method: 'POST',
      timeout: ANSWER_MS,
      agent: false,
    });
    asked.once('error', fail);
    asked.once('timeout', () => asked.destroy(new Error('it did not answer in time')));
    asked.once('response', done);
    asked.end(JSON.stringify(input));
  });
  return await bodyOf(reply);
}

/** Whether somebody listens on the socket of a data folder. */
async function isListening(path: string): Promise<Result<boolean>> {
  try {
    await ask(path, 'nothing', {});
    return success(true);
  } catch (error) {
    if (NOBODY.has((error as NodeJS.ErrnoException).code)) return success(false);
    return failure(controlFaults.make('SERVICE_SOCKET_UNUSABLE', { socket: path, reason: reasonOf(error) }));
  }
}

/** The operations of the service that runs on a data folder; `undefined` where none runs. Fails with `SERVICE_SOCKET_UNUSABLE`. */
export async function connectControlSocket(dataFolder: string): Promise<Result<Control | undefined>> {
  const path = controlSocketPath(dataFolder);
  const found = await isListening(path);
  if (!found.ok) return found;
  if (!found.value) return success(undefined);
  const call =
    (name: string) =>
    async (input: unknown): Promise<Result<never>> => {
      try {
        return JSON.parse(await ask(path, name, input)) as Result<never>;
      } catch (error) {
        return failure(controlFaults.make('SERVICE_SOCKET_UNUSABLE', { socket: path, reason: reasonOf(error) }));
      }
    };
  return success({
    status: call('status'),
    listMessages: call('listMessages'),
    showMessage: call('showMessage'),
    changeMessage: call('changeMessage'),
    holdLane: call('holdLane'),
    releaseLane: call('releaseLane'),
    addApp: call('addApp'),
    listApps: call('listApps'),
    removeApp: call('removeApp'),
  });
}
