/** A world for one case: a database of its own, a clock that moves when told, queues on it. */
import assert from 'node:assert/strict';
import {
  parseMailboxAddress,
  type Clock,
  type ClockTimer,
  type Fault,
  type MailboxAddress,
  type NextStep,
  type Result,
  type SmtpEvidence,
  type Verdict,
} from '@postbearer/core';
import type { Database, MigrationSet } from '@postbearer/database';
import {
  createQueue,
  queueMigrations,
  type AttemptReport,
  type Decision,
  type LeasedMessage,
  type Queue,
  type QueueOptions,
  type Submission,
} from '../index.ts';

/** How cases are told to a test runner. */
export interface ConformanceOptions {
  readonly describe: (name: string, define: () => void) => void;
  readonly it: (title: string, run: () => Promise<void>) => void;
  /** Whether several nodes can work on it at once. */
  readonly isShared: boolean;
  /** Opens a fresh database with these tables; the case closes it. */
  readonly openDatabase: (migrations: readonly MigrationSet[]) => Promise<Database>;
}

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #wallMs = Date.UTC(2026, 10, 24, 12);
  #monotonicMs = 1_000_000;
  readonly #timers = new Map<object, { readonly atMs: number; readonly callback: () => void }>();

  now(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  setTimer(callback: () => void, delayMs: number): ClockTimer {
    const key = {};
    this.#timers.set(key, { atMs: this.#monotonicMs + delayMs, callback });
    return { cancel: () => void this.#timers.delete(key) };
  }

  /** Lets time pass, as both clocks see it. */
  pass(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
    for (const [key, { atMs, callback }] of this.#timers) {
      if (atMs > this.#monotonicMs) continue;
      this.#timers.delete(key);
      callback();
    }
  }

  /** Sets the wall clock forwards or back, while no time passes. */
  jump(ms: number): void {
    this.#wallMs += ms;
  }
}

/** What a case works with. */
export interface World {
  readonly database: Database;
  readonly clock: ManualClock;
  /** Opens a queue that has settings for {@link LANE} and {@link OTHER_LANE}. */
  readonly open: (
    options?: QueueOptions & { readonly on?: Database; readonly lanes?: readonly string[] },
  ) => Promise<Queue>;
}

/** The lane that cases use. */
export const LANE = 'default/reports@example.com';
/** Another one. */
export const OTHER_LANE = 'default/alerts@example.com';

const SECOND = 1000;
/** Sixty seconds. */
export const MINUTE: number = 60 * SECOND;
/** Sixty minutes. */
export const HOUR: number = 60 * MINUTE;
/** Twenty-four hours. */
export const DAY: number = 24 * HOUR;

/** The value of a result that must be good. */
export function must<T>(result: Result<T>): T {
  if (!result.ok) assert.fail(`${result.fault.code}: ${result.fault.message}`);
  return result.value;
}

/** The code of a result that must be a failure. */
export function codeOf(result: Result<unknown>): string {
  if (result.ok) assert.fail('It was expected to fail.');
  return result.fault.code;
}

/** An address that is known to be good. */
export function address(text: string): MailboxAddress {
  return must(parseMailboxAddress(text));
}

/** A database whose answers can be lost on the way, after what was asked has been done. */
export function losingAnswers(database: Database, isLost: () => boolean): Database {
  const lost = { ok: false, fault: fault('DATABASE_OUTCOME_UNKNOWN', 'uncertain') } as const;
  return {
    kind: database.kind,
    query: (asked) => database.query(asked),
    batch: async (statements) => {
      const outcome = await database.batch(statements);
      return isLost() ? lost : outcome;
    },
    notify: (channel, payload) => database.notify(channel, payload),
    subscribe: (channel, listener) => database.subscribe(channel, listener),
    backup: (file) => database.backup(file),
    close: () => database.close(),
  };
}

/** A submission, with whatever a case wants otherwise. */
export function submission(changes: Partial<Submission> & { readonly to?: readonly string[] } = {}): Submission {
  const { to = ['user@example.net'], ...rest } = changes;
  return {
    lane: LANE,
    app: 'crm',
    envelope: { sender: address('reports@example.com'), recipients: to.map(address) },
    from: 'reports@example.com',
    messageId: '<1@example.com>',
    subject: 'Report',
    ...rest,
  };
}

/** A body. */
export const BODY: Uint8Array = new TextEncoder().encode('Subject: Report\r\n\r\nHello.\r\n');

/** Takes a message in, and gives its name. */
export async function enqueue(
  queue: Queue,
  changes: Parameters<typeof submission>[0] = {},
  content: Uint8Array = BODY,
): Promise<string> {
  return must(await queue.enqueue(submission(changes), content)).id;
}

/** A fault as a server or a sign-in gives it. */
function fault(code: Fault['code'], next: NextStep, more: Partial<Fault> = {}): Fault {
  return {
    code,
    title: 'A fault',
    message: 'It failed.',
    cause: 'A test.',
    remedy: { steps: ['None.'] },
    next,
    ...more,
  };
}

/** Not now. */
export const GREYLISTED: Fault = fault('SMTP_DEFERRED', 'retry');
/** Never. */
export const NO_SUCH_USER: Fault = fault('SMTP_REFUSED', 'give-up');
/** The line broke after the end of the message. */
export const LINE_BROKE: Fault = fault('SMTP_OUTCOME_UNKNOWN', 'uncertain');
/** Somebody has to renew the secret. */
export const SECRET_EXPIRED: Fault = fault('M365_CLIENT_SECRET_EXPIRED', 'needs-person');
/** The mailbox may not send as this From. */
export const SEND_AS_DENIED: Fault = fault('M365_SEND_AS_DENIED', 'needs-person');

/** An attempt that is to be made again. */
export const DEFERRED: Outcome = { outcome: 'deferred', fault: GREYLISTED };

const REPLY: SmtpEvidence = {
  kind: 'smtp',
  stage: 'final',
  host: 'smtp.example',
  code: 250,
  enhanced: '2.0.0',
  lines: ['OK <1>'],
};

/** A verdict on a recipient. */
export type Outcome = 'accepted' | { readonly outcome: 'deferred' | 'refused' | 'uncertain'; readonly fault: Fault };

function verdictOn(recipient: MailboxAddress, outcome: Outcome): Verdict {
  return outcome === 'accepted' ? { outcome, recipient, reply: REPLY } : { ...outcome, recipient };
}

/** What an attempt met, the same for every recipient or by address. */
export function report(
  clock: Clock,
  leased: LeasedMessage,
  outcome: Outcome | ((recipient: string) => Outcome),
  hold?: AttemptReport['hold'],
): AttemptReport {
  const verdicts = leased.recipients.map((recipient) =>
    verdictOn(recipient.address, typeof outcome === 'function' ? outcome(recipient.address) : outcome),
  );
  const at = clock.now();
  return { startedAt: at, endedAt: at, verdicts, ...(hold === undefined ? {} : { hold }) };
}

/** Leases what a case needs. */
export async function lease(queue: Queue, limit = 1, lane: string = LANE): Promise<readonly LeasedMessage[]> {
  return must(await queue.lease(lane, { limit }));
}

/** Leases exactly one message. */
export async function leaseOne(queue: Queue, lane: string = LANE): Promise<LeasedMessage> {
  const [leased, ...others] = await lease(queue, 1, lane);
  assert.equal(others.length, 0);
  if (leased === undefined) assert.fail('There was nothing to lease.');
  return leased;
}

/** Settles a lease, and says what was decided. */
export async function settle(
  { clock }: World,
  queue: Queue,
  leased: LeasedMessage,
  ...met: readonly [Outcome | ((recipient: string) => Outcome), AttemptReport['hold']?]
): Promise<Decision> {
  const decision = queue.decide(leased, report(clock, leased, ...met));
  assert.equal(must(await queue.settle(leased, decision)), true);
  return decision;
}

/** Lets time pass, by default until the next attempt of whatever was deferred. */
export async function waitForRetry({ clock }: World, queue: Queue, ms: number = 70 * MINUTE): Promise<void> {
  clock.pass(ms);
  await queue.tick();
}

/** The state of a message and of its recipients. */
export async function statesOf(queue: Queue, id: string): Promise<readonly string[]> {
  const { state, recipients } = must(await queue.get(id));
  return [state, ...recipients.map((recipient) => recipient.state)];
}

/** Bytes that look random and are the same each time. */
export function bytesOf(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** Everything that a source gives. */
export async function readAll(source: LeasedMessage['message']['content']): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  const parts: Uint8Array[] = [];
  for await (const part of source.open()) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

/** Runs one case in a world of its own, and closes what it opened. */
export function inWorld(
  { openDatabase }: ConformanceOptions,
  run: (world: World) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const clock = new ManualClock();
    const database = await openDatabase([queueMigrations]);
    const opened: Queue[] = [];
    const open: World['open'] = async ({ on = database, lanes = [LANE, OTHER_LANE], ...options } = {}) => {
      const queue = must(await createQueue(on, { clock, random: () => 0.5, ...options }));
      opened.push(queue);
      await queue.setLanes(lanes);
      return queue;
    };
    try {
      await run({ database, clock, open });
    } finally {
      for (const queue of opened) await queue.stop();
      await database.close();
    }
  };
}
