/** Handing in messages: one, in any of three forms, or several at once. */
import { failure, success } from '@postbearer/core';
import { z } from 'zod';
import { httpFaults } from '../faults.ts';
import { attachmentsOf, messageInput, messageWithoutFiles } from './message-input.ts';
import { acceptedMessage, type AcceptedMessage } from './message-output.ts';
import { takeMultipart } from './multipart.ts';
import type { ApiParts } from './parts.ts';
import { problemOf, problemSchema } from './problem.ts';
import { ENVELOPE_HEADERS, rawQuery, takeRaw, type RawQuery } from './raw-message.ts';
import { BodyBudget, checked, digestOf, mediaTypeOf, parseJson, withBody, type Outcome } from './request-body.ts';
import { json, refused, route, unknownType, type Call, type RawCall, type Route } from './route.ts';
import { composeAndTake, idempotencyKeyOf, RequestsInProgress } from './take-message.ts';

/** The most bytes of one body that is held in memory. */
const LARGEST_JSON_BYTES = 16 * 1024 * 1024;
/** The most bytes of all of them together. */
const ALL_JSON_BYTES = 64 * 1024 * 1024;
const LARGEST_BATCH = 100;
const GROUP = 'Sending';

const IDEMPOTENCY_HEADER = {
  'Idempotency-Key':
    'Makes repeating the same request safe for 24 hours: it is answered as the first time and sent once. 1 to 255 printable characters.',
} as const;

const pathOf = ({ id }: AcceptedMessage): string => `/v1/messages/${id}`;

async function takeJson(
  call: RawCall,
  idempotencyKey: string | undefined,
  budget: BodyBudget,
  parts: ApiParts,
): Promise<Outcome<AcceptedMessage>> {
  return await withBody(call.incoming, budget, LARGEST_JSON_BYTES, async (body) => {
    const value = parseJson(body);
    if (!value.ok) return value;
    const input = checked(messageInput, value.value);
    if (!input.ok) return input;
    const { attachments: _attachments, ...fields } = input.value;
    const idempotency = idempotencyKey === undefined ? undefined : { key: idempotencyKey, digest: digestOf(body) };
    return await composeAndTake(fields, attachmentsOf(input.value), idempotency, call, parts);
  });
}

const NO_QUERY = new URLSearchParams();

function take(
  call: Call<RawQuery>,
  idempotencyKey: string | undefined,
  budget: BodyBudget,
  parts: ApiParts,
): Promise<Outcome<AcceptedMessage>> | Outcome<never> {
  const type = mediaTypeOf(call.incoming);
  if (type === 'message/rfc822') return takeRaw(call, idempotencyKey, parts);
  const plain = { ...call, query: NO_QUERY };
  const [named] = Object.keys(call.query);
  if (named !== undefined) {
    const reason = `the parameter ${named} belongs to message/rfc822; JSON says it in its body`;
    return failure(httpFaults.make('SERVICE_FIELDS_INVALID', { reason }));
  }
  if (type === 'application/json') return takeJson(plain, idempotencyKey, budget, parts);
  if (type === 'multipart/form-data') return takeMultipart(plain, idempotencyKey, parts);
  return unknownType(call.incoming, ['application/json', 'message/rfc822', 'multipart/form-data']);
}

const multipartForm = z
  .strictObject({
    message: messageWithoutFiles.meta({ description: 'The fields as JSON.' }),
    attachments: z
      .array(z.string().meta({ contentMediaType: 'application/octet-stream' }))
      .exactOptional()
      .meta({ description: 'Files; repeat the part for more. A part named `cid:NAME` is an inline picture.' }),
  })
  .meta({ id: 'MessageForm', description: 'A message whose files come as parts of their own, streamed.' });

