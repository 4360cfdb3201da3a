/**
 * What an operator may ask of the service: how it stands, its messages, its lanes, its apps.
 *
 * The command line asks the same of a running service over its socket, from afar with a key, and of the database itself where
 * none runs. Every change is recorded in the same batch.
 *
 * An operation is a method of {@link Control} and its work in {@link createControl}, and nothing else: both sides of the wire
 * (`control-wire.ts`) find it by its name. Input and answer are JSON. A change names its `actor`. What comes piece by piece is
 * answered with a `ControlStream`, which goes over the wire as lines of JSON.
 */
import { failure, Secret, success, type Result } from '@postbearer/core';
import type {
  LaneCount,
  MessageDetails,
  MessageFilter,
  MessagePage,
  MessageState,
  MessageVerb,
  PageRequest,
  QueueCounts,
} from '@postbearer/queue';
import type { AllowInput, AppRegistry } from '../access/app-registry.ts';
import type { AppUse } from '../access/app-usage.ts';
import { rightsOf } from '../access/app-rows.ts';
import type { AppInput, AppRecord } from '../access/app.ts';
import type { AuditRecord } from '../access/audit-log.ts';
import { auditStatement } from '../access/audit.ts';
import type { LanePace } from '../delivery/lanes.ts';
import type { MigrationReport, MigrationReports, MigrationRequest, WayPage } from '../delivery/migration-report.ts';
import type { DayCount, ServiceFacts, TraceItem } from '../delivery/service-facts.ts';
import { controlFaults } from './faults.ts';
import type { KeyRegistry } from '../access/key-registry.ts';
import type { KeyInput, KeyRecord } from '../access/key.ts';
import type { LearningNetwork, LearnInput } from '../access/learning.ts';
import type { RefusedClient } from '../access/refusals.ts';
import { createDataOperations, type DataOptions } from './data-operations.ts';
import type { Statement } from '@postbearer/database';
import type { MigrationSettings } from '@postbearer/settings';

/** How a lane stands. */
export interface LaneStatus extends LaneCount {
  /** When what is queued will be sent at the pace of the mailbox, milliseconds since 1970; absent while it is held, or where nobody sends. */
  readonly drainsAt?: number;
  /** How fast the mailbox sends; absent where no service runs. */
  readonly pace?: LanePace;
  /** Its name in the metrics, which hold no address; absent where no service runs. */
  readonly label?: string;
}

/** How the service stands. */
export interface ServiceStatus {
  /** Whether a service runs; otherwise the database was read. */
  readonly isRunning: boolean;
  readonly states: QueueCounts['states'];
  readonly lanes: readonly LaneStatus[];
  readonly stuck: QueueCounts['stuck'];
  /** What happened today; absent where the database does not say. */
  readonly today?: DayCount;
  /** What the running service says of itself; absent where none runs. */
  readonly service?: ServiceFacts;
}

/** An app that was just added, with its password, which is shown this once. */
export interface AddedApp {
  readonly app: AppInput;
  readonly password: string;
}

/** A key that was just added, with its secret, which is shown this once. */
export interface AddedKey {
  readonly key: KeyRecord;
  readonly secret: string;
}

/** What a backup came to. */
export interface MadeBackup {
  readonly file: string;
  readonly sizeBytes: number;
  readonly tookMs: number;
}

/** An answer that comes piece by piece. Whoever stops reading it ends it. */
export type ControlStream<Item> = AsyncIterable<Item>;

