/**
 * The control socket: HTTP on a Unix socket that only the account of the service can open (mode 0600, in a folder of 0700).
 * On Windows it is a named pipe. What is said over it stands in `control-wire.ts`.
 */
import { createHash } from 'node:crypto';
import { chmod, rm } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { join, resolve } from 'node:path';
import { failure, success, type Result } from '@postbearer/core';
import { answerOperation, reasonOf, remoteControl } from './control-wire.ts';
import type { Control } from './control.ts';
import { controlFaults } from './faults.ts';

const ANSWER_MS = 30_000;
/** What a client meets where nobody listens. */
const NOBODY: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ECONNREFUSED']);

/** Where the socket of a data folder is. */
function controlSocketPath(dataFolder: string): string {
  if (process.platform !== 'win32') return join(resolve(dataFolder), 'control.sock');
  const name = createHash('sha256').update(resolve(dataFolder).toLowerCase()).digest('hex').slice(0, 16);
  return String.raw`\\.\pipe\postbearer-${name}`;
}

/** A socket that listens. */
export interface ControlSocket {
  readonly path: string;
  close(): Promise<void>;
}

/** Opens the socket of a data folder. The database there must be open already: that nobody else has it makes a left socket ours. Fails with `SERVICE_SOCKET_UNUSABLE`. */
export async function openControlSocket(dataFolder: string, control: Control): Promise<Result<ControlSocket>> {
  const path = controlSocketPath(dataFolder);
  const server = createServer((incoming, outgoing) => void answerOperation(control, incoming, outgoing));
  try {
    if (process.platform !== 'win32') await rm(path, { force: true });
    await listen(server, path);
    if (process.platform !== 'win32') await chmod(path, 0o600);
  } catch (error) {
    server.close();
    return unusable(path, error);
  }
  return success({ path, close: () => close(server) });
}

function unusable(path: string, error: unknown): Result<never> {
  return failure(controlFaults.make('SERVICE_SOCKET_UNUSABLE', { socket: path, reason: reasonOf(error) }));
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

async function ask(path: string, name: string, body: string): Promise<IncomingMessage> {
  return await new Promise<IncomingMessage>((done, fail) => {
    const asked = request({
      socketPath: path,
      path: `/control/${name}`,
      method: 'POST',
      timeout: ANSWER_MS,
      agent: false,
    });
    asked.once('error', fail);
    asked.once('timeout', () => asked.destroy(new Error('it did not answer in time')));
    asked.once('response', (incoming) => {
      // A stream may be silent for as long as nothing happens.
      asked.setTimeout(0);
      done(incoming);
    });
    asked.end(body);
  });
}

/** Whether somebody listens on the socket of a data folder. */
async function isListening(path: string): Promise<Result<boolean>> {
  try {
    (await ask(path, 'nothing', '{}')).destroy();
    return success(true);
  } catch (error) {
    if (NOBODY.has((error as NodeJS.ErrnoException).code)) return success(false);
    return unusable(path, error);
  }
}

/** The operations of the service that runs on a data folder; `undefined` where none runs. Fails with `SERVICE_SOCKET_UNUSABLE`. */
export async function connectControlSocket(dataFolder: string): Promise<Result<Control | undefined>> {
  const path = controlSocketPath(dataFolder);
  const found = await isListening(path);
  if (!found.ok) return found;
  if (!found.value) return success(undefined);
  return success(
    remoteControl(
      (name, body) => ask(path, name, body),
      (error) => unusable(path, error),
    ),
  );
}
