/**
 * Rotates a client secret: a new one beside the old, proved, switched to, and the old one taken away after a time of grace.
 *
 * The rules of this file:
 * - there is never a moment without a valid secret: the old one is removed only after the new one was proved by a token and a sign-in,
 *   once before the switch and once more before the removal;
 * - every step is written down before it is done, so that a rotation which was broken off anywhere is gone on with and not begun again; a
 *   secret whose value was lost on the way is known by its name and removed;
 * - one rotates at a time: a lock is held, and after it is had everything is looked at anew;
 * - a proof that fails takes the new secret back and leaves everything as it was.
 *
 * Who issues secrets, how one is proved, where they are kept and how the lock is had are parameters.
 */
import { failure, success, type Clock, type Fault, type Result, type Secret } from '@postbearer/core';
import { secretFaults } from '../faults.ts';

/** What an issuer tells of a secret: all but its value. */
export interface IssuedSecret {
  readonly keyId: string;
  readonly displayName: string;
  /** Its first characters, by which a person knows it again. */
  readonly hint: string;
  /** Milliseconds since 1970. */
  readonly startsAt: number;
  /** Milliseconds since 1970. */
  readonly endsAt: number;
}

/** Whoever issues the secrets of an app, such as Microsoft Graph. */
export interface SecretIssuer {
  list(): Promise<Result<readonly IssuedSecret[]>>;
  /** Makes a secret; its value is given this once. */
  add(input: {
    readonly displayName: string;
    readonly endsAt: number;
  }): Promise<Result<{ readonly facts: IssuedSecret; readonly value: Secret }>>;
  /** Removes one; a secret that is gone already is success. */
  remove(keyId: string): Promise<Result<void>>;
}

/** Where secrets are kept, in three slots. Each method is whole on disk when it resolves, and safe to repeat. */
export interface SecretSlots {
  /** The secret in use; `undefined` where there is none. */
  readonly current: () => Promise<Result<Secret | undefined>>;
  readonly next: () => Promise<Result<Secret | undefined>>;
  readonly previous: () => Promise<Result<Secret | undefined>>;
  readonly putNext: (secret: Secret) => Promise<Result<void>>;
  /** What was current becomes previous, what was next becomes current. There is a current one at every moment. */
  readonly promoteNext: () => Promise<Result<void>>;
  /** What was previous becomes current again, and what was current next. */
  readonly restorePrevious: () => Promise<Result<void>>;
  readonly dropNext: () => Promise<Result<void>>;
  readonly dropPrevious: () => Promise<Result<void>>;
}

/** How far a rotation is. No secret stands in it. */
export interface RotationRecord {
  readonly phase: 'adding' | 'added' | 'switching' | 'switched' | 'rolling-back';
  /** The name under which the new secret is known to the issuer. */
  readonly displayName: string;
  readonly newKeyId?: string;
  /** Milliseconds since 1970; of the new secret. */
  readonly newEndsAt?: number;
  /** Secrets that were valid before, to be removed after the grace. */
  readonly oldKeyIds: readonly string[];
  /** Milliseconds since 1970. */
  readonly switchedAt?: number;
}

/** Where the record is kept; whole on disk when it resolves. */
export interface RotationLog {
  readonly load: () => Promise<Result<RotationRecord | undefined>>;
  readonly save: (record: RotationRecord) => Promise<Result<void>>;
  readonly clear: () => Promise<Result<void>>;
}

/** What a rotation works with. */
export interface RotationOptions {
  readonly issuer: SecretIssuer;
  readonly slots: SecretSlots;
  readonly log: RotationLog;
  /** Proves a secret by a token and a sign-in to SMTP. */
  readonly prove: (secret: Secret) => Promise<Result<void>>;
  /** Runs the work while nobody else does; fails where the lock cannot be had. */
  readonly withLock: <T>(work: () => Promise<Result<T>>) => Promise<Result<T>>;
  readonly clock: Clock;
  /** A word that makes the names of two rotations differ. */
  readonly newName: () => string;
  /** Hears of each step. */
  readonly onStep?: (step: RotationStep) => void;
  /** How long the old secret stays valid after the switch, milliseconds; a day where left out. */
  readonly graceMs?: number;
  /** How long a new secret is tried before it counts as bad, milliseconds; five minutes where left out. */
  readonly proveForMs?: number;
  /** Life of the new secret, milliseconds; a year where left out. */
  readonly lifetimeMs?: number;
}