/** What may be asked: each operation takes one object and gives a result, whose value may be a {@link ControlStream}. */
export interface Control {
  status(input: Record<string, never>): Promise<Result<ServiceStatus>>;
  /** What happens from now on; `wanted` is a mailbox or an app, or empty for everything. Fails with `SERVICE_NOT_RUNNING`. */
  trace(input: { readonly wanted: string }): Promise<Result<ControlStream<TraceItem>>>;
  listMessages(input: { readonly filter: MessageFilter; readonly page: PageRequest }): Promise<Result<MessagePage>>;
  showMessage(input: { readonly id: string }): Promise<Result<MessageDetails>>;
  changeMessage(input: {
    readonly id: string;
    readonly verb: MessageVerb;
    readonly actor: string;
  }): Promise<Result<MessageState>>;
  /** `sender` is empty for the whole lane. */
  holdLane(input: { readonly lane: string; readonly sender: string; readonly actor: string }): Promise<Result<void>>;
  releaseLane(input: { readonly lane: string; readonly sender: string; readonly actor: string }): Promise<Result<void>>;
  addApp(input: { readonly app: AppInput; readonly actor: string }): Promise<Result<AddedApp>>;
  /** With the password that the device has, which is not shown again. */
  addAppWithPassword(input: {
    readonly app: AppInput;
    readonly password: string;
    readonly actor: string;
  }): Promise<Result<AppInput>>;
  listApps(input: Record<string, never>): Promise<Result<readonly AppRecord[]>>;
  /** Lets an app do more than it may already. */
  allowApp(input: { readonly app: AllowInput; readonly actor: string }): Promise<Result<AppInput>>;
  /** The password before it is taken for `graceMs` more. */
  rotateApp(input: {
    readonly name: string;
    readonly graceMs: number;
    readonly actor: string;
  }): Promise<Result<{ readonly name: string; readonly password: string }>>;
  setAppPassword(input: {
    readonly name: string;
    readonly password: string;
    readonly graceMs: number;
    readonly actor: string;
  }): Promise<Result<{ readonly name: string }>>;
  /** Who handed in mail, and with which kind of sign-in. */
  listUsage(input: Record<string, never>): Promise<Result<readonly AppUse[]>>;
  /** How a migration from the password to OAuth goes. */
  migrationStatus(input: MigrationRequest): Promise<Result<MigrationReport>>;
  /** Which messages went which way. */
  migrationMessages(input: MigrationRequest & { readonly after?: string }): Promise<Result<WayPage>>;
  /** Who was turned away, the latest first. */
  listRefused(input: Record<string, never>): Promise<Result<readonly RefusedClient[]>>;
  /** Enrols the devices of a network that call in for a while. */
  learnApps(input: { readonly learn: LearnInput; readonly actor: string }): Promise<Result<LearningNetwork>>;
  /** The networks whose devices are being learnt. */
  listLearning(input: Record<string, never>): Promise<Result<readonly LearningNetwork[]>>;
  removeApp(input: { readonly name: string; readonly actor: string }): Promise<Result<void>>;
  addKey(input: { readonly key: KeyInput; readonly actor: string }): Promise<Result<AddedKey>>;
  listKeys(input: Record<string, never>): Promise<Result<readonly KeyRecord[]>>;
  revokeKey(input: { readonly name: string; readonly actor: string }): Promise<Result<void>>;
  /** Writes a copy of all data into a file on the machine of the service. `file` is an absolute path. */
  backup(input: { readonly file: string; readonly actor: string }): Promise<Result<MadeBackup>>;
  /** Every message that the filter finds, with its recipients and attempts, the newest first. */
  exportMessages(input: { readonly filter: MessageFilter }): Promise<Result<ControlStream<MessageDetails>>>;
  /** The bytes of a message, piece by piece in base64. */
  messageSource(input: { readonly id: string }): Promise<Result<ControlStream<string>>>;
  /** What operators changed, the latest first; `before` is the time of the last record of the page before. */
  listAudit(input: { readonly before?: number; readonly limit?: number }): Promise<Result<readonly AuditRecord[]>>;
}

/** What the operations work with. */
export interface ControlOptions extends DataOptions {
  readonly apps: AppRegistry;
  readonly keys: KeyRegistry;
  /** What happened today, as far as it can be said. */
  readonly today: () => Promise<DayCount | undefined>;
  readonly migration: MigrationReports;
  /** The running service; absent where none runs. */
  readonly running?: RunningParts;
}

/** What a running service adds. */
export interface RunningParts {
  /** How long a lane needs for so many messages. */
  readonly drainMs: (lane: string, messages: number) => number | undefined;
  readonly paceOf: (lane: string) => LanePace;
  /** The name of a lane in the metrics. */
  readonly labelOf: (lane: string) => string;
  readonly facts: () => ServiceFacts;
  /** The migration that the settings in force name. */
  readonly migration: () => MigrationSettings | undefined;
  readonly trace: (wanted: string) => AsyncIterable<TraceItem>;
  /** What else is stored with a change of a message. */
  readonly changed: (verb: MessageVerb, id: string) => readonly Statement[];
}

