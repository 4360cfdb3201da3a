/** What `postbearer status` shows beside the lanes: the process, what happened today, tokens, and what is in trouble. */
import type { Fault } from '@postbearer/core';
import type { DayCount } from './day-counts.ts';
import type { TokenFact } from './last-known.ts';

/** How the running service is. */
export interface ServiceFacts {
  readonly version: string;
  readonly node: string;
  /** When it started, milliseconds since 1970. */
  readonly startedAt: number;
  /** What happened today on all nodes; absent where the database does not say. Days are of UTC. */
  readonly today?: DayCount;
  readonly tokens: readonly TokenFact[];
  /** Where mail is taken, such as `0.0.0.0:2525 (starttls)`. */
  readonly listeners: readonly string[];
  readonly relaySessions: number;
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

/** How a webhook is. */
export interface WebhookFact {
  readonly name: string;
  readonly waiting: number;
  /** Set aside after a day of attempts. */
  readonly parked: number;
  /** Why the last attempt failed; absent while it takes events. */
  readonly reason?: string;
}
