/**
 * The durable queue of messages: state machine, lanes, leases, retry schedule.
 *
 * @packageDocumentation
 */
export type { AppLoad } from './app-load.ts';
export { BodyUnreadable } from './body.ts';
export type { ChangeOptions, MessageVerb } from './commands.ts';
export { DEFAULT_NODE_TIMES, type NodeTimes, type UncertainPolicy } from './context.ts';
export type { AttemptReport, Decision, HoldScope, Notice, RecipientDecision } from './decide.ts';
export { queueFaults, type QueueFaultCode } from './faults.ts';
export type { Hold } from './holds.ts';
export { SMALL_MESSAGE_BYTES, type AcceptOptions, type Enqueued, type Intake, type PreparedMessage } from './intake.ts';
export type { LeasedMessage, LeasedRecipient } from './leased-message.ts';
export type {
  AttemptRecord,
  DetailsPage,
  MessageDetails,
  MessageFilter,
  MessagePage,
  MessageRecord,
  PageRequest,
  RecipientRecord,
} from './lookup.ts';
export { createQueue, type LeaseOptions, type Queue, type QueueOptions } from './queue.ts';
export { DEFAULT_RETENTION, type Retention } from './retention.ts';
export { DEFAULT_RETRY_TIMES, LONGEST_WAIT_MS, waitAfter, type RetryTimes } from './retry-schedule.ts';
export { queueMigrations, type HoldReason, type Priority } from './schema.ts';
export type { AttemptReply, SettleOptions } from './settle.ts';
export {
  MESSAGE_STATES,
  TRANSITIONS,
  type EndedState,
  type MessageState,
  type OpenRecipientState,
  type RecipientState,
  type Transition,
  type Trigger,
} from './states.ts';
export type { LaneCount, QueueCounts, StuckCount } from './statistics.ts';
export type { IdempotencyKey, Submission } from './submission.ts';
