/** Looking at messages, and changing what becomes of them. */
import { pipeline } from 'node:stream/promises';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { MessageVerb } from '@postbearer/queue';
import { z } from 'zod';
import { accessFaults } from '../../access/faults.ts';
import { appNameOf, mayDo, type KeyScope } from '../../access/key.ts';
import { bareAddress } from './message-input.ts';
import { detailsOutput, messageDetails, messageRecord, messageState, recordOutput } from './message-output.ts';
import type { ApiParts } from './parts.ts';
import { plainText } from './plain-text.ts';
import { problemResponse } from './problem.ts';
import { actorOf, failed, json, route, type Route } from './route.ts';
import { visibleMessage, visiblePage } from './visibility.ts';

const GROUP = 'Messages';
const ID = { id: 'The name of the message in the queue.' } as const;
const NOTHING = z.strictObject({});

const instant = z.iso.datetime({ offset: true });

const listQuery = z.strictObject({
  q: plainText(200).min(1).exactOptional().meta({
    description: 'A text within the subject, the Message-ID, the address in From or that of a recipient, in any case.',
  }),
  state: z.array(messageState).max(12).exactOptional().meta({ description: 'Only this state; repeat it for more.' }),
  lane: plainText(1000).exactOptional().meta({ description: 'Only this lane.' }),
  app: plainText(200).exactOptional().meta({ description: 'Only what this app handed in.' }),
  from: bareAddress.exactOptional().meta({ description: 'Only with this address in From.' }),
  recipient: bareAddress.exactOptional().meta({ description: 'Only with this recipient.' }),
  messageId: plainText(1000).exactOptional().meta({ description: 'Only with this Message-ID.' }),
  fault: plainText(100).exactOptional().meta({ description: 'Only what met the fault of this code last.' }),
  since: instant.exactOptional().meta({ description: 'Accepted at or after.' }),
  until: instant.exactOptional().meta({ description: 'Accepted before.' }),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(500)
    .exactOptional()
    .meta({ description: 'Messages on a page; 50 where it is left out.' }),
  cursor: z
    .string()
    .regex(/^[0-9a-z]{26}$/, 'It is none that a page gave.')
    .exactOptional()
    .meta({ description: 'The `next` of the page before.' }),
});

const page = z
  .strictObject({
    messages: z.array(messageRecord),
    next: z.string().exactOptional().meta({ description: 'The `cursor` of the next page; absent on the last.' }),
  })
  .meta({ id: 'MessagePage', description: 'Messages, the newest first.' });

function listRoute(parts: ApiParts): Route {
  return route(
    {
      method: 'get',
      path: '/v1/messages',
      name: 'listMessages',
      group: GROUP,
      summary: 'List messages',
      description:
        'The newest first, page by page. A page may hold fewer than were asked for, or none, and still have a `next`: a search looks through a bounded part at a time.',
      access: ['read', 'send'],
      query: listQuery,
      lists: ['state'],
      answers: { 200: { description: 'A page.', schema: page } },
      problems: [422],
    },
    async ({ key, query }) => {
      const { q, state, fault, since, until, limit, cursor, ...same } = query;
      const filter = {
        ...same,
        ...(q === undefined ? {} : { search: q }),
        ...(state === undefined ? {} : { states: state }),
        ...(fault === undefined ? {} : { faultCode: fault }),
        ...(since === undefined ? {} : { since: Date.parse(since) }),
        ...(until === undefined ? {} : { until: Date.parse(until) }),
      };
      const request = {
        limit: limit ?? 50,
        ...(cursor === undefined ? {} : { after: cursor }),
      };
      const found = await visiblePage(filter, request, key, parts);
      if (!found.ok) return failed(found);
      const { messages, next } = found.value;
      return json({ messages: messages.map(recordOutput), ...(next === undefined ? {} : { next }) });
    },
  );
}

