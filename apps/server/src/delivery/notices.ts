/**
 * Who is told that a message failed or is late, and how often.
 *
 * A notice goes to the sender of the message, or to the operator's address where the settings name one. It is written into the
 * queue together with the verdict, so there is no failure without its notice. The queue asks for none about a notice. A lane
 * sends at most 60 in an hour: a thousand wrong addresses in one night are told of in the queue and the log.
 */
import type { Clock, MailboxAddress } from '@postbearer/core';
import type { Decision, LeasedMessage, Notice, PreparedMessage, Queue } from '@postbearer/queue';
import { composeDeliveryNotice } from '../templates/delivery-notice.ts';

const MOST_IN_AN_HOUR = 60;
const HOUR_MS = 3_600_000;
/** So many recipients are named in one notice: it has to fit into one batch. */
const MOST_RECIPIENTS = 50;

/** What notices are made with; name and address are looked up for each, because settings change. */
export interface NoticeOptions {
  readonly queue: Queue;
  readonly clock: Clock;
  /** The name of this host. */
  readonly hostname: string;
  /** Gets every notice in place of the senders. */
  readonly to?: MailboxAddress | undefined;
}

/** A notice that is ready to be stored. */
export interface PreparedNotice extends PreparedMessage {
  readonly kind: Notice['kind'];
}

/** Makes the notices of a decision, ready to be stored with it. */
export type NoticeMaker = (leased: LeasedMessage, decision: Decision) => readonly PreparedNotice[];

/** Makes the maker of notices. */
export function createNoticeMaker(options: NoticeOptions): NoticeMaker {
  const { queue, clock } = options;
  const sentAt = new Map<string, number[]>();

  const hasRoom = (lane: string): boolean => {
    const nowMs = clock.monotonicMs();
    const recent = (sentAt.get(lane) ?? []).filter((atMs) => atMs > nowMs - HOUR_MS);
    sentAt.set(lane, recent);
    if (recent.length >= MOST_IN_AN_HOUR) return false;
    recent.push(nowMs);
    return true;
  };

  const prepare = (leased: LeasedMessage, sender: MailboxAddress, notice: Notice): PreparedNotice => {
    const { hostname, to } = options;
    const { id, lane, leaseNumber, messageId, subject, acceptedAt } = leased;
    const { dsn } = leased.message.envelope;
    const noticeId = `<${id}.${leaseNumber}.${notice.kind}@${hostname}>`;
    const content = composeDeliveryNotice({
      kind: notice.kind,
      mailbox: sender,
      to: to ?? sender,
      messageId: noticeId,
      hostname,
      original: { messageId, subject, acceptedAt, ...(dsn === undefined ? {} : { dsn }) },
      recipients: notice.recipients.slice(0, MOST_RECIPIENTS),
      now: clock.now(),
    });
    const envelope = { sender, recipients: [to ?? sender] };
    const submission = { lane, app: 'postbearer', envelope, from: sender, messageId: noticeId, isNotice: true };
    const prepared = queue.prepareMessage({ ...submission, subject: `About ${messageId}`, origin: 'notice' }, content);
    return { ...prepared, kind: notice.kind };
  };

  return (leased, { notices }) => {
    const { sender } = leased.message.envelope;
    if (sender === '') return [];
    return notices.flatMap((notice) => (hasRoom(leased.lane) ? [prepare(leased, sender, notice)] : []));
  };
}
