/**
 * What events showed last, for status and health: tokens and connections.
 *
 * Nothing here is asked for; after a start nothing is known until something happened.
 */
import type { Clock, Fault, PostbearerEvent } from '@postbearer/core';
import type { Settings } from '@postbearer/settings';
import type { TokenFact } from '../delivery/service-facts.ts';

interface KnownToken {
  acquiredAt?: number;
  expiresAt?: number;
  failingSince?: number;
  fault?: Fault;
}

/** A token is known by its endpoint and its client; upstreams may share it. */
function tokenKey(endpoint: string, clientId: string): string {
  return `${clientId} ${endpoint}`;
}

/** Remembers what events showed. */
export class LastKnown {
  readonly #clock: Clock;
  readonly #tokens = new Map<string, KnownToken>();
  /** Host by connection. */
  readonly #connections = new Map<string, string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes an event. */
  readonly onEvent = (event: PostbearerEvent): void => {
    if (event.name === 'smtp.connected') this.#connections.set(event.connection, event.host);
    else if (event.name === 'smtp.closed') this.#connections.delete(event.connection);
    else if (event.name === 'token.acquired') {
      const { endpoint, clientId, expiresAt } = event;
      this.#tokens.set(tokenKey(endpoint, clientId), { acquiredAt: this.#clock.now(), expiresAt });
    } else if (event.name === 'token.failed') {
      const key = tokenKey(event.endpoint, event.clientId);
      const known = this.#tokens.get(key) ?? {};
      this.#tokens.set(key, { ...known, failingSince: known.failingSince ?? this.#clock.now(), fault: event.fault });
    }
  };

  /** Open connections to upstreams, by host. */
  connections(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const host of this.#connections.values()) counts.set(host, (counts.get(host) ?? 0) + 1);
    return counts;
  }

  /** The token of each upstream that signs in with one. */
  tokens(settings: Settings): readonly TokenFact[] {
    return Object.values(settings.upstreams).flatMap(({ name, enabled, oauth }): TokenFact[] => {
      if (!enabled || oauth?.enabled !== true) return [];
      const known = this.#knownToken(oauth);
      if (known === undefined) return [{ upstream: name, state: 'unproven' }];
      return [{ upstream: name, state: known.failingSince === undefined ? 'valid' : 'failing', ...known }];
    });
  }

  #knownToken({ tokenEndpoint, clientId }: { tokenEndpoint: string; clientId: string }): KnownToken | undefined {
    const exact = this.#tokens.get(tokenKey(tokenEndpoint, clientId));
    if (exact !== undefined || tokenEndpoint !== '') return exact;
    // A managed identity has no endpoint in the settings: the platform names it.
    const found = [...this.#tokens].find(([key]) => key.startsWith(`${clientId} `));
    return found?.[1];
  }
}