function showRoute(parts: ApiParts): Route {
  return route(
    {
      method: 'get',
      path: '/v1/messages/{id}',
      name: 'getMessage',
      group: GROUP,
      summary: 'Show a message',
      description:
        'With its recipients and everything that was tried. A key that may only send sees what it handed in.',
      access: ['read', 'send'],
      params: ID,
      query: NOTHING,
      answers: { 200: { description: 'The message.', schema: messageDetails } },
      problems: [404],
    },
    async ({ key, params }) => {
      const found = await visibleMessage(params['id'] ?? '', key, parts);
      return found.ok ? json(detailsOutput(found.value)) : failed(found);
    },
  );
}

function sourceRoute(parts: ApiParts): Route {
  return route(
    {
      method: 'get',
      path: '/v1/messages/{id}/source',
      name: 'getMessageSource',
      group: GROUP,
      summary: 'Get the bytes of a message',
      description: 'As they are sent. They are kept until some days after the message has ended.',
      access: ['read', 'send'],
      params: ID,
      query: NOTHING,
      answers: { 200: { description: 'The message.', type: 'message/rfc822' } },
      problems: [404, 410],
    },
    async ({ incoming, outgoing, key, params }) => {
      const id = params['id'] ?? '';
      const found = await visibleMessage(id, key, parts);
      if (!found.ok) return failed(found);
      const body = await parts.queue.openBody(id);
      if (!body.ok) return failed(body);
      const headers = {
        'content-type': 'message/rfc822',
        'content-length': String(found.value.sizeBytes),
        'content-disposition': `attachment; filename="${id}.eml"`,
      };
      if (incoming.method === 'HEAD') return new Response(undefined, { headers });
      outgoing.writeHead(200, headers);
      try {
        await pipeline(body.value.open(), outgoing);
      } catch (error) {
        // Its length was told, so nobody takes the part for the whole.
        if (!incoming.destroyed) parts.onError(error);
      }
      return RESPONSE_ALREADY_SENT;
    },
  );
}

const changed = z
  .strictObject({ id: z.string(), state: messageState })
  .meta({ id: 'ChangedMessage', description: 'A message after a change.' });

interface Verb {
  readonly verb: MessageVerb;
  readonly summary: string;
  readonly description: string;
  readonly access: readonly KeyScope[];
}

const VERBS: readonly Verb[] = [
  {
    verb: 'retry',
    summary: 'Try a message again now',
    description: 'What waits, is held, or ended without being delivered.',
    access: ['manage'],
  },
  { verb: 'release', summary: 'Let a held message go on', description: 'It is tried at once.', access: ['manage'] },
  {
    verb: 'discard',
    summary: 'Never send a message',
    description: 'Whoever has it already keeps it.',
    access: ['manage'],
  },
  {
    verb: 'cancel',
    summary: 'Call a message back',
    description: 'While it waits for its time or for its turn. A key that may only send calls back what it handed in.',
    access: ['manage', 'send'],
  },
];

function verbRoute({ verb, summary, description, access }: Verb, parts: ApiParts): Route {
  return route(
    {
      method: 'post',
      path: `/v1/messages/{id}/${verb}`,
      name: `${verb}Message`,
      group: GROUP,
      summary,
      description,
      access,
      params: ID,
      query: NOTHING,
      answers: { 200: { description: 'What it is now.', schema: changed } },
      problems: [403, 404, 409, 410],
    },
    async (call) => {
      const id = call.params['id'] ?? '';
      const found = await visibleMessage(id, call.key, parts);
      if (!found.ok) return failed(found);
      if (!mayDo(call.key, 'manage') && found.value.app !== appNameOf(call.key.name)) {
        return problemResponse(accessFaults.make('ACCESS_KEY_SCOPE', { key: call.key.name, scope: 'manage' }));
      }
      const state = await parts.control.changeMessage({ id, verb, actor: actorOf(call) });
      return state.ok ? json({ id, state: state.value }) : failed(state);
    },
  );
}

/** The routes about messages in the queue. */
export function messageRoutes(parts: ApiParts): readonly Route[] {
  return [listRoute(parts), showRoute(parts), sourceRoute(parts), ...VERBS.map((verb) => verbRoute(verb, parts))];
}
