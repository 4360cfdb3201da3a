/**
 * How the service is: what `/health/ping`, `/health` and `/ready` answer.
 *
 * Each part says since when it is so and what that rests on; what nothing has shown yet is `unknown`, and never `ok`. Only what keeps
 * mail from being taken makes the whole `failed`: a held mailbox is a warning, because its mail is kept.
 */
import { success, type Clock, type Fault, type Result } from '@postbearer/core';
import { prepare, type Database, type ValueNamed } from '@postbearer/database';
import type { QueueCounts } from '@postbearer/queue';
import type { TokenFact, WebhookFact } from '../delivery/service-facts.ts';
import type { DatabaseState } from './database-watch.ts';
import type { DroppedRecords } from './log-writer.ts';
import { db } from './schema.ts';

/** How a part is. `warning`: mail is taken, and something needs a person. `failed`: mail cannot be taken. `unknown`: nothing has shown it yet. */
export type HealthState = 'ok' | 'unknown' | 'warning' | 'failed';

/** How one part is. */
export interface HealthPart {
  readonly name: 'process' | 'database' | 'disk' | 'listeners' | 'lanes' | 'tokens' | 'webhooks' | 'log' | 'shutdown';
  readonly state: HealthState;
  /** One sentence. */
  readonly message: string;
  /** What it rests on, such as `a write just now`. */
  readonly basis: string;
  /** Since when it is so, milliseconds since 1970. */
  readonly since: number;
}

/** How the whole is: as its worst part. */
export interface HealthReport {
  /** Whether no part failed. */
  readonly isHealthy: boolean;
  readonly state: HealthState;
  /** When it was looked, milliseconds since 1970. */
  readonly at: number;
  readonly parts: readonly HealthPart[];
}

/** What a face asks about the service. */
export interface Health {
  /** Whether the process answers at all; looks at nothing else. */
  live(): HealthReport;
  /** How each part is. */
  health(): Promise<HealthReport>;
  /** Whether mail may be handed in: the database can be written, there is room, and the service is not closing. */
  ready(): Promise<HealthReport>;
}

/** What health is read from. */
export interface HealthSources {
  readonly clock: Clock;
  readonly node: string;
  /** The watched database: writing to it shows what it can. */
  readonly database: Database;
  readonly databaseState: () => DatabaseState;
  readonly counts: () => Promise<QueueCounts | undefined>;
  readonly tokens: () => readonly TokenFact[];
  readonly disk: () => { readonly freeBytes?: number; readonly isNearlyFull: boolean; readonly since: number };
  /** Where mail is taken, such as `0.0.0.0:2525 (starttls)`. */
  readonly listeners: () => readonly string[];
  readonly webhooks: () => readonly WebhookFact[];
  readonly logTrouble: () => DroppedRecords | undefined;
  readonly isClosing: () => boolean;
}

const WORST: readonly HealthState[] = ['ok', 'unknown', 'warning', 'failed'];
/** How long an answer of the database holds: whoever asks more often gets the same. */
const PROBE_HOLDS_MS = 1000;
const PROBE_MS = 3000;

const writeProbe = prepare((value: ValueNamed<{ node: string; at: number }>) =>
  db
    .insertInto('write_probe')
    .values({ node: value('node'), at: value('at') })
    .onConflict((conflict) =>
      conflict.columns(['node']).doUpdateSet((excluded) => ({ at: excluded.ref('excluded.at') })),
    ),
);

function reportOf(parts: readonly HealthPart[], at: number): HealthReport {
  const state = WORST[Math.max(0, ...parts.map((part) => WORST.indexOf(part.state)))] ?? 'ok';
  return { isHealthy: state !== 'failed', state, at, parts };
}

/** Makes the answers. */
export function createHealth(sources: HealthSources): Health {
  const { clock } = sources;
  const startedAt = clock.now();
  const probe = databaseProbe(sources);
  return {
    live: () =>
      reportOf(
        [{ name: 'process', state: 'ok', message: 'The process answers.', basis: 'this answer', since: startedAt }],
        clock.now(),
      ),
    async health() {
      const [database, counts] = await Promise.all([probe(), sources.counts()]);
      const parts = [
        database,
        diskPart(sources),
        listenersPart(sources, startedAt),
        lanesPart(counts, startedAt, clock),
        ...tokensPart(sources, startedAt),
        ...webhooksPart(sources, startedAt),
        logPart(sources, startedAt),
        shutdownPart(sources, startedAt),
      ];
      return reportOf(parts, clock.now());
    },
    async ready() {
      return reportOf([await probe(), diskPart(sources), shutdownPart(sources, startedAt)], clock.now());
    },
  };
}

