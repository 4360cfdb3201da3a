/** How the service stands, and its lanes. */
import { failure, success, type Result } from '@postbearer/core';
import type { QueueCounts } from '@postbearer/queue';
import { z } from 'zod';
import { accessFaults } from '../../access/faults.ts';
import type { ApiKey } from '../../access/key.ts';
import type { LaneStatus } from '../control.ts';
import { jsonBody } from './json-body.ts';
import { faultSchema, messageState, timeOf, timeSchema } from './message-output.ts';
import type { ApiParts } from './parts.ts';
import { plainText } from './plain-text.ts';
import { actorOf, failed, json, refused, route, type Route } from './route.ts';
import { lanesOf, seesLane } from './visibility.ts';

const GROUP = 'Lanes';
const NOTHING = z.strictObject({});

const laneSchema = z
  .strictObject({
    lane: z.string().meta({ description: 'The upstream and the mailbox.' }),
    owner: z.string().exactOptional().meta({ description: 'The node that sends for it.' }),
    label: z.string().exactOptional().meta({ description: 'Its name in the metrics, which hold no address.' }),
    queued: z.int(),
    sending: z.int(),
    oldestReadyAt: timeSchema.optional().meta({ description: 'Since when the oldest could be sent.' }),
    drainsAt: timeSchema
      .optional()
      .meta({ description: 'When what is queued will be sent, at the pace of the mailbox.' }),
    holds: z.array(
      z.strictObject({
        sender: z.string().meta({ description: 'The From that is held; empty for the whole lane.' }),
        kind: z.enum(['fault', 'person']).meta({ description: '`fault` ends by itself once it is mended.' }),
        since: timeSchema,
        fault: faultSchema.optional(),
      }),
    ),
  })
  .meta({ id: 'Lane', description: 'The queue of one mailbox.' });

const statusSchema = z
  .strictObject({
    states: z.record(z.string(), z.int()).exactOptional().meta({
      description: 'Messages by state, but for those that were delivered; not for a key that is bound to mailboxes.',
    }),
    lanes: z.array(laneSchema),
    stuck: z
      .array(
        z.strictObject({
          state: messageState,
          lane: z.string(),
          faultCode: z.string().exactOptional(),
          count: z.int(),
        }),
      )
      .meta({ description: 'Why what is not queued waits, the most frequent first.' }),
  })
  .meta({ id: 'Status', description: 'How the service stands.' });

function laneOutput({
  lane,
  owner,
  label,
  queued,
  leased,
  oldestReadyAt,
  drainsAt,
  holds,
}: LaneStatus): Record<string, unknown> {
  return {
    lane,
    ...(owner === undefined ? {} : { owner }),
    ...(label === undefined ? {} : { label }),
    queued,
    sending: leased,
    ...(oldestReadyAt === undefined ? {} : { oldestReadyAt: timeOf(oldestReadyAt) }),
    ...(drainsAt === undefined ? {} : { drainsAt: timeOf(drainsAt) }),
    holds: holds.map(({ sender, kind, since, fault }) => ({
      sender,
      kind,
      since: timeOf(since),
      ...(fault === undefined ? {} : { fault }),
    })),
  };
}

interface Seen {
  readonly states?: QueueCounts['states'];
  readonly lanes: readonly Record<string, unknown>[];
  readonly stuck: QueueCounts['stuck'];
}

async function seenBy(key: ApiKey, parts: ApiParts): Promise<Result<Seen>> {
  const status = await parts.control.status({});
  if (!status.ok) return status;
  const { states, lanes, stuck } = status.value;
  return success({
    ...(lanesOf(key, parts) === undefined ? { states } : {}),
    lanes: lanes.filter(({ lane }) => seesLane(key, lane, parts)).map(laneOutput),
    stuck: stuck.filter(({ lane }) => seesLane(key, lane, parts)),
  });
}

function lookRoutes(parts: ApiParts): readonly Route[] {
  const same = { method: 'get', group: GROUP, access: ['read'], query: NOTHING } as const;
  const laneList = z.strictObject({ lanes: z.array(laneSchema) }).meta({ id: 'LaneList', description: 'Lanes.' });
  return [
    route(
      {
        ...same,
        path: '/v1/status',
        name: 'getStatus',
        summary: 'Show how the service stands',
        answers: { 200: { description: 'Its lanes, and why messages wait.', schema: statusSchema } },
      },
      async ({ key }) => {
        const seen = await seenBy(key, parts);
        return seen.ok ? json(seen.value) : failed(seen);
      },
    ),
    route(
      {
        ...same,
        path: '/v1/lanes',
        name: 'listLanes',
        summary: 'List the lanes',
        answers: { 200: { description: 'Every lane that the key sees.', schema: laneList } },
      },
      async ({ key }) => {
        const seen = await seenBy(key, parts);
        return seen.ok ? json({ lanes: seen.value.lanes }) : failed(seen);
      },
    ),
  ];
}

const laneChoice = z
  .strictObject({
    lane: plainText(1000).min(1),
    sender: plainText(1000).exactOptional().meta({ description: 'Only this From; the whole lane where left out.' }),
  })
  .meta({
    id: 'LaneChoice',
    description: 'A lane, or one From in it.',
    examples: [{ lane: 'default/notifications@example.com' }],
  });

function changeRoute(verb: 'hold' | 'release', parts: ApiParts): Route {
  const isHold = verb === 'hold';
  return route(
    {
      method: 'post',
      path: `/v1/lanes/${verb}`,
      name: `${verb}Lane`,
      group: GROUP,
      summary: isHold ? 'Send nothing of a lane' : 'Let a lane send again',
      description: isHold
        ? 'Mail is accepted and kept; nothing of it is sent until the lane is released.'
        : 'After a set-up fault one message is tried first.',
      access: ['manage'],
      query: NOTHING,
      contents: { 'application/json': { schema: laneChoice } },
      answers: { 204: { description: 'It is done.' } },
      problems: [403, 413, 415, 422],
    },
    async (call) => {
      const body = await jsonBody(call.incoming, laneChoice);
      if (!body.ok) return refused(body);
      const { lane, sender = '' } = body.value;
      if (!seesLane(call.key, lane, parts)) {
        const values = { app: call.key.name, sender: lane, allowed: call.key.mailboxes.join(', ') };
        return failed(failure(accessFaults.make('ACCESS_SENDER_NOT_ALLOWED', values)));
      }
      const input = { lane, sender, actor: actorOf(call) };
      const done = await (isHold ? parts.control.holdLane(input) : parts.control.releaseLane(input));
      return done.ok ? new Response(undefined, { status: 204 }) : failed(done);
    },
  );
}

/** The routes about lanes. */
export function laneRoutes(parts: ApiParts): readonly Route[] {
  return [...lookRoutes(parts), changeRoute('hold', parts), changeRoute('release', parts)];
}