/** The steps, as a person is told. */
export type RotationStep =
  | 'resumed'
  | 'leftover-removed'
  | 'added'
  | 'proved'
  | 'switched'
  | 'proved-again'
  | 'old-removed';

/** How a rotation came out. */
export type RotationOutcome =
  /** The new secret is in use; the old one is removed at `removeAt` by the next run. */
  | { readonly state: 'in-grace'; readonly removeAt: number; readonly newKeyId: string; readonly newEndsAt: number }
  /** The new secret is in use and the old one is gone. */
  | { readonly state: 'done'; readonly newKeyId: string; readonly newEndsAt: number }
  /** There was nothing to go on with, and no new rotation was asked for. */
  | { readonly state: 'idle' };

/** Secrets of ours begin so at the issuer; what begins so and is in no record is a leftover. */
export const ROTATION_NAME_PREFIX = 'Postbearer rotation ';

const DAY_MS = 24 * 3_600_000;
const YEAR_MS = 365 * DAY_MS;
const PROVE_FOR_MS = 5 * 60_000;
const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 20_000;
/** Entra lets an app that was made through the API hold so many. */
const MOST_SECRETS = 2;

class Rotation {
  readonly #options: RotationOptions;

  constructor(options: RotationOptions) {
    this.#options = options;
  }