/** Writes to the database, at most once a second, and waits no longer than three. */
function databaseProbe({ clock, node, database, databaseState }: HealthSources): () => Promise<HealthPart> {
  let heldUntilMs = -Infinity;
  let writing: Promise<Result<unknown>> | undefined;
  let isLate = false;
  const write = async (): Promise<void> => {
    writing ??= database.batch([writeProbe({ node, at: clock.now() })]).finally(() => {
      writing = undefined;
    });
    const late = Promise.withResolvers<Result<unknown>>();
    const timer = clock.setTimer(() => late.resolve(success('late')), PROBE_MS);
    const outcome = await Promise.race([writing, late.promise]);
    timer.cancel();
    isLate = outcome.ok && outcome.value === 'late';
    heldUntilMs = clock.monotonicMs() + PROBE_HOLDS_MS;
  };
  return async () => {
    if (clock.monotonicMs() >= heldUntilMs) await write();
    const { isUp, since, fault } = databaseState();
    const basis = 'a write just now';
    if (isUp && !isLate) return { name: 'database', state: 'ok', message: 'The database stores.', basis, since };
    const message = fault?.message ?? `The database did not answer within ${PROBE_MS / 1000} s.`;
    return { name: 'database', state: 'failed', message, basis, since };
  };
}

function diskPart({ disk }: HealthSources): HealthPart {
  const { freeBytes, isNearlyFull, since } = disk();
  const basis = 'a look every other second';
  if (freeBytes === undefined)
    return { name: 'disk', state: 'unknown', message: 'How much room the disk has cannot be known.', basis, since };
  const megabytes = Math.floor(freeBytes / 1_000_000);
  return isNearlyFull
    ? { name: 'disk', state: 'failed', message: `Only ${megabytes} MB are free: no mail is taken.`, basis, since }
    : { name: 'disk', state: 'ok', message: `${megabytes} MB are free.`, basis, since };
}

function listenersPart({ listeners }: HealthSources, since: number): HealthPart {
  const open = listeners();
  const message = open.length === 0 ? 'Mail is taken nowhere.' : `Mail is taken at ${open.join(', ')}.`;
  return { name: 'listeners', state: 'ok', message, basis: 'the open listeners', since };
}

function lanesPart(counts: QueueCounts | undefined, startedAt: number, clock: Clock): HealthPart {
  const basis = 'the queue, read just now';
  if (counts === undefined)
    return { name: 'lanes', state: 'unknown', message: 'The queue cannot be read.', basis, since: clock.now() };
  const holds = counts.lanes.flatMap((lane) => lane.holds).filter(({ kind }) => kind === 'fault');
  const [first] = holds;
  if (first === undefined) return { name: 'lanes', state: 'ok', message: 'No lane is held.', basis, since: startedAt };
  const codes = [...new Set(holds.map(({ fault }) => fault?.code ?? ''))].join(', ');
  return {
    name: 'lanes',
    state: 'warning',
    message: `${holds.length === 1 ? 'One lane or sender is' : `${holds.length} lanes or senders are`} held: ${codes}.`,
    basis,
    since: Math.min(...holds.map(({ since }) => since)),
  };
}

function tokensPart({ tokens }: HealthSources, startedAt: number): HealthPart[] {
  return tokens().map(({ upstream, state, acquiredAt, expiresAt, failingSince, fault }) => {
    if (state === 'unproven') {
      const message = `No token was needed for ${upstream} since the start.`;
      return { name: 'tokens', state: 'unknown', message, basis: 'nothing yet', since: startedAt };
    }
    if (state === 'failing') return failingToken(upstream, failingSince ?? startedAt, fault);
    const ends = expiresAt === undefined ? '' : `, good until ${new Date(expiresAt).toISOString()}`;
    const message = `There is a token for ${upstream}${ends}.`;
    return { name: 'tokens', state: 'ok', message, basis: 'the last request', since: acquiredAt ?? startedAt };
  });
}

function failingToken(upstream: string, since: number, fault: Fault | undefined): HealthPart {
  const message = `No token for ${upstream}: ${fault?.title ?? 'refused'} (${fault?.code ?? ''}).`;
  return { name: 'tokens', state: 'warning', message, basis: 'the last request', since };
}

function webhooksPart({ webhooks }: HealthSources, since: number): HealthPart[] {
  const parked = webhooks().filter((webhook) => webhook.parked > 0);
  if (parked.length === 0) return [];
  const names = parked.map(({ name, parked: count }) => `${name} (${count})`).join(', ');
  const message = `Events were set aside for ${names}.`;
  return [{ name: 'webhooks', state: 'warning', message, basis: 'the table of events', since }];
}

function logPart({ logTrouble }: HealthSources, startedAt: number): HealthPart {
  const trouble = logTrouble();
  const basis = 'the last write';
  if (trouble === undefined)
    return { name: 'log', state: 'ok', message: 'The log is written.', basis, since: startedAt };
  const message = `${trouble.count} records could not be written: ${trouble.reason}.`;
  return { name: 'log', state: 'warning', message, basis, since: trouble.since };
}

function shutdownPart({ isClosing, clock }: HealthSources, startedAt: number): HealthPart {
  const basis = 'the service itself';
  return isClosing()
    ? { name: 'shutdown', state: 'failed', message: 'The service is being stopped.', basis, since: clock.now() }
    : { name: 'shutdown', state: 'ok', message: 'The service runs.', basis, since: startedAt };
}
