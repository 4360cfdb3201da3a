/**
 * Learning: for a while, devices enrol by calling in.
 *
 * The rules of this file:
 * - only from a network that a person named, for a time that a person named, at most a week; it ends by itself, whichever of the
 *   two clocks says so first, and a restart does not change when;
 * - a network with addresses of the Internet is refused unless the person says so;
 * - a device that calls without a password becomes an app of its own address; one that signs in becomes an app of the name and
 *   password that it has. Each may send as the mailboxes that were named, and nothing else;
 * - no more than 500 are enrolled in one go.
 */
import { failure, success, type Clock, type Result, type Secret } from '@postbearer/core';
import { prepare, type Database, type ValueNamed } from '@postbearer/database';
import { parseApp, type App, type AppInput, type FromRule } from './app.ts';
import { ACCESS_CHANNEL } from './app-rows.ts';
import { auditStatement } from './audit.ts';
import { accessFaults } from './faults.ts';
import {
  isInRange,
  isPrivateRange,
  parseNetworkRange,
  placeName,
  shownAddress,
  type NetworkRange,
} from './network-range.ts';
import { db, type AccessTables } from './schema.ts';

/** What is to be learnt. */
export interface LearnInput {
  readonly network: string;
  readonly mailboxes: readonly string[];
  readonly fromRule: FromRule;
  /** How long; 0 ends it. */
  readonly forMs: number;
  /** The person knows that the network holds addresses of the Internet. */
  readonly isPublicMeant?: boolean;
}

/** A network whose devices are being learnt. */
export interface LearningNetwork {
  readonly network: string;
  readonly mailboxes: readonly string[];
  readonly fromRule: FromRule;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly until: number;
}

/** The app of a device that called. */
export interface EnrolledApp {
  readonly app: App;
  /** The network by which it was enrolled just now; absent where it was before. */
  readonly network?: string;
}

/** A device that calls. */
export interface Caller {
  readonly address: string;
  /** Where it signs in. */
  readonly credentials?: { readonly username: string; readonly password: Secret };
}

/** The apps, as far as learning needs them. */
export interface AppsToLearn {
  add(
    input: AppInput,
    actor: string,
    options: { readonly learnedAt: number; readonly password?: Secret },
  ): Promise<Result<{ readonly app: App }>>;
  byAddress(address: string): App | undefined;
  byName(name: string): App | undefined;
}

const MINUTE_MS = 60_000;
const LONGEST_MS = 7 * 24 * 3_600_000;
const MOST_ENROLLED = 500;

type Row = AccessTables['learning'];

const putRow = prepare((value: ValueNamed<{ readonly [Column in keyof Row]: Row[Column] }>) =>
  db
    .insertInto('learning')
    .values({
      network: value('network'),
      mailboxes: value('mailboxes'),
      from_rule: value('from_rule'),
      started_at: value('started_at'),
      until: value('until'),
      actor: value('actor'),
    })
    .onConflict((conflict) =>
      conflict.column('network').doUpdateSet((excluded) => ({
        mailboxes: excluded.ref('excluded.mailboxes'),
        from_rule: excluded.ref('excluded.from_rule'),
        started_at: excluded.ref('excluded.started_at'),
        until: excluded.ref('excluded.until'),
        actor: excluded.ref('excluded.actor'),
      })),
    ),
);

const allRows = prepare(() => db.selectFrom('learning').selectAll().orderBy('network'));

const removeEnded = prepare((value: ValueNamed<{ now: number }>) =>
  db.deleteFrom('learning').where('until', '<=', value('now')),
);

interface OpenNetwork extends LearningNetwork {
  readonly range: NetworkRange;
  /** By the monotonic clock: a clock that is set back must not keep a door open. */
  readonly untilMs: number;
  enrolled: number;
}

function shownTime(ms: number): string {
  return `${Math.round(ms / MINUTE_MS)} minutes`;
}

/** See the head of this file. Knows nothing until {@link Learning.reload}. */
export class Learning {
  readonly #database: Database;
  readonly #apps: AppsToLearn;
  readonly #clock: Clock;
  #networks: readonly OpenNetwork[] = [];
  /** One device is enrolled at a time. */
  #enrolling: Promise<unknown> = Promise.resolve();

  constructor(database: Database, apps: AppsToLearn, clock: Clock) {
    this.#database = database;
    this.#apps = apps;
    this.#clock = clock;
  }

  /** Reads what is being learnt anew. Where that fails, what is known stays. */
  async reload(): Promise<Result<void>> {
    const found = await this.#database.query(allRows({}));
    if (!found.ok) return found;
    const before = new Map(this.#networks.map((each) => [`${each.network} ${each.startedAt}`, each]));
    this.#networks = found.value.flatMap((row) => {
      const known = before.get(`${row.network} ${row.started_at}`);
      if (known !== undefined && known.until === row.until) return [known];
      const range = parseNetworkRange(row.network);
      return range.ok ? [this.#opened(row, range.value)] : [];
    });
    return success(undefined);
  }

