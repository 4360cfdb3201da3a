/**
 * The emulator's own API under `/emulator/`, for programs in other languages.
 *
 * ```
 * GET    /emulator/messages             list, oldest first          DELETE  forgets all
 * GET    /emulator/messages/{id}        one                         DELETE  forgets it
 * GET    /emulator/messages/{id}/raw    its bytes
 * GET    /emulator/state                the state, secrets blanked
 * POST   /emulator/state/{operation}    a JSON list of arguments, as the operation of that name takes them
 * GET    /emulator/faults               list                        POST    adds one        DELETE  clears all
 * DELETE /emulator/faults/{id}          clears one
 * GET    /emulator/counters             the counts
 * GET    /emulator/settings             a complete Global-variables.json
 * ```
 *
 * It is for programs on this machine: a request from a page of another origin or for another host name is refused, and
 * changes need the content type `application/json`, which no page can send unasked.
 */
import { Secret } from '@postbearer/core';
import { EmulatorError } from '../faults.ts';
import type { InjectedFault } from '../injected-fault.ts';
import { headerFields, readableField } from '../message-header.ts';
import type { ReceivedMessage } from '../messages.ts';
import type { StateOperations } from '../state/operations.ts';
import type { World } from '../world.ts';
import { requestFault, runOperation } from './control-operations.ts';
import { jsonReply, type HttpReply, type HttpRequest } from './exchange.ts';

/** What the API serves. */
export interface ControlledEmulator {
  readonly world: World;
  readonly operations: StateOperations;
  settings(): unknown;
}

const NOT_FOUND = jsonReply(404, { error: 'not found' });

function summary(message: ReceivedMessage): unknown {
  const { bytes, receivedAt, ...rest } = message;
  const subject = headerFields(bytes, 'subject')[0];
  return {
    ...rest,
    receivedAt: new Date(receivedAt).toISOString(),
    sizeBytes: bytes.byteLength,
    ...(subject === undefined ? {} : { subject: readableField(subject) }),
  };
}

function messagesRoute(world: World, method: string, id: string | undefined, part: string | undefined): HttpReply {
  if (id === undefined) {
    if (method === 'GET') return jsonReply(200, { messages: world.messages.list().map((message) => summary(message)) });
    return method === 'DELETE' ? jsonReply(200, { removed: world.messages.remove() }) : NOT_FOUND;
  }
  const message = world.messages.find(id);
  if (message === undefined) return NOT_FOUND;
  if (method === 'DELETE' && part === undefined) return jsonReply(200, { removed: world.messages.remove(id) });
  if (method !== 'GET') return NOT_FOUND;
  if (part === undefined) return jsonReply(200, summary(message));
  if (part !== 'raw') return NOT_FOUND;
  // Shown as a file to keep: foreign HTML must never run in the origin of this API.
  const headers = {
    'content-type': 'message/rfc822',
    'content-disposition': 'attachment; filename="message.eml"',
    'x-content-type-options': 'nosniff',
  };
  return { status: 200, headers, body: message.bytes };
}

function faultsRoute(world: World, method: string, id: string | undefined, body: unknown): HttpReply {
  if (method === 'DELETE') return jsonReply(200, { removed: world.faults.clear(id) });
  if (id !== undefined) return NOT_FOUND;
  if (method === 'GET') return jsonReply(200, { faults: world.faults.list() });
  return method === 'POST' ? jsonReply(201, { id: world.faults.add(body as InjectedFault) }) : NOT_FOUND;
}

function stateRoute(operations: StateOperations, method: string, name: string | undefined, body: unknown): HttpReply {
  if (name === undefined) return method === 'GET' ? jsonReply(200, operations.snapshot()) : NOT_FOUND;
  if (method !== 'POST') return NOT_FOUND;
  const { known, result } = runOperation(operations, name, body);
  if (!known) return NOT_FOUND;
  return jsonReply(200, { result: result instanceof Secret ? result.reveal() : null });
}

function parseBody(request: HttpRequest): unknown {
  if (request.method !== 'POST') return undefined;
  if (!/^application\/json\b/i.test(request.header('content-type')))
    throw requestFault({ key: 'content-type', reason: 'application/json is expected' });
  try {
    return JSON.parse(request.body);
  } catch {
    throw requestFault({ key: 'body', reason: 'it is not JSON' });
  }
}

function route(emulator: ControlledEmulator, request: HttpRequest): HttpReply {
  const { world, operations } = emulator;
  const [, , noun = '', id, part, ...more] = request.path.split('/');
  if (more.length > 0) return NOT_FOUND;
  const body = parseBody(request);
  switch (noun) {
    case 'messages':
      return messagesRoute(world, request.method, id, part);
    case 'faults':
      return faultsRoute(world, request.method, id, body);
    case 'state':
      return stateRoute(operations, request.method, id, body);
    case 'counters':
      return request.method === 'GET' ? jsonReply(200, world.counters) : NOT_FOUND;
    case 'settings':
      return request.method === 'GET' ? jsonReply(200, emulator.settings()) : NOT_FOUND;
    default:
      return NOT_FOUND;
  }
}

/** Answers one request; a mistake in it is told as a fault with status 400. */
export function answerControl(emulator: ControlledEmulator, request: HttpRequest): HttpReply {
  try {
    return route(emulator, request);
  } catch (error) {
    if (error instanceof EmulatorError) return jsonReply(400, { fault: error.fault });
    throw error;
  }
}
