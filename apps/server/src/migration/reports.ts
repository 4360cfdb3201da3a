/**
 * What both ways of a migration delivered, from what is stored with each attempt.
 *
 * Rule: what is counted is at most 48 hours old, and not older than the migration; a message counts once for each way.
 */
import { success, type Clock, type Result } from '@postbearer/core';
import { prepare, sqlBuilder, type Database, type ValueNamed } from '@postbearer/database';
import type { Queue, QueueCounts } from '@postbearer/queue';
import type {
  MigrationReport,
  MigrationReports,
  MigrationRequest,
  WayHour,
  WayOfMessage,
  WayTotals,
} from '../delivery/migration-report.ts';
import type { WayRow } from '../delivery/way-record.ts';
import { OAUTH_LANES, settingsUpstreamOf, type Way, type WayResult } from '../delivery/ways.ts';
import { judge } from './verdict.ts';

const HOUR_MS = 3_600_000;
const LONGEST_MS = 48 * HOUR_MS;
const PAGE = 500;

interface MessageColumns {
  id: string;
  message_id: string;
  app: string;
  state: string;
}

const db = sqlBuilder<{ message_way: WayRow; message: MessageColumns }>();

interface CountRow {
  readonly hour: number;
  readonly way: Way;
  readonly outcome: WayResult;
  readonly fault_code: string | null;
  readonly count: number;
}

// The latest attempt of each message on each way; the primary key finds whether there is a later one.
const countsSince = prepare((value: ValueNamed<{ since: number }>) =>
  db
    .selectFrom('message_way as one')
    .select(['one.hour', 'one.way', 'one.outcome', 'one.fault_code'])
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('one.at', '>=', value('since'))
    .where((build) =>
      build.not(
        build.exists(
          build
            .selectFrom('message_way as later')
            .select('later.number')
            .whereRef('later.message_id', '=', 'one.message_id')
            .whereRef('later.number', '>', 'one.number')
            .whereRef('later.way', '=', 'one.way'),
        ),
      ),
    )
    .groupBy(['one.hour', 'one.way', 'one.outcome', 'one.fault_code'])
    .orderBy('one.hour'),
);

const waysAfter = prepare((value: ValueNamed<{ since: number; after: string; limit: number }>) =>
  db
    .selectFrom('message_way')
    .innerJoin('message', 'message.id', 'message_way.message_id')
    .select([
      'message.id',
      'message.message_id',
      'message.app',
      'message.state',
      'message_way.way',
      'message_way.outcome',
      'message_way.fault_code',
      'message_way.at',
    ])
    .where('message_way.at', '>=', value('since'))
    .where('message.id', '>', value('after'))
    .orderBy('message.id')
    .orderBy('message_way.number')
    .limit(value('limit')),
);

function total(counts: readonly CountRow[], way: Way, outcome: WayResult): number {
  return counts.reduce((sum, row) => (row.way === way && row.outcome === outcome ? sum + row.count : sum), 0);
}

function upstreamOf(lane: string): string {
  return lane.slice(0, Math.max(0, lane.indexOf('/')));
}

/** What waits in the lanes of an upstream, for whatever reason. */
function waitingIn({ lanes, stuck }: QueueCounts, upstream: string): number {
  const queued = lanes.filter(({ lane }) => upstreamOf(lane) === upstream);
  const others = stuck.filter(({ lane }) => upstreamOf(lane) === upstream);
  return (
    queued.reduce((sum, lane) => sum + lane.queued + lane.leased, 0) + others.reduce((sum, { count }) => sum + count, 0)
  );
}

function totals(counts: readonly CountRow[], way: Way, waiting: number): WayTotals {
  return {
    delivered: total(counts, way, 'delivered'),
    failed: total(counts, way, 'failed'),
    refused: total(counts, way, 'refused'),
    waiting,
  };
}

function byHour(counts: readonly CountRow[]): WayHour[] {
  const hours = Map.groupBy(counts, ({ hour, way, outcome }) => `${hour} ${way} ${outcome}`);
  return [...hours.values()].flatMap((rows) => {
    const [first] = rows;
    if (first === undefined) return [];
    const { hour, way, outcome } = first;
    return [{ at: hour * HOUR_MS, way, outcome, count: rows.reduce((sum, { count }) => sum + count, 0) }];
  });
}

function faultsOf(counts: readonly CountRow[]): MigrationReport['faults'] {
  const failed = counts.filter((row) => row.outcome === 'failed' && row.fault_code !== null);
  const groups = Map.groupBy(failed, ({ way, fault_code: code }) => `${way} ${code}`);
  const all = [...groups.values()].flatMap(([first, ...others]) =>
    first === undefined
      ? []
      : [
          {
            way: first.way,
            code: first.fault_code ?? '',
            count: others.reduce((sum, { count }) => sum + count, first.count),
          },
        ],
  );
  return all.toSorted((a, b) => b.count - a.count);
}

function messageOf(row: MessageColumns & Pick<WayRow, 'way' | 'outcome' | 'fault_code' | 'at'>): WayOfMessage {
  const { id, message_id: messageId, app, state, way, outcome, fault_code: faultCode, at } = row;
  return { id, messageId, app, state, way, outcome, ...(faultCode === null ? {} : { faultCode }), at };
}

/** Makes the reports about a database that has the tables. */
export function createMigrationReports(options: {
  readonly database: Database;
  readonly queue: Pick<Queue, 'counts'>;
  readonly clock: Clock;
}): MigrationReports {
  const { database, queue, clock } = options;
  const sinceOf = (request: MigrationRequest, startedAt = request.since): number =>
    Math.max(startedAt ?? 0, clock.now() - LONGEST_MS);
  return {
    async report(request, migration): Promise<Result<MigrationReport>> {
      const since = sinceOf(request, migration?.startedAt);
      const [found, waiting] = await Promise.all([database.query(countsSince({ since })), queue.counts()]);
      if (!found.ok) return found;
      if (!waiting.ok) return waiting;
      const counts = found.value;
      const ways = {
        password: totals(counts, 'password', waitingIn(waiting.value, settingsUpstreamOf(OAUTH_LANES))),
        oauth: totals(counts, 'oauth', waitingIn(waiting.value, OAUTH_LANES)),
      };
      const isHeld = waiting.value.lanes.some(
        ({ lane, holds }) =>
          upstreamOf(lane) === OAUTH_LANES && holds.some(({ kind, sender }) => kind === 'fault' && sender === ''),
      );
      return success({
        at: clock.now(),
        since,
        ...(migration === undefined ? {} : { migration }),
        ways,
        hours: byHour(counts),
        faults: faultsOf(counts),
        ...judge({ oauth: ways.oauth, password: ways.password, isHeld }),
      });
    },
    async messages({ after = '', ...request }) {
      const found = await database.query(waysAfter({ since: sinceOf(request), after, limit: PAGE + 1 }));
      if (!found.ok) return found;
      if (found.value.length <= PAGE) return success({ messages: found.value.map(messageOf) });
      // A message is not cut in two: what was begun at the end of the page comes whole with the next.
      const last = found.value.at(-1)?.id;
      const whole = found.value.filter(({ id }) => id !== last);
      const next = whole.at(-1)?.id;
      return success({ messages: whole.map(messageOf), ...(next === undefined ? {} : { next }) });
    },
  };
}
