/**
 * May this app send this message, and through which mailbox?
 *
 * The rules of this file:
 * - mail goes through the mailbox that its sender or its From belongs to, where the app may use that one; else through the
 *   first mailbox of the app;
 * - the sender of the envelope and every address in From must be that mailbox, an address that the settings send through
 *   it, or one that the app was given; otherwise the app's rule decides: refuse, rewrite to the mailbox, or keep;
 * - the null sender becomes the mailbox: submission to Exchange Online takes none.
 */
import {
  failure,
  success,
  systemClock,
  type Clock,
  type DsnRequest,
  type MailboxAddress,
  type Result,
} from '@postbearer/core';
import type { Statement } from '@postbearer/database';
import type { Enqueued, IdempotencyKey, Intake, Priority, Queue, Submission } from '@postbearer/queue';
import type { App } from '../access/app.ts';
import { accessFaults } from '../access/faults.ts';
import { createAdmission, NO_APP_LIMITS, type Admission, type AppLimits } from './admission.ts';
import { deliveryFaults } from './faults.ts';
import type { Lane, LaneBook } from './lanes.ts';

/** Which way a message goes. */
export interface Route {
  readonly lane: Lane;
  /** The sender of the envelope as it will be sent. */
  readonly sender: MailboxAddress;
  /** What every address in From becomes; absent where they stay. */
  readonly from?: MailboxAddress;
}

/** Where a message comes from and goes to, as far as its route depends on it. */
export interface RouteRequest {
  readonly app: App;
  readonly sender: MailboxAddress | '';
  /** The addresses in From; empty while the header is not read yet. */
  readonly from: readonly MailboxAddress[];
}

/** What else is known of a message when it is stored. */
export interface SubmissionFacts {
  readonly recipients: readonly MailboxAddress[];
  readonly messageId: string;
  readonly subject?: string;
  readonly dsn?: DsnRequest;
  readonly priority?: Priority;
  /** When it is to be sent, milliseconds since 1970; now where it is left out or past. */
  readonly sendAt?: number;
  readonly origin: string;
  readonly idempotency?: IdempotencyKey;
  /** Stored in the same batch as the message. */
  readonly statements?: readonly Statement[];
}

