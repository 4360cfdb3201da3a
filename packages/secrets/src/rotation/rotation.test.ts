import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failure, Secret, success, type Clock, type Result } from '@postbearer/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  fileRotationLog,
  fileSlots,
  rollBackSecret,
  rotateSecret,
  rotationDueAt,
  secretFaults,
  withFileLock,
  type IssuedSecret,
  type RotationOptions,
  type RotationOutcome,
  type SecretIssuer,
} from '../index.ts';

const DAY_MS = 24 * 3_600_000;
const FAULT = secretFaults.make('SECRET_EMPTY', { place: 'a test' });

/** The power goes: nothing after this happens. */
class PowerCut extends Error {}

/** Cuts the power at the n-th step that changes something, before or after it took effect. */
class Power {
  steps = 0;
  #cutAt = Number.POSITIVE_INFINITY;
  #isAfter = false;

  cut(at: number, isAfter: boolean): void {
    this.#cutAt = this.steps + at;
    this.#isAfter = isAfter;
  }

  restore(): void {
    this.#cutAt = Number.POSITIVE_INFINITY;
  }

  async step<T>(work: () => Promise<T>): Promise<T> {
    this.steps += 1;
    if (this.steps > this.#cutAt || (this.steps === this.#cutAt && !this.#isAfter)) throw new PowerCut();
    const result = await work();
    if (this.steps === this.#cutAt) throw new PowerCut();
    return result;
  }
}

/** An issuer that knows the values of its secrets, to judge a proof. */
class FakeIssuer implements SecretIssuer {
  readonly secrets: { facts: IssuedSecret; value: string }[] = [];
  readonly #power: Power;
  #made = 0;
  /** How often a new secret is refused before it is known. */
  refusals = 0;

  constructor(power: Power) {
    this.#power = power;
  }

  make(displayName: string, endsAt = Date.now() + 365 * DAY_MS): { facts: IssuedSecret; value: string } {
    this.#made += 1;
    const value = `${String.fromCharCode(96 + this.#made)}${this.#made}8Q~secret-of-a-test`;
    const facts = { keyId: `key-${this.#made}`, displayName, hint: value.slice(0, 3), startsAt: 0, endsAt };
    const made = { facts, value };
    this.secrets.push(made);
    return made;
  }

  isValid(value: string | undefined): boolean {
    return this.secrets.some((secret) => secret.value === value);
  }

  list(): Promise<Result<readonly IssuedSecret[]>> {
    return Promise.resolve(success(this.secrets.map(({ facts }) => facts)));
  }

  async add(input: {
    readonly displayName: string;
    readonly endsAt: number;
  }): Promise<Result<{ facts: IssuedSecret; value: Secret }>> {
    return await this.#power.step(() => {
      const { facts, value } = this.make(input.displayName, input.endsAt);
      return Promise.resolve(success({ facts, value: Secret.of(value) }));
    });
  }

  async remove(keyId: string): Promise<Result<void>> {
    return await this.#power.step(() => {
      const index = this.secrets.findIndex(({ facts }) => facts.keyId === keyId);
      if (index >= 0) this.secrets.splice(index, 1);
      return Promise.resolve(success(undefined));
    });
  }
}

let folder = '';
let power: Power;
let issuer: FakeIssuer;
let nowMs = 0;

