/**
 * How a service is, as an operator sees it: the words that monitoring says and that status and the API show.
 *
 * Times are milliseconds since 1970.
 */
import type { Fault, PostbearerEvent } from '@postbearer/core';

/** How much happened on a day of UTC, on all nodes. Mail that the service itself writes is not counted. */
export interface DayCount {
  readonly accepted: number;
  readonly delivered: number;
  /** Messages that were given up: refused, expired or unconfirmed. */
  readonly refused: number;
  /** Attempts after which a message waited for another one. */
  readonly deferred: number;
}

/** What is known of the token of an upstream. */
export interface TokenFact {
  readonly upstream: string;
  /** `unproven`: none was needed since the start. */
  readonly state: 'unproven' | 'valid' | 'failing';
  /** When the last one was obtained. */
  readonly acquiredAt?: number;
  readonly expiresAt?: number;
  /** Since when none can be obtained. */
  readonly failingSince?: number;
  readonly fault?: Fault;
}

/** How a webhook is. */
export interface WebhookFact {
  readonly name: string;
  readonly waiting: number;
  /** Set aside after a day of attempts. */
  readonly parked: number;
  /** Why the last attempt failed; absent while it takes events. */
  readonly reason?: string;
}

/** How the running service is. */
export interface ServiceFacts {
  readonly version: string;
  readonly node: string;
  readonly startedAt: number;
  readonly tokens: readonly TokenFact[];
  /** Where mail is taken, such as `0.0.0.0:2525 (starttls)`. */
  readonly listeners: readonly string[];
  readonly relaySessions: number;
  /** By host. */
  readonly upstreamConnections: Readonly<Record<string, number>>;
  readonly database: {
    readonly kind: 'sqlite' | 'postgresql';
    readonly isUp: boolean;
    readonly since: number;
    readonly fault?: Fault;
  };
  readonly disk: { readonly folder: string; readonly freeBytes?: number; readonly isNearlyFull: boolean };
  readonly webhooks: readonly WebhookFact[];
  /** Records that the log could not write since the start. */
  readonly logDropped: number;
}

/** One thing that happened, for whoever traces. */
export interface TraceItem {
  readonly at: number;
  readonly event: PostbearerEvent;
  /** How many items before this one were left out, because they came faster than they were read. */
  readonly skipped?: number;
}
