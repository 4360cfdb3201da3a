/** What the HTTP API works with. */
import type { Clock, EventSink, PostbearerEvent } from '@postbearer/core';
import type { Queue } from '@postbearer/queue';
import type { KeyRegistry } from '../../access/key-registry.ts';
import type { Lane } from '../../delivery/lanes.ts';
import type { Submitter } from '../../delivery/submit.ts';
import type { Control } from '../control.ts';

/** An event with its number and its time. */
export interface EventEntry {
  readonly id: number;
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly event: PostbearerEvent;
}

/** The last events, and those that come. */
export interface EventFeed {
  /** The number of the newest event. */
  readonly lastId: number;
  /** What came after `id`, the oldest first, and whether something in between is no longer kept. */
  after(id: number): { readonly isGap: boolean; readonly events: readonly EventEntry[] };
  /** Calls `listener` for each event from now on; it must not throw and must not wait. */
  subscribe(listener: (entry: EventEntry) => void): { close(): void };
}

/** How the service is. */
export interface HealthReport {
  readonly isHealthy: boolean;
  readonly state: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly parts: readonly {
    readonly name: string;
    readonly state: string;
    readonly message: string;
    readonly basis: string;
    readonly since: number;
  }[];
}

/** What is asked about the service. */
export interface Monitoring {
  readonly events: EventFeed;
  live(): HealthReport;
  health(): Promise<HealthReport>;
  ready(): Promise<HealthReport>;
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Counts an answer; `route` is the pattern of its path. */
  readonly onHttpRequest: (route: string, method: string, status: number, seconds: number) => void;
}

/** What the routes work with. */
export interface ApiParts {
  readonly control: Control;
  readonly queue: Pick<Queue, 'get' | 'openBody'>;
  readonly submitter: Submitter;
  readonly keys: KeyRegistry;
  /** The lane of a mailbox. */
  readonly laneOf: (mailbox: string) => Pick<Lane, 'name' | 'mailbox'>;
  readonly monitoring: Monitoring;
  /** The name of this host in what it writes into messages. */
  readonly hostname: () => string;
  /** A folder for attachments while they arrive; emptied at the start. */
  readonly uploadFolder: string;
  readonly clock: Clock;
  readonly onEvent: EventSink;
  /** Hears what was not expected. */
  readonly onError: (error: unknown) => void;
}