  #tell(step: RotationStep): void {
    this.#options.onStep?.(step);
  }

  /** Goes on where a former run stopped, or begins where `begin` says so and nothing stands open. */
  async run(begin: boolean): Promise<Result<RotationOutcome>> {
    const record = await this.#options.log.load();
    if (!record.ok) return record;
    if (record.value === undefined) return begin ? await this.#begin() : success({ state: 'idle' });
    this.#tell('resumed');
    return await this.#goOn(record.value);
  }

  async #goOn(record: RotationRecord): Promise<Result<RotationOutcome>> {
    switch (record.phase) {
      case 'adding':
        return await this.#addAnew(record);
      case 'added':
        return await this.#proveAndSwitch(record);
      case 'switching':
        return await this.#switchOver(record);
      case 'switched':
        return await this.#removeOld(record);
      case 'rolling-back': {
        const rolledBack = await finishRollBack(record, this.#options);
        return rolledBack.ok ? success({ state: 'idle' }) : rolledBack;
      }
    }
  }

  async #begin(): Promise<Result<RotationOutcome>> {
    const cleaned = await this.#removeLeftovers();
    if (!cleaned.ok) return cleaned;
    const record: RotationRecord = {
      phase: 'adding',
      displayName: `${ROTATION_NAME_PREFIX}${this.#options.newName()}`,
      oldKeyIds: cleaned.value.map(({ keyId }) => keyId),
    };
    const saved = await this.#options.log.save(record);
    return saved.ok ? await this.#add(record) : saved;
  }

  /** Secrets that an interrupted rotation left and whose value nobody has. */
  async #removeLeftovers(): Promise<Result<readonly IssuedSecret[]>> {
    const { issuer, slots } = this.#options;
    const [listed, current] = [await issuer.list(), await slots.current()];
    if (!listed.ok) return listed;
    if (!current.ok) return current;
    const inUse = current.value?.reveal() ?? '';
    const remaining: IssuedSecret[] = [];
    for (const secret of listed.value) {
      const isOurs = secret.displayName.startsWith(ROTATION_NAME_PREFIX);
      // A secret of ours may well be the one in use: its first characters tell.
      if (!isOurs || inUse.startsWith(secret.hint)) remaining.push(secret);
      else {
        const removed = await issuer.remove(secret.keyId);
        if (!removed.ok) return removed;
        this.#tell('leftover-removed');
      }
    }
    if (remaining.length < MOST_SECRETS) return success(remaining);
    return await this.#makeRoom(remaining, inUse);
  }

  /** Where the app is full, an expired secret that is not in use may go; any other is a person's to remove. */
  async #makeRoom(secrets: readonly IssuedSecret[], inUse: string): Promise<Result<readonly IssuedSecret[]>> {
    const { issuer, clock } = this.#options;
    const expired = secrets.find(({ endsAt, hint }) => endsAt <= clock.now() && !inUse.startsWith(hint));
    if (expired === undefined) {
      const names = secrets.map(({ hint, keyId }) => `${hint}… (${keyId})`).join(', ');
      return failure(secretFaults.make('SECRET_NO_ROOM_AT_ISSUER', { count: secrets.length, secrets: names }));
    }
    const removed = await issuer.remove(expired.keyId);
    return removed.ok ? success(secrets.filter((secret) => secret !== expired)) : removed;
  }

  async #add(record: RotationRecord): Promise<Result<RotationOutcome>> {
    const { issuer, slots, log, clock, lifetimeMs = YEAR_MS } = this.#options;
    const endsAt = clock.now() + lifetimeMs;
    const added = await issuer.add({ displayName: record.displayName, endsAt });
    if (!added.ok) {
      // Where it is not known whether it was made, the record stays, and the next run looks for its name.
      if (added.fault.next !== 'retry') await log.clear();
      return added;
    }
    const { facts, value } = added.value;
    const put = await slots.putNext(value);
    if (!put.ok) return put;
    const next: RotationRecord = { ...record, phase: 'added', newKeyId: facts.keyId, newEndsAt: facts.endsAt };
    const saved = await log.save(next);
    if (!saved.ok) return saved;
    this.#tell('added');
    return await this.#proveAndSwitch(next);
  }

  /** The former run ended while it asked for a secret: whatever it got is lost. */
  async #addAnew(record: RotationRecord): Promise<Result<RotationOutcome>> {
    const { issuer, slots } = this.#options;
    const listed = await issuer.list();
    if (!listed.ok) return listed;
    for (const secret of listed.value.filter(({ displayName }) => displayName === record.displayName)) {
      const removed = await issuer.remove(secret.keyId);
      if (!removed.ok) return removed;
      this.#tell('leftover-removed');
    }
    const dropped = await slots.dropNext();
    return dropped.ok ? await this.#add(record) : dropped;
  }

  async #proveAndSwitch(record: RotationRecord): Promise<Result<RotationOutcome>> {
    const { slots, log } = this.#options;
    const next = await slots.next();
    if (!next.ok) return next;
    if (next.value === undefined) return await this.#addAnew({ ...record, phase: 'adding' });
    const proved = await this.#prove(next.value);
    if (!proved.ok) return await this.#takeBack(record, proved.fault);
    this.#tell('proved');
    const switching: RotationRecord = { ...record, phase: 'switching' };
    const saved = await log.save(switching);
    return saved.ok ? await this.#switchOver(switching) : saved;
  }

  async #switchOver(record: RotationRecord): Promise<Result<RotationOutcome>> {
    const { slots, log, clock } = this.#options;
    const next = await slots.next();
    if (!next.ok) return next;
    // Where there is no next one any more, the former run had switched already.
    if (next.value !== undefined) {
      const promoted = await slots.promoteNext();
      if (!promoted.ok) return promoted;
    }
    const switched: RotationRecord = { ...record, phase: 'switched', switchedAt: clock.now() };
    const saved = await log.save(switched);
    if (!saved.ok) return saved;
    this.#tell('switched');
    return await this.#removeOld(switched);
  }

  async #removeOld(record: RotationRecord): Promise<Result<RotationOutcome>> {
    const { slots, issuer, log, clock, graceMs = DAY_MS } = this.#options;
    const { newKeyId = '', newEndsAt = 0, switchedAt = 0 } = record;
    const removeAt = switchedAt + graceMs;
    if (clock.now() < removeAt) return success({ state: 'in-grace', removeAt, newKeyId, newEndsAt });
    const current = await slots.current();
    if (!current.ok) return current;
    if (current.value === undefined) return failure(secretFaults.make('SECRET_ROTATION_BROKEN'));
    const proved = await this.#prove(current.value);
    if (!proved.ok) return proved;
    this.#tell('proved-again');
    const listed = await issuer.list();
    if (!listed.ok) return listed;
    const inUse = current.value.reveal();
    for (const { keyId, hint } of listed.value) {
      // Somebody may have gone back to an old one by hand: what is in use stays.
      if (!record.oldKeyIds.includes(keyId) || keyId === newKeyId || inUse.startsWith(hint)) continue;
      const removed = await issuer.remove(keyId);
      if (!removed.ok) return removed;
    }
    const dropped = await slots.dropPrevious();
    if (!dropped.ok) return dropped;
    const cleared = await log.clear();
    if (!cleared.ok) return cleared;
    this.#tell('old-removed');
    return success({ state: 'done', newKeyId, newEndsAt });
  }

  /** The new secret is no good: it goes, and all is as it was. */
  async #takeBack({ newKeyId }: RotationRecord, fault: Fault): Promise<Result<never>> {
    const { issuer, slots, log } = this.#options;
    if (newKeyId !== undefined) {
      const removed = await issuer.remove(newKeyId);
      if (!removed.ok) return removed;
    }
    const dropped = await slots.dropNext();
    if (!dropped.ok) return dropped;
    const cleared = await log.clear();
    return cleared.ok ? failure(fault) : cleared;
  }

  /** A secret that is seconds old may be refused for a while; so the proof is tried for some minutes. */
  async #prove(secret: Secret): Promise<Result<void>> {
    const { prove, clock, proveForMs = PROVE_FOR_MS } = this.#options;
    const untilMs = clock.monotonicMs() + proveForMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      const proved = await prove(secret);
      if (proved.ok || clock.monotonicMs() + pauseMs > untilMs) return proved;
      await new Promise<void>((done) => void clock.setTimer(done, pauseMs));
    }
  }
}

