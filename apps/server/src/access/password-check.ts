/**
 * Looks whether a password is right, and keeps guessing slow and the honest fast.
 *
 * The rules of this file:
 * - a password that was made here costs one SHA-256;
 * - a chosen one costs an scrypt the first time; while what is stored stays the same, the same password is known again by a keyed
 *   digest in memory, so a device does not pay each time, and a guess always does;
 * - at most two are computed at a time. Those who called from a known address go first, and where too many wait the answer is
 *   "busy", so that guesses can neither take the machine nor push the honest out;
 * - where any app has a chosen password, every wrong one costs an scrypt, whichever name it came with: time tells nobody which
 *   names there are.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Secret } from '@postbearer/core';
import { hashOf, isChosenPassword, isPassword, isSlow, slowHashOf } from './credential.ts';

/** What a look at a password gave. */
export type PasswordVerdict = 'right' | 'wrong' | 'busy';

/** What is looked at. */
export interface PasswordQuestion {
  readonly password: Secret;
  /** What is stored for that name; nothing where there is no such name. */
  readonly stored: readonly string[];
  /** It came from an address from which this name signed in well before. */
  readonly isKnownAddress: boolean;
  /** Whether any app has a chosen password. */
  readonly isSlowInUse: boolean;
}

const MOST_AT_ONCE = 2;
const MOST_WAITING = 16;
/** Compared with where no app has the name, so that the answer takes as long. */
const NO_PASSWORD = hashOf(Secret.of('no app has this'));

/** A few at a time, the known first. */
class SlowLine {
  readonly #known: (() => void)[] = [];
  readonly #others: (() => void)[] = [];
  #running = 0;

  /** Runs `work` when it is its turn; `undefined` where too many wait. */
  async run<T>(work: () => Promise<T>, isKnown: boolean): Promise<T | undefined> {
    const line = isKnown ? this.#known : this.#others;
    if (this.#running >= MOST_AT_ONCE) {
      if (line.length >= MOST_WAITING) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      line.push(resolve);
      await promise;
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.#known.shift() ?? this.#others.shift();
      // Who is next takes over the place.
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

/** See the head of this file. One for all listeners. */
export class PasswordCheck {
  readonly #key = randomBytes(32);
  readonly #line = new SlowLine();
  /** The keyed digest of the password that was right, by what is stored of it. */
  readonly #seen = new Map<string, Buffer>();
  readonly #running = new Map<string, Promise<boolean | undefined>>();
  #decoy: Promise<string> | undefined;

  /** A name of a password that says nothing about it outside this process. */
  digest(password: Secret): Buffer {
    return createHmac('sha256', this.#key).update(password.reveal(), 'utf8').digest();
  }

  /** Looks at a password. */
  async look({ password, stored, isKnownAddress, isSlowInUse }: PasswordQuestion): Promise<PasswordVerdict> {
    const fast = stored.filter((each) => !isSlow(each));
    // Each is compared, so that the time does not depend on which is right.
    const matches = (fast.length === 0 ? [NO_PASSWORD] : fast).map((each) => isPassword(password, each));
    if (fast.length > 0 && matches.includes(true)) return 'right';
    const digest = this.digest(password);
    const slow = stored.filter(isSlow);
    if (slow.some((each) => this.#isSeen(each, digest))) return 'right';
    if (slow.length === 0) return isSlowInUse ? await this.#pretend(password, digest, isKnownAddress) : 'wrong';
    for (const each of slow) {
      const isRight = await this.#compute(password, each, digest, isKnownAddress);
      if (isRight === undefined) return 'busy';
      if (isRight) return 'right';
    }
    return 'wrong';
  }

  /** Forgets what is stored no more. */
  keepOnly(stored: ReadonlySet<string>): void {
    for (const each of this.#seen.keys()) if (!stored.has(each)) this.#seen.delete(each);
  }

  #isSeen(stored: string, digest: Buffer): boolean {
    const seen = this.#seen.get(stored);
    return seen !== undefined && timingSafeEqual(seen, digest);
  }

  async #pretend(password: Secret, digest: Buffer, isKnown: boolean): Promise<PasswordVerdict> {
    this.#decoy ??= slowHashOf(Secret.of(randomBytes(32).toString('hex')));
    const done = await this.#compute(password, await this.#decoy, digest, isKnown);
    return done === undefined ? 'busy' : 'wrong';
  }

  /** The same password for the same credential is computed once, however many connections bring it. */
  async #compute(password: Secret, stored: string, digest: Buffer, isKnown: boolean): Promise<boolean | undefined> {
    const key = `${stored} ${digest.toString('base64')}`;
    const running =
      this.#running.get(key) ??
      this.#line
        .run(async () => await isChosenPassword(password, stored), isKnown)
        .finally(() => this.#running.delete(key));
    this.#running.set(key, running);
    const isRight = await running;
    if (isRight === true) this.#seen.set(stored, digest);
    return isRight;
  }
}
