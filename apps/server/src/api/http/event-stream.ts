/**
 * The stream of events (`text/event-stream`, WHATWG HTML section 9.2), as it is read by browsers and by curl.
 *
 * The rules of this file:
 * - a follower keeps its place by number (`Last-Event-ID`); where the ring has moved on it is told `reset`, because what it knows
 *   may be out of date, and goes on with what is still kept;
 * - nothing is kept for a follower: each is read to from the ring, as fast as it reads, so a slow one costs no memory; one that
 *   takes nothing between two heartbeats is closed;
 * - a key that is bound to mailboxes is told what concerns their lanes.
 */
import type { ServerResponse } from 'node:http';
import type { Clock, ClockTimer } from '@postbearer/core';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { z } from 'zod';
import type { ApiKey } from '../../access/key.ts';
import { timeOf } from './message-output.ts';
import type { ApiParts, EventEntry, EventFeed } from './parts.ts';
import { route, type Route } from './route.ts';
import { lanesOf } from './visibility.ts';

const TYPE = 'text/event-stream';
const HEARTBEAT_MS = 15_000;

/** Which events somebody is told. */
type Wants = (entry: EventEntry) => boolean;

function wantsOf(key: ApiKey, parts: ApiParts): Wants {
  const lanes = lanesOf(key, parts);
  return ({ event }) => lanes === undefined || ('lane' in event && lanes.includes(event.lane));
}

function textOf({ id, at, event }: EventEntry): string {
  return `id: ${id}\nevent: ${event.name}\ndata: ${JSON.stringify({ at: timeOf(at), ...event })}\n\n`;
}

function resetText(lastId: number): string {
  return `id: ${lastId}\nevent: reset\ndata: ${JSON.stringify({ reason: 'Events in between are no longer kept; look at what you show anew.' })}\n\n`;
}

/** What a follower is told from, and how. */
interface FollowerOptions {
  readonly feed: EventFeed;
  readonly outgoing: ServerResponse;
  readonly wants: Wants;
  /** Whether its key was not revoked meanwhile. */
  readonly isValid: () => boolean;
  readonly clock: Clock;
}

/** One follower. */
class Follower {
  readonly #options: FollowerOptions;
  #lastId: number;
  #timer: ClockTimer | undefined;
  #wasFull = false;

  constructor(options: FollowerOptions, lastId: number) {
    this.#options = options;
    this.#lastId = lastId;
  }

  /** Tells what there is and what comes, until the connection ends. */
  follow(): void {
    const { feed, outgoing } = this.#options;
    const pour = (): void => this.#pour();
    const subscription = feed.subscribe(pour);
    outgoing.on('drain', pour);
    outgoing.once('close', () => {
      subscription.close();
      this.#timer?.cancel();
    });
    this.#beat();
  }

  /** Writes until there is nothing more, or no room. */
  #pour(): void {
    const { feed, outgoing, wants, isValid } = this.#options;
    if (outgoing.destroyed || outgoing.writableEnded || outgoing.writableNeedDrain) return;
    if (!isValid()) {
      outgoing.end();
      return;
    }
    const { isGap, events } = feed.after(this.#lastId);
    if (isGap) {
      this.#lastId = (events[0]?.id ?? feed.lastId + 1) - 1;
      outgoing.write(resetText(this.#lastId));
    }
    for (const entry of events) {
      if (outgoing.writableNeedDrain) return;
      this.#lastId = entry.id;
      if (wants(entry)) outgoing.write(textOf(entry));
    }
  }

  #beat(): void {
    const { outgoing, clock } = this.#options;
    if (outgoing.writableEnded) return;
    const isFull = outgoing.writableNeedDrain;
    if (isFull && this.#wasFull) {
      outgoing.destroy();
      return;
    }
    this.#wasFull = isFull;
    if (!isFull) outgoing.write(': still here\n\n');
    this.#pour();
    if (!outgoing.writableEnded) this.#timer = clock.setTimer(() => this.#beat(), HEARTBEAT_MS, { background: true });
  }
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** The route of the stream. */
export function eventRoutes(parts: ApiParts): readonly Route[] {
  const query = z.strictObject({
    after: z
      .string()
      .regex(/^\d{1,15}$/)
      .exactOptional()
      .meta({
        description: 'Begin after this number, as the field Last-Event-ID does.',
      }),
  });
  return [
    route(
      {
        method: 'get',
        path: '/v1/events',
        name: 'followEvents',
        group: 'Events',
        summary: 'Follow what happens',
        description:
          'A stream of server-sent events. The name of each is that of the event in the log; its data is one JSON object. Where events in between are no longer kept, `reset` is told.',
        access: ['read'],
        query,
        headers: {
          'Last-Event-ID':
            'The number of the last event that was seen; only what comes from now on where it is left out.',
        },
        answers: { 200: { description: 'Events, until the connection ends.', type: TYPE } },
        problems: [422],
      },
      ({ incoming, outgoing, key, query: { after }, endless }) => {
        if (incoming.method === 'HEAD') return new Response(undefined, { headers: { 'content-type': TYPE } });
        const seen = numberOf([incoming.headers['last-event-id']].flat()[0]) ?? numberOf(after);
        const { events } = parts.monitoring;
        endless();
        outgoing.writeHead(200, {
          'content-type': TYPE,
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
        });
        const isValid = (): boolean => parts.keys.isValid(key);
        new Follower(
          { feed: events, outgoing, wants: wantsOf(key, parts), isValid, clock: parts.clock },
          seen ?? events.lastId,
        ).follow();
        return RESPONSE_ALREADY_SENT;
      },
    ),
  ];
}