/** Hands messages to the queue, as far as policy allows. */
export interface Submitter {
  /** The most bytes of a message. */
  readonly maxMessageBytes: number;
  /** The most recipients of a message. */
  readonly maxRecipients: number;
  /** Whether more may come in; ask before its bytes are sent. */
  readonly admission: Admission;
  /** Finds the way of a message. Fails with `ACCESS_SENDER_NOT_ALLOWED`. */
  route(request: RouteRequest): Result<Route>;
  /** Begins to take a message in. Fails with `SERVICE_CLOSING`. */
  begin(): Result<Intake>;
  /**
   * Stores a message whose bytes were written; when this resolves well, it is on disk and may be confirmed.
   *
   * Fails with a fault of policy or as `Intake.accept` does; then abandon the intake.
   */
  accept(intake: Intake, request: RouteRequest, route: Route, facts: SubmissionFacts): Promise<Result<Enqueued>>;
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function laneFor({ app, sender, from }: RouteRequest, lanes: LaneBook): Lane {
  const own = app.mailboxes.map((mailbox) => lanes.ofMailbox(mailbox));
  const [first] = own;
  const owner = (address: string): Lane | undefined =>
    own.find((lane) => same(lane.mailbox, address) || lane.from.some((other) => same(other, address)));
  const found = [...from, sender].map(owner).find((lane) => lane !== undefined);
  return found ?? first ?? lanes.ofMailbox(app.mailboxes[0]);
}

/** The address of a mailbox as the app names it: its case is the administrator's. */
function addressOf({ mailboxes }: App, lane: Lane): MailboxAddress {
  return mailboxes.find((mailbox) => same(mailbox, lane.mailbox)) ?? mailboxes[0];
}

/** Finds the way of a message. Fails with `ACCESS_SENDER_NOT_ALLOWED`. */
export function routeOf(request: RouteRequest, lanes: LaneBook): Result<Route> {
  const { app, sender, from } = request;
  const lane = laneFor(request, lanes);
  const mailbox = addressOf(app, lane);
  const allowed = [mailbox, ...lane.from, ...app.from];
  const isAllowed = (address: string): boolean => allowed.some((other) => same(other, address));
  const wrong = [...(sender === '' ? [] : [sender]), ...from].find((address) => !isAllowed(address));
  if (wrong === undefined || app.fromRule === 'keep')
    return success({ lane, sender: sender === '' ? mailbox : sender });
  if (app.fromRule === 'refuse') {
    const values = { app: app.name, sender: wrong, allowed: allowed.join(', ') };
    return failure(accessFaults.make('ACCESS_SENDER_NOT_ALLOWED', values));
  }
  return success({
    lane,
    sender: sender !== '' && isAllowed(sender) ? sender : mailbox,
    ...(from.every(isAllowed) ? {} : { from: mailbox }),
  });
}

/** Gives statements that are stored in the batch that takes a message in, or not at all. */
export type QueuedStatements = (id: string, submission: Submission) => readonly Statement[];

/** What a submitter works with; the limits of a message are looked up for each, because settings change. */
export interface SubmitterOptions {
  readonly queue: Queue;
  readonly lanes: LaneBook;
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  /** What each app may hand in and have waiting; without a limit where left out. */
  readonly appLimits?: AppLimits;
  /** How much room the disk of the data has; nothing is refused for it where left out. */
  readonly freeBytes?: () => Promise<number>;
  readonly clock?: Clock;
  readonly isClosing: () => boolean;
  /** What else is stored in the batch that takes a message in; nothing where left out. */
  readonly queuedStatements?: QueuedStatements;
  /** Hears of each message that is stored. */
  readonly onQueued: (
    enqueued: Enqueued,
    route: Route,
    request: RouteRequest,
    facts: SubmissionFacts,
    sizeBytes: number,
  ) => void;
}

/** Makes the way into the queue. */
export function createSubmitter(options: SubmitterOptions): Submitter {
  const { queue, lanes, clock = systemClock } = options;
  const room = options.freeBytes === undefined ? {} : { freeBytes: options.freeBytes };
  return {
    admission: createAdmission({
      queue,
      get limits() {
        return options.appLimits ?? NO_APP_LIMITS;
      },
      get maxMessageBytes() {
        return options.maxMessageBytes;
      },
      clock,
      ...room,
    }),
    get maxMessageBytes() {
      return options.maxMessageBytes;
    },
    get maxRecipients() {
      return options.maxRecipients;
    },
    route: (request) => routeOf(request, lanes),
    begin: () => (options.isClosing() ? failure(deliveryFaults.make('SERVICE_CLOSING')) : success(queue.intake())),
    async accept(intake, request, route, facts) {
      const { maxMessageBytes, maxRecipients } = options;
      const { recipients, dsn, idempotency, statements = [], ...rest } = facts;
      if (recipients.length > maxRecipients) {
        const values = { count: recipients.length, limit: maxRecipients };
        return failure(deliveryFaults.make('MESSAGE_TOO_MANY_RECIPIENTS', values));
      }
      if (intake.sizeBytes > maxMessageBytes) {
        return failure(deliveryFaults.make('MESSAGE_SIZE_OVER_LIMIT', { limit: maxMessageBytes }));
      }
      // Here and never again: each attempt goes the way of the lane.
      const lane = lanes.forMessage(route.lane, { app: request.app.name, messageId: facts.messageId });
      const submission = {
        ...rest,
        lane: lane.name,
        app: request.app.name,
        envelope: { sender: route.sender, recipients, ...(dsn === undefined ? {} : { dsn }) },
        from: route.from ?? request.from[0] ?? route.sender,
        // The null sender asks for no notice (RFC 5321 section 4.5.5), and it is replaced.
        isNotice: request.sender === '',
        ...(idempotency === undefined ? {} : { idempotency }),
      };
      const further = options.queuedStatements?.(intake.id, submission) ?? [];
      const accepted = await intake.accept(submission, { statements: [...statements, ...further] });
      if (accepted.ok && accepted.value.isNew)
        options.onQueued(accepted.value, { ...route, lane }, request, facts, intake.sizeBytes);
      return accepted;
    },
  };
}
