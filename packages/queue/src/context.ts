/** What every part of the queue works with. */
import type { Clock } from '@postbearer/core';
import type { Database } from '@postbearer/database';
import type { AppLoads } from './app-load.ts';
import type { ClockWatch } from './clock-watch.ts';
import type { RetryTimes } from './retry-schedule.ts';

/** What becomes of a message whose outcome is uncertain: sent again, not sent again, or whatever a person decides. */
export type UncertainPolicy = 'retry' | 'stop' | 'ask';

/** Times of leases and nodes, milliseconds. */
export interface NodeTimes {
  /** A lease that is not settled within this time is taken for lost. */
  readonly leaseMs: number;
  /** How often a node gives a sign of life, and looks for those of the others. */
  readonly beatMs: number;
  /** A node that could not give a sign of life for this long sends no more. */
  readonly stopMs: number;
  /** Others take over from a node that gave no sign of life for this long; longer than `stopMs`. */
  readonly takeOverMs: number;
}

/** The times that hold where nothing else is set. */
export const DEFAULT_NODE_TIMES: NodeTimes = {
  leaseMs: 30 * 60_000,
  beatMs: 5000,
  stopMs: 30_000,
  takeOverMs: 45_000,
};

/** Shared by the parts of one queue. */
export interface QueueContext {
  readonly database: Database;
  readonly clock: Clock;
  readonly watch: ClockWatch;
  readonly random: () => number;
  readonly loads: AppLoads;
  /** Makes the name of the next message. */
  readonly newId: () => string;
  /** The name of this node. */
  readonly node: string;
  /** The name of this run of this node: no two runs share one. */
  readonly run: string;
  readonly retryTimes: RetryTimes;
  readonly nodeTimes: NodeTimes;
  readonly uncertain: UncertainPolicy;
  /** Says that there may be something to lease in a lane. */
  readonly wake: (lane: string) => void;
}