const clock: Clock = {
  now: () => nowMs,
  monotonicMs: () => nowMs,
  setTimer(callback, delayMs) {
    nowMs += delayMs;
    queueMicrotask(callback);
    return { cancel: () => undefined };
  },
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rotation-'));
  await begin();
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** A secret in use, which the issuer knows. */
async function begin(): Promise<void> {
  nowMs = Date.now();
  power = new Power();
  issuer = new FakeIssuer(power);
  for (const name of await readdir(folder)) await rm(join(folder, name));
  await writeFile(join(folder, 'secret'), issuer.make('by hand').value);
}

const current = async (): Promise<string> => await readFile(join(folder, 'secret'), 'utf8');

function options(more: Partial<RotationOptions> = {}): RotationOptions {
  const slots = fileSlots(join(folder, 'secret'));
  const log = fileRotationLog(join(folder, 'rotation.json'));
  const cut =
    <Args extends readonly unknown[], T>(work: (...args: Args) => Promise<T>) =>
    async (...args: Args) =>
      await power.step(async () => await work(...args));
  let names = 0;
  return {
    issuer,
    slots: {
      ...slots,
      putNext: cut(slots.putNext),
      promoteNext: cut(slots.promoteNext),
      restorePrevious: cut(slots.restorePrevious),
      dropNext: cut(slots.dropNext),
      dropPrevious: cut(slots.dropPrevious),
    },
    log: { load: log.load, save: cut(log.save), clear: cut(log.clear) },
    prove: (secret) => {
      if (issuer.refusals > 0) {
        issuer.refusals -= 1;
        return Promise.resolve(failure(FAULT));
      }
      return Promise.resolve(issuer.isValid(secret.reveal()) ? success(undefined) : failure(FAULT));
    },
    withLock: async (work) => await work(),
    clock,
    newName: () => `${nowMs} ${(names += 1)}`,
    ...more,
  };
}

function stateOf(result: Result<RotationOutcome>): string {
  return result.ok ? result.value.state : result.fault.code;
}

describe('a rotation', () => {
  it('switches, waits for the grace, and removes the old secret then', async () => {
    const before = await current();
    expect(stateOf(await rotateSecret(options()))).toBe('in-grace');
    expect(await current()).not.toBe(before);
    expect(issuer.isValid(before)).toBe(true);
    nowMs += DAY_MS;
    expect(stateOf(await rotateSecret(options()))).toBe('done');
    expect(issuer.isValid(before)).toBe(false);
    expect(issuer.isValid(await current())).toBe(true);
    expect((await readdir(folder)).toSorted()).toEqual(['secret']);
  });

  it('does nothing where nothing stands open and nothing was asked for', async () => {
    expect(stateOf(await rotateSecret(options(), false))).toBe('idle');
    expect(issuer.secrets).toHaveLength(1);
  });

  it('keeps its files from others', async () => {
    await rotateSecret(options());
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o077).toBe(0);
  });

  it('waits for a secret that is seconds old', async () => {
    issuer.refusals = 4;
    expect(stateOf(await rotateSecret(options()))).toBe('in-grace');
  });

  it('takes a secret back that does not prove, and leaves all as it was', async () => {
    const before = await current();
    const bad = options({
      prove: (secret) => Promise.resolve(secret.reveal() === before ? success(undefined) : failure(FAULT)),
    });
    expect(stateOf(await rotateSecret(bad))).toBe('SECRET_EMPTY');
    expect(await current()).toBe(before);
    expect(issuer.secrets.map(({ value }) => value)).toEqual([before]);
    expect(await readdir(folder)).toEqual(['secret']);
  });

  it('does not remove the old secret where the new one stopped to work', async () => {
    await rotateSecret(options());
    nowMs += DAY_MS;
    const [old] = issuer.secrets;
    expect(stateOf(await rotateSecret(options({ prove: () => Promise.resolve(failure(FAULT)) })))).toBe('SECRET_EMPTY');
    expect(issuer.secrets).toContain(old);
  });

  it('removes nothing that somebody else made, and names what is in the way', async () => {
    issuer.make('of another program');
    expect(await rotateSecret(options())).toMatchObject({ ok: false, fault: { code: 'SECRET_NO_ROOM_AT_ISSUER' } });
    expect(issuer.secrets).toHaveLength(2);
  });

  it('makes room by removing what is expired', async () => {
    issuer.make('old', nowMs - 1);
    expect(stateOf(await rotateSecret(options()))).toBe('in-grace');
  });

  it('can be rolled back during the grace, and not after it', async () => {
    const before = await current();
    await rotateSecret(options());
    expect((await rollBackSecret(options())).ok).toBe(true);
    expect(await current()).toBe(before);
    expect(issuer.secrets.map(({ value }) => value)).toEqual([before]);
    expect(await rollBackSecret(options())).toMatchObject({ fault: { code: 'SECRET_NOTHING_TO_ROLL_BACK' } });
  });
});