function laneStatus(lane: LaneCount, { running, clock }: ControlOptions): LaneStatus {
  if (running === undefined) return lane;
  const isHeld = lane.holds.some(({ sender }) => sender === '');
  const waitMs = isHeld || lane.queued === 0 ? undefined : running.drainMs(lane.lane, lane.queued);
  const status = { ...lane, pace: running.paceOf(lane.lane), label: running.labelOf(lane.lane) };
  return waitMs === undefined ? status : { ...status, drainsAt: clock.now() + waitMs };
}

/** The operations on an open queue and its apps. */
export function createControl(options: ControlOptions): Control {
  const { queue, apps, keys, clock, running } = options;
  const record = (actor: string, action: string, subject: string): { statements: Statement[] } => ({
    statements: [auditStatement({ actor, action, subject }, clock.now())],
  });
  return {
    ...createDataOperations(options),
    async status() {
      const counts = await queue.counts();
      if (!counts.ok) return counts;
      const { states, lanes, stuck } = counts.value;
      const today = await options.today();
      return success({
        isRunning: running !== undefined,
        states,
        lanes: lanes.map((lane) => laneStatus(lane, options)),
        stuck,
        ...(today === undefined ? {} : { today }),
        ...(running === undefined ? {} : { service: running.facts() }),
      });
    },
    trace: ({ wanted }) =>
      Promise.resolve(
        running === undefined
          ? failure(controlFaults.make('SERVICE_NOT_RUNNING'))
          : success(running.trace(typeof wanted === 'string' ? wanted : '')),
      ),
    listMessages: ({ filter, page }) => queue.list(filter, page),
    showMessage: ({ id }) => queue.get(id),
    changeMessage({ id, verb, actor }) {
      const { statements } = record(actor, `message.${verb}`, id);
      return queue.change(verb, id, { statements: [...statements, ...(running?.changed(verb, id) ?? [])] });
    },
    holdLane: ({ lane, sender, actor }) =>
      queue.hold(lane, sender, record(actor, 'lane.hold', `${lane} ${sender}`.trim())),
    releaseLane: ({ lane, sender, actor }) =>
      queue.release(lane, sender, record(actor, 'lane.release', `${lane} ${sender}`.trim())),
    async addApp({ app, actor }) {
      const added = await apps.add(app, actor);
      return added.ok ? success({ app, password: added.value.password?.reveal() ?? '' }) : added;
    },
    async addAppWithPassword({ app, password, actor }) {
      const added = await apps.add(app, actor, { password: Secret.of(password) });
      return added.ok ? success(app) : added;
    },
    async allowApp({ app, actor }) {
      const allowed = await apps.allow(app, actor);
      return allowed.ok ? success({ name: allowed.value.name, ...rightsOf(allowed.value) }) : allowed;
    },
    async rotateApp({ name, graceMs, actor }) {
      const rotated = await apps.rotate(name, actor, { graceMs });
      if (!rotated.ok) return rotated;
      return success({ name: rotated.value.app.name, password: rotated.value.password?.reveal() ?? '' });
    },
    async setAppPassword({ name, password, graceMs, actor }) {
      const rotated = await apps.rotate(name, actor, { graceMs, password: Secret.of(password) });
      return rotated.ok ? success({ name: rotated.value.app.name }) : rotated;
    },
    listUsage: () => apps.usage.list(),
    migrationStatus: (request) => options.migration.report(request, running?.migration()),
    migrationMessages: (request) => options.migration.messages(request),
    listRefused() {
      const mailbox = apps.list()[0]?.mailboxes[0];
      const isApp = (name: string): boolean => apps.byName(name) !== undefined;
      return apps.refusals.list({ isApp, ...(mailbox === undefined ? {} : { mailbox }) });
    },
    learnApps: ({ learn, actor }) => apps.learning.learn(learn, actor),
    listLearning: () => Promise.resolve(success(apps.learning.list())),
    listApps: () => Promise.resolve(success(apps.list())),
    removeApp: ({ name, actor }) => apps.remove(name, actor),
    async addKey({ key, actor }) {
      const added = await keys.add(key, actor);
      return added.ok ? success({ key: added.value.record, secret: added.value.key.reveal() }) : added;
    },
    listKeys: () => Promise.resolve(success(keys.list())),
    revokeKey: ({ name, actor }) => keys.revoke(name, actor),
  };
}

/** The operations for whoever asks over the network: nothing that writes files on this machine. */
export function controlFromAfar(control: Control): Control {
  const refused = controlFaults.make('SERVICE_NOT_FROM_AFAR', { what: 'a backup' });
  return { ...control, backup: () => Promise.resolve(failure(refused)) };
}