function sendRoute(parts: ApiParts, budget: BodyBudget, inProgress: RequestsInProgress): Route {
  return route(
    {
      method: 'post',
      path: '/v1/messages',
      name: 'sendMessage',
      group: GROUP,
      summary: 'Send a message',
      description:
        'Stores the message and answers when it is on disk: after 202 it is delivered, or whoever sent it is told why not. JSON and its attachments are held in memory, up to 16 MiB; the other two forms are streamed.',
      access: ['send'],
      query: rawQuery,
      lists: ['recipient'],
      headers: { ...IDEMPOTENCY_HEADER, ...ENVELOPE_HEADERS },
      contents: {
        'application/json': { schema: messageInput, description: 'The message, its attachments in Base64.' },
        'message/rfc822': {
          schema: z.string().meta({ contentMediaType: 'message/rfc822' }),
          description:
            'A whole message. Its bytes stay as they are, but for a Received line, missing Date, Message-ID and From, and Bcc fields, which are taken out.',
        },
        'multipart/form-data': {
          schema: multipartForm,
          description: 'For large attachments: its fields as JSON in one part, each file as another.',
        },
      },
      answers: {
        202: {
          description: 'It is stored and will be sent.',
          schema: acceptedMessage,
          headers: { Location: 'Where to look what became of it.' },
        },
      },
      problems: [409, 413, 415, 422, 507],
    },
    async (call) => {
      const key = idempotencyKeyOf(call);
      if (!key.ok) return refused(key);
      const taken = await inProgress.during(
        call.key,
        key.value,
        async () => await take(call, key.value, budget, parts),
      );
      return taken.ok ? json(taken.value, 202, { location: pathOf(taken.value) }) : refused(taken);
    },
  );
}

const batchInput = z
  .strictObject({ messages: z.array(z.unknown()).min(1).max(LARGEST_BATCH) })
  .meta({ id: 'BatchShape' });

const batchDocument = z
  .strictObject({ messages: z.array(messageInput).min(1).max(LARGEST_BATCH) })
  .meta({ id: 'BatchInput', description: 'Messages to send, each judged by itself.' });

const batchAnswer = z
  .strictObject({
    results: z.array(
      z.union([
        z.strictObject({ status: z.literal(202), message: acceptedMessage }),
        z.strictObject({ status: z.int(), problem: problemSchema }),
      ]),
    ),
  })
  .meta({ id: 'BatchResult', description: 'What became of each message, in their order.' });

function resultOf(taken: Outcome<AcceptedMessage>): Record<string, unknown> {
  if (taken.ok) return { status: 202, message: taken.value };
  const document = problemOf(taken.fault, taken.errors);
  return { status: document.status, problem: document };
}

async function takeOfBatch(
  value: unknown,
  idempotencyKey: string | undefined,
  call: RawCall,
  parts: ApiParts,
): Promise<Outcome<AcceptedMessage>> {
  const input = checked(messageInput, value);
  if (!input.ok) return input;
  const { attachments: _attachments, ...fields } = input.value;
  const idempotency =
    idempotencyKey === undefined
      ? undefined
      : { key: idempotencyKey, digest: digestOf(Buffer.from(JSON.stringify(value))) };
  return await composeAndTake(fields, attachmentsOf(input.value), idempotency, call, parts);
}

function batchRoute(parts: ApiParts, budget: BodyBudget, inProgress: RequestsInProgress): Route {
  return route(
    {
      method: 'post',
      path: '/v1/messages/batch',
      name: 'sendBatch',
      group: GROUP,
      summary: 'Send up to 100 messages',
      description:
        'Each message is judged by itself: one that is refused keeps no other from being sent. With an idempotency key the whole batch may be repeated; what was taken before is answered as then.',
      access: ['send'],
      query: z.strictObject({}),
      headers: IDEMPOTENCY_HEADER,
      contents: { 'application/json': { schema: batchDocument, description: 'The messages.' } },
      answers: { 200: { description: 'What became of each message.', schema: batchAnswer } },
      problems: [409, 413, 415, 422],
    },
    async (call) => {
      const key = idempotencyKeyOf(call);
      if (!key.ok) return refused(key);
      if (mediaTypeOf(call.incoming) !== 'application/json')
        return refused(unknownType(call.incoming, ['application/json']));
      const plain = { ...call, query: NO_QUERY };
      const taken = await inProgress.during(call.key, key.value, async () =>
        withBody(call.incoming, budget, LARGEST_JSON_BYTES, async (body) => {
          const value = parseJson(body);
          if (!value.ok) return value;
          const batch = checked(batchInput, value.value);
          if (!batch.ok) return batch;
          const results = await Promise.all(
            batch.value.messages.map((message, index) =>
              takeOfBatch(message, key.value === undefined ? undefined : `${key.value} ${index}`, plain, parts),
            ),
          );
          return success(results.map(resultOf));
        }),
      );
      return taken.ok ? json({ results: taken.value }) : refused(taken);
    },
  );
}

/** The routes that take messages in. */
export function sendRoutes(parts: ApiParts): readonly Route[] {
  const budget = new BodyBudget(ALL_JSON_BYTES);
  const inProgress = new RequestsInProgress();
  return [sendRoute(parts, budget, inProgress), batchRoute(parts, budget, inProgress)];
}