/** Runs until it ends without a power cut; gives how often it was cut. */
async function untilDone(run: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; tries < 20; tries += 1) {
    try {
      await run();
      return;
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
      // At no moment was there no valid secret.
      expect(issuer.isValid(await current())).toBe(true);
      power.restore();
    }
  }
  throw new Error('It never came to an end.');
}

describe('a rotation whose power is cut', () => {
  it.each([false, true])(
    'at any step goes on, and there is a valid secret at every moment (after the step: %s)',
    async (isAfter) => {
      let cuts = 0;
      for (let at = 1; ; at += 1) {
        await begin();
        const before = await current();
        power.cut(at, isAfter);
        await untilDone(() => rotateSecret(options()));
        await untilDone(() => rotateSecret(options(), false));
        nowMs += DAY_MS;
        await untilDone(() => rotateSecret(options(), false));
        const wasCut = power.steps >= at;
        expect(issuer.secrets).toHaveLength(1);
        expect(issuer.isValid(await current())).toBe(true);
        expect(await current()).not.toBe(before);
        expect((await readdir(folder)).toSorted()).toEqual(['secret']);
        if (!wasCut) break;
        cuts += 1;
        if (at > 40) throw new Error('It takes more steps than it should.');
        if (power.steps < at + 1) break;
      }
      expect(cuts).toBeGreaterThan(8);
    },
  );

  it('at any step of going back ends with the old secret in use', async () => {
    for (let at = 1; at < 8; at += 1) {
      await begin();
      const before = await current();
      await rotateSecret(options());
      power.cut(at, at % 2 === 0);
      await untilDone(() => rollBackSecret(options()));
      await untilDone(() => rotateSecret(options(), false));
      nowMs += 2 * DAY_MS;
      await untilDone(() => rotateSecret(options(), false));
      expect(issuer.isValid(await current())).toBe(true);
      expect(await current()).toBe(before);
      expect(issuer.secrets).toHaveLength(1);
    }
  });

  it('would be seen to lose the secret, if the old one went before the switch', async () => {
    const careless = async (): Promise<void> => {
      const [old] = issuer.secrets;
      const { putNext, promoteNext } = options().slots;
      const added = await issuer.add({ displayName: 'x', endsAt: nowMs + DAY_MS });
      await issuer.remove(old?.facts.keyId ?? '');
      if (added.ok) await putNext(added.value.value);
      await promoteNext();
    };
    power.cut(3, false);
    await expect(careless()).rejects.toThrow(PowerCut);
    expect(issuer.isValid(await current())).toBe(false);
  });
});

describe('two who rotate at the same time', () => {
  it('make one rotation', async () => {
    const lock = join(folder, 'lock');
    const withLock: RotationOptions['withLock'] = async (work) => await withFileLock(lock, work);
    const results = await Promise.all([rotateSecret(options({ withLock })), rotateSecret(options({ withLock }))]);
    expect(results.map((result) => stateOf(result)).toSorted()).toEqual(['SECRET_ROTATION_LOCKED', 'in-grace']);
    expect(issuer.secrets).toHaveLength(2);
    // Whoever comes afterwards finds it done and waits for the same grace.
    expect(stateOf(await rotateSecret(options({ withLock })))).toBe('in-grace');
    expect(issuer.secrets).toHaveLength(2);
  });

  it('do not wait for one that is gone', async () => {
    await writeFile(join(folder, 'lock'), JSON.stringify({ host: 'x', pid: 1 }));
    const held = await withFileLock(join(folder, 'lock'), () => Promise.resolve(success(1)));
    expect(held).toMatchObject({ fault: { code: 'SECRET_ROTATION_LOCKED' } });
    await writeFile(join(folder, 'lock'), 'cut off');
    expect(await withFileLock(join(folder, 'lock'), () => Promise.resolve(success(1)))).toEqual(success(1));
  });
});

it('a secret is due when a third of its life is left, and 60 days before its end at the latest', () => {
  expect(rotationDueAt({ startsAt: 0, endsAt: 90 * DAY_MS })).toBe(60 * DAY_MS);
  expect(rotationDueAt({ startsAt: 0, endsAt: 730 * DAY_MS })).toBe(670 * DAY_MS);
});