  /**
   * Begins to learn the devices of a network, or changes until when; `forMs` of 0 ends it.
   *
   * Fails with `ACCESS_NETWORK_INVALID`, `ACCESS_LEARN_PUBLIC`, `ACCESS_LEARN_TIME`, as `parseApp` does for the mailboxes, or with
   * what the database reports.
   */
  async learn(input: LearnInput, actor: string): Promise<Result<LearningNetwork>> {
    const { network, mailboxes, fromRule, forMs, isPublicMeant = false } = input;
    const range = parseNetworkRange(network);
    if (!range.ok) return range;
    const isEnd = forMs === 0;
    if (!isEnd && !isPublicMeant && !isPrivateRange(range.value))
      return failure(accessFaults.make('ACCESS_LEARN_PUBLIC', { network }));
    if (!isEnd && !(forMs >= MINUTE_MS && forMs <= LONGEST_MS))
      return failure(accessFaults.make('ACCESS_LEARN_TIME', { time: shownTime(forMs) }));
    const proof = parseApp({ name: 'device', mailboxes, fromRule });
    if (!proof.ok) return proof;
    const startedAt = this.#clock.now();
    const learning = { network, mailboxes, fromRule, startedAt, until: startedAt + forMs };
    const stored = await this.#database.batch([
      putRow({
        network,
        mailboxes: JSON.stringify(mailboxes),
        from_rule: fromRule,
        started_at: startedAt,
        until: learning.until,
        actor,
      }),
      removeEnded({ now: startedAt }),
      auditStatement({ actor, action: 'app.learn-network', subject: network, details: { ...input } }, startedAt),
    ]);
    if (!stored.ok) return stored;
    await this.reload();
    this.#database.notify(ACCESS_CHANNEL, '');
    return success(learning);
  }

  /** What is being learnt now. */
  list(): readonly LearningNetwork[] {
    return this.#networks
      .filter((each) => this.#isOpen(each))
      .map(({ network, mailboxes, fromRule, startedAt, until }) => ({
        network,
        mailboxes,
        fromRule,
        startedAt,
        until,
      }));
  }

  /** Whether devices at an address are being learnt. */
  isLearning(address: string): boolean {
    return this.#networkOf(address) !== undefined;
  }

  /** Enrols a device, where it is to be learnt. Nothing where it is not, or cannot be. */
  async enrol(caller: Caller): Promise<EnrolledApp | undefined> {
    if (!this.isLearning(caller.address)) return undefined;
    const enrolled = this.#enrolling.then(async () => await this.#enrol(caller));
    this.#enrolling = enrolled.catch(() => undefined);
    return await enrolled;
  }

  #opened(row: Row, range: NetworkRange): OpenNetwork {
    const leftMs = Math.min(row.until - this.#clock.now(), LONGEST_MS);
    return {
      network: row.network,
      mailboxes: JSON.parse(row.mailboxes) as string[],
      fromRule: row.from_rule as FromRule,
      startedAt: row.started_at,
      until: row.until,
      range,
      untilMs: this.#clock.monotonicMs() + leftMs,
      enrolled: 0,
    };
  }

  #isOpen({ until, untilMs, enrolled }: OpenNetwork): boolean {
    return this.#clock.now() < until && this.#clock.monotonicMs() < untilMs && enrolled < MOST_ENROLLED;
  }

  #networkOf(address: string): OpenNetwork | undefined {
    return this.#networks
      .filter((each) => this.#isOpen(each) && isInRange(address, each.range))
      .toSorted((a, b) => b.range.prefix - a.range.prefix)[0];
  }

  async #enrol({ address, credentials }: Caller): Promise<EnrolledApp | undefined> {
    const network = this.#networkOf(address);
    // Another connection of the same device may have been first.
    const known = credentials === undefined ? this.#apps.byAddress(address) : this.#apps.byName(credentials.username);
    if (network === undefined || known !== undefined)
      return credentials === undefined && known !== undefined ? { app: known } : undefined;
    const { mailboxes, fromRule } = network;
    const name = credentials?.username ?? placeName(address);
    const networks = credentials === undefined ? [shownAddress(address)] : [];
    const added = await this.#apps.add({ name, mailboxes, networks, fromRule }, `learning ${network.network}`, {
      learnedAt: this.#clock.now(),
      ...(credentials === undefined ? {} : { password: credentials.password }),
    });
    if (!added.ok) return undefined;
    network.enrolled += 1;
    return { app: added.value.app, network: network.network };
  }
}
