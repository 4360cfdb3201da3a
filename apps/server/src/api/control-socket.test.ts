import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setImmediate as soon } from 'node:timers/promises';
import { success, type Result } from '@postbearer/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connectControlSocket, openControlSocket, type ControlSocket } from './control-socket.ts';
import type { Control } from './control.ts';

/** An operation that gives pieces, beside those that there are. */
interface WithPieces extends Control {
  pieces(input: { readonly count: number }): Promise<Result<AsyncIterable<number>>>;
}

let folder = '';
let socket: ControlSocket;
let isEnded = false;
const removeApp = vi.fn<Control['removeApp']>();

async function* pieces(count: number): AsyncGenerator<number> {
  try {
    for (let piece = 0; piece < count; piece += 1) {
      yield piece;
      await soon();
    }
    if (count === 13) throw new Error('It broke.');
  } finally {
    isEnded = true;
  }
}

async function connected(): Promise<WithPieces> {
  const found = await connectControlSocket(folder);
  if (!found.ok || found.value === undefined) throw new Error('Nobody listens.');
  return found.value as WithPieces;
}

beforeEach(async () => {
  isEnded = false;
  removeApp.mockReset().mockResolvedValue(success(undefined));
  folder = await mkdtemp(join(tmpdir(), 'control-'));
  const control: Pick<WithPieces, 'pieces' | 'removeApp'> = {
    removeApp,
    pieces: ({ count }) => Promise.resolve(success(pieces(count))),
  };
  const opened = await openControlSocket(folder, control as WithPieces);
  if (!opened.ok) throw new Error(opened.fault.message);
  socket = opened.value;
});

afterEach(async () => {
  await socket.close();
  await rm(folder, { recursive: true });
});

async function countOf(control: WithPieces, count: number, most = Infinity): Promise<number> {
  const result = await control.pieces({ count });
  if (!result.ok) throw new Error(result.fault.message);
  let seen = 0;
  for await (const piece of result.value) {
    expect(piece).toBe(seen);
    seen += 1;
    if (seen === most) break;
  }
  return seen;
}

test('an operation is found by its name, and its result is the same as on the spot', async () => {
  const control = await connected();
  expect(await control.removeApp({ name: 'a', actor: 'me' })).toEqual({ ok: true });
  expect(removeApp).toHaveBeenCalledWith({ name: 'a', actor: 'me' });
});

test('the socket is for the account of the service alone', async () => {
  expect((await stat(socket.path)).mode & 0o777).toBe(0o600);
});

test('an answer in pieces comes piece by piece and whole', async () => {
  expect(await countOf(await connected(), 2000)).toBe(2000);
});

test('an answer that breaks off is not taken for a whole one', async () => {
  await expect(countOf(await connected(), 13)).rejects.toThrow();
});

test('an answer that nobody reads any more is ended at its source', async () => {
  expect(await countOf(await connected(), Number.MAX_SAFE_INTEGER, 5)).toBe(5);
  await expect.poll(() => isEnded, { timeout: 10_000 }).toBe(true);
});

test.each([
  ['POST', '/control/toString', '{}'],
  ['POST', '/control/__proto__', '{}'],
  ['POST', '/control/nothing', '{}'],
  ['GET', '/control/removeApp', ''],
  ['POST', '/control/removeApp', 'null'],
  ['POST', '/control/removeApp', '{'],
  ['POST', '/', '{}'],
])('%s %s with %j is no operation', async (method, path, body) => {
  const asked = request({ socketPath: socket.path, method, path, agent: false }).end(body);
  const [incoming] = (await once(asked, 'response')) as [IncomingMessage];
  expect(JSON.parse(await text(incoming))).toMatchObject({ ok: false, fault: { code: 'SERVICE_ANSWER_UNCLEAR' } });
  expect(removeApp).not.toHaveBeenCalled();
});

test('nobody is found where nobody listens', async () => {
  await socket.close();
  expect(await connectControlSocket(folder)).toEqual({ ok: true, value: undefined });
});
