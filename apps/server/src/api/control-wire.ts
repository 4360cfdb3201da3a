/**
 * The operations on the wire: `POST /control/NAME` with the input as JSON.
 *
 * The answer is the result as one JSON document, or, for what comes piece by piece, one line of JSON for each piece
 * (`application/jsonl`) until the connection ends; a last line `{"end":true}` says that it was whole. It is no public
 * interface: the command of the same version is its one client.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { failure, success, type Fault, type Result } from '@postbearer/core';
import type { Control } from './control.ts';
import { controlFaults } from './faults.ts';

const LARGEST_REQUEST_BYTES = 1024 * 1024;
/** An answer holds at most a page of messages with their faults. */
const LARGEST_ANSWER_BYTES = 32 * 1024 * 1024;
const LINES = 'application/jsonl';
const END = { end: true } as const;

type Operation = (input: object) => Promise<Result<unknown>>;

/** Why something did not work, in words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The whole of what a peer sends. */
export async function textOf(incoming: IncomingMessage, largestBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    if (bytes > largestBytes) throw new RangeError('it is too large');
  }
  return Buffer.concat(parts).toString('utf8');
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function operationOf(control: Control, url: string | undefined): Operation | undefined {
  const name = /^\/control\/([A-Za-z]+)$/.exec(url ?? '')?.[1] ?? '';
  // Own names alone: nothing that an object inherits is an operation.
  return Object.hasOwn(control, name) ? (control[name as keyof Control] as Operation) : undefined;
}

/** Whether nothing more can be written: the reader is gone, or the service ended the answer. */
function isOver(outgoing: ServerResponse): boolean {
  return outgoing.destroyed || outgoing.writableEnded;
}

/** Waits until more may be written; `false` where nobody reads any more. */
async function hasRoom(outgoing: ServerResponse): Promise<boolean> {
  if (isOver(outgoing)) return false;
  if (!outgoing.writableNeedDrain) return true;
  await new Promise<void>((done) => {
    const go = (): void => {
      outgoing.off('drain', go).off('close', go);
      done();
    };
    outgoing.on('drain', go).on('close', go);
  });
  return !isOver(outgoing);
}

async function answerLines(items: AsyncIterable<unknown>, outgoing: ServerResponse, asker?: Asker): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  const stop = (): void => void iterator.return?.();
  outgoing.once('close', stop);
  outgoing.writeHead(200, { 'content-type': LINES, connection: 'close' });
  outgoing.flushHeaders();
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
    if (asker?.isStillAllowed() === false) outgoing.end();
    if (isOver(outgoing)) break;
    outgoing.write(`${JSON.stringify({ item: next.value })}\n`);
    if (!(await hasRoom(outgoing))) break;
  }
  if (isOver(outgoing)) {
    await iterator.return?.();
    return;
  }
  outgoing.off('close', stop);
  outgoing.end(`${JSON.stringify(END)}\n`);
}

/** Who asks, where the request itself is not to be believed about it. */
export interface Asker {
  /** Replaces what the input says. */
  readonly actor: string;
  /** Asked before each piece of an answer that comes piece by piece. */
  readonly isStillAllowed: () => boolean;
}

/** Answers one request for an operation. */
export async function answerOperation(
  control: Control,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  asker?: Asker,
): Promise<void> {
  let result: Result<unknown>;
  try {
    const input: unknown = JSON.parse(await textOf(incoming, LARGEST_REQUEST_BYTES));
    const operation = operationOf(control, incoming.url);
    if (operation === undefined || incoming.method !== 'POST') throw new TypeError('there is no such operation');
    if (typeof input !== 'object' || input === null) throw new TypeError('the input is no object');
    result = await operation(asker === undefined ? input : { ...input, actor: asker.actor });
  } catch (error) {
    result = failure(controlFaults.make('SERVICE_ANSWER_UNCLEAR', { reason: reasonOf(error) }));
  }
  if (result.ok && isStream(result.value))
    return answerLines(result.value, outgoing, asker).catch(() => void outgoing.destroy());
  outgoing.writeHead(200, { 'content-type': 'application/json', connection: 'close' });
  outgoing.end(JSON.stringify(result));
}

/** Sends one request and gives the beginning of its answer. Throws what the connection throws. */
export type AskOperation = (name: string, body: string) => Promise<IncomingMessage>;

async function* linesOf(incoming: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  incoming.setEncoding('utf8');
  for await (const part of incoming as AsyncIterable<string>) {
    const lines = (rest + part).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

/** Thrown out of a stream that ended before it was whole. */
class AnswerCut extends Error {
  readonly fault: Fault = controlFaults.make('SERVICE_ANSWER_CUT');

  constructor(cause?: unknown) {
    super('The service ended its answer before it was whole.', { cause });
    this.name = 'AnswerCut';
  }
}

async function* itemsOf(incoming: IncomingMessage): AsyncGenerator {
  try {
    for await (const line of linesOf(incoming)) {
      const read = JSON.parse(line) as { readonly item: unknown } | typeof END;
      if ('end' in read) return;
      yield read.item;
    }
  } catch (error) {
    throw new AnswerCut(error);
  } finally {
    incoming.destroy();
  }
  throw new AnswerCut();
}

/** Whoever stops reading does not wait for a piece that may never come. */
function stoppable(incoming: IncomingMessage): AsyncIterable<unknown> {
  const items = itemsOf(incoming);
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => await items.next(),
      async return() {
        incoming.destroy();
        return await items.return(undefined).catch(() => ({ done: true, value: undefined }));
      },
    }),
  };
}

async function call(ask: AskOperation, name: string, input: unknown): Promise<Result<unknown>> {
  const incoming = await ask(name, JSON.stringify(input));
  if (incoming.headers['content-type'] === LINES) return success(stoppable(incoming));
  return JSON.parse(await textOf(incoming, LARGEST_ANSWER_BYTES)) as Result<unknown>;
}

/**
 * The operations of a service that is asked over a wire.
 *
 * @param onFailure - the fault for what the connection or the answer threw.
 */
export function remoteControl(ask: AskOperation, onFailure: (error: unknown) => Result<never>): Control {
  return new Proxy({} as Control, {
    // Whoever awaits an object looks for `then` in it.
    get: (_none, name) =>
      typeof name === 'symbol' || name === 'then'
        ? undefined
        : (input: unknown) => call(ask, name, input).catch((error: unknown) => onFailure(error)),
  });
}
