/**
 * When a refused token is replaced.
 *
 * A token that came from a cache may have been revoked: when a server refuses it, one fresh token is asked for and tried,
 * once. Connections that are refused at the same time share that one. A token that was fresh already is not replaced, and
 * after a renewal none is asked for again within a minute: while a mailbox is not set up right, every token is refused, and
 * the token endpoint is not to be flooded for it. A password is never replaced.
 */
import type { Clock, Fault, Result } from '@postbearer/core';
import type { SmtpCredentials } from './mechanisms.ts';

/** Credentials, and whether they were at hand already. */
export type OfferedCredentials = SmtpCredentials & { readonly fromCache?: boolean };

/** Gives the credentials of a pool. `fresh` asks for a token that was not used before. */
export type CredentialSource = (options: {
  readonly fresh: boolean;
  readonly signal?: AbortSignal;
}) => Promise<Result<OfferedCredentials>>;

/** Credentials as they were at one moment. */
export interface TakenCredentials {
  readonly credentials: OfferedCredentials;
  readonly generation: number;
}

const PAUSE_MS = 60_000;

/** Hands out the credentials of a pool by the rule at the head of this file. */
export class CredentialRenewal {
  readonly #source: CredentialSource;
  readonly #clock: Clock;
  #generation = 0;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #renewing: Promise<Result<TakenCredentials>> | undefined;

  constructor(source: CredentialSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** Credentials for a new connection. */
  take(signal: AbortSignal): Promise<Result<TakenCredentials>> {
    return this.#get(false, signal);
  }

  /** Other credentials after `fault` refused `taken`; `undefined` where there is nothing more to try. */
  replace(taken: TakenCredentials, fault: Fault, signal: AbortSignal): Promise<Result<TakenCredentials>> | undefined {
    const { credentials } = taken;
    if (fault.code !== 'SMTP_AUTH_REFUSED' || credentials.kind !== 'bearer' || credentials.fromCache !== true)
      return undefined;
    if (this.#renewing !== undefined) return this.#renewing;
    // Another connection had it renewed since we took ours.
    if (taken.generation < this.#generation) return this.#get(false, signal);
    if (this.#clock.monotonicMs() - this.#renewedAt < PAUSE_MS) return undefined;
    this.#renewing = this.#renew(signal);
    return this.#renewing;
  }

  async #renew(signal: AbortSignal): Promise<Result<TakenCredentials>> {
    this.#renewedAt = this.#clock.monotonicMs();
    try {
      const renewed = await this.#get(true, signal);
      this.#generation += 1;
      return renewed;
    } finally {
      this.#renewing = undefined;
    }
  }

  async #get(fresh: boolean, signal: AbortSignal): Promise<Result<TakenCredentials>> {
    const generation = this.#generation;
    const given = await this.#source({ fresh, signal });
    return given.ok ? { ok: true, value: { credentials: given.value, generation } } : given;
  }
}
