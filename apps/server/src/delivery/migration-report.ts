/** What can be said of a migration from the password to OAuth. Times are milliseconds since 1970. */
import type { Result } from '@postbearer/core';
import type { MigrationSettings } from '@postbearer/settings';
import type { Way, WayResult } from './ways.ts';

/** What came of the messages of one way, each counted by its latest attempt on it. */
export interface WayTotals {
  readonly delivered: number;
  readonly failed: number;
  /** Messages and addresses that were wrong in themselves; they say nothing about the way. */
  readonly refused: number;
  /** What waits in its lanes now. */
  readonly waiting: number;
}

/** What came of the messages of one way whose latest attempt was within one hour. */
export interface WayHour {
  /** When the hour began. */
  readonly at: number;
  readonly way: Way;
  readonly outcome: WayResult;
  readonly count: number;
}

/** How a migration goes. */
export interface MigrationReport {
  readonly at: number;
  /** What is counted was tried since then. */
  readonly since: number;
  /** What the settings in force say; absent where no migration is under way, or no service runs. */
  readonly migration?: MigrationSettings;
  readonly ways: Readonly<Record<Way, WayTotals>>;
  /** In order of time; hours in which nothing happened are left out. */
  readonly hours: readonly WayHour[];
  /** The faults of what failed, the most frequent first. */
  readonly faults: readonly { readonly way: Way; readonly code: string; readonly count: number }[];
  readonly verdict: 'safe' | 'failing' | 'inconclusive';
  /** Why, in a sentence. */
  readonly reason: string;
  /** How many more messages, if all are delivered, would show that it is safe; only where that is open. */
  readonly needed?: number;
}

/** Which way one attempt for a message went. */
export interface WayOfMessage {
  /** Its name in the queue. */
  readonly id: string;
  readonly messageId: string;
  readonly app: string;
  /** Its state in the queue now. */
  readonly state: string;
  readonly way: Way;
  readonly outcome: WayResult;
  readonly faultCode?: string;
  readonly at: number;
}

/** Which period is asked for. */
export interface MigrationRequest {
  /** The beginning of the migration where the settings in force do not say it: 48 hours ago where this is left out as well. */
  readonly since?: number;
}

/** A page of what went which way, in order of the names of the messages and then of the attempts. */
export interface WayPage {
  readonly messages: readonly WayOfMessage[];
  /** Ask for what comes after this; absent at the end. */
  readonly next?: string;
}

/** What may be asked about a migration. */
export interface MigrationReports {
  /** Fails with what the database reports. */
  report(request: MigrationRequest, migration?: MigrationSettings): Promise<Result<MigrationReport>>;
  /** Fails with what the database reports. */
  messages(request: MigrationRequest & { readonly after?: string }): Promise<Result<WayPage>>;
}