/**
 * Rotates, or goes on with a rotation that stands open. Fails with the fault of the step that failed; run it again and it goes on there.
 *
 * @param begin - whether a new rotation is begun where none stands open.
 */
export async function rotateSecret(options: RotationOptions, begin = true): Promise<Result<RotationOutcome>> {
  return await options.withLock(() => new Rotation(options).run(begin));
}

/** From the moment on at which going back is written down; safe to repeat after an end at any step. */
async function finishRollBack(record: RotationRecord, { slots, issuer, log }: RotationOptions): Promise<Result<void>> {
  const previous = await slots.previous();
  if (!previous.ok) return previous;
  if (previous.value !== undefined) {
    const restored = await slots.restorePrevious();
    if (!restored.ok) return restored;
  }
  if (record.newKeyId !== undefined) {
    const removed = await issuer.remove(record.newKeyId);
    if (!removed.ok) return removed;
  }
  const dropped = await slots.dropNext();
  return dropped.ok ? await log.clear() : dropped;
}

/** Goes back to the previous secret while it is still valid. Fails with `SECRET_NOTHING_TO_ROLL_BACK`, or as the proof of it does. */
export async function rollBackSecret(options: RotationOptions): Promise<Result<void>> {
  const { slots, log, prove, withLock } = options;
  return await withLock(async () => {
    const [record, previous] = [await log.load(), await slots.previous()];
    if (!record.ok) return record;
    if (!previous.ok) return previous;
    if (record.value?.phase === 'rolling-back') return await finishRollBack(record.value, options);
    if (previous.value === undefined || record.value?.phase !== 'switched')
      return failure(secretFaults.make('SECRET_NOTHING_TO_ROLL_BACK'));
    const proved = await prove(previous.value);
    if (!proved.ok) return proved;
    const going: RotationRecord = { ...record.value, phase: 'rolling-back' };
    const saved = await log.save(going);
    return saved.ok ? await finishRollBack(going, options) : saved;
  });
}

/** When a secret should be rotated: when a third of its life is left, and 60 days before its end at the latest. Milliseconds since 1970. */
export function rotationDueAt({ startsAt, endsAt }: Pick<IssuedSecret, 'startsAt' | 'endsAt'>): number {
  return endsAt - Math.min((endsAt - startsAt) / 3, 60 * DAY_MS);
}
