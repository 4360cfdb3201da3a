/**
 * What a client is told for a fault: a code that its queue understands, and a text that an administrator understands.
 *
 * A fault that passes is 451, or 452 where there is no room (RFC 5321 section 4.2.2); then the client keeps the message
 * and tries again. Everything else is refused for good, because the same would be refused again.
 */
import type { Fault } from '@postbearer/core';
import type { SpokenReply } from '@postbearer/smtp/server';

/** Codes whose meaning has an enhanced status code of its own (RFC 3463, RFC 7372). */
const REFUSALS: Readonly<Record<string, Omit<SpokenReply, 'text'>>> = {
  ACCESS_SENDER_NOT_ALLOWED: { code: 550, enhanced: '5.7.1' },
  ACCESS_NOBODY: { code: 550, enhanced: '5.7.1' },
  MESSAGE_TOO_MANY_RECIPIENTS: { code: 552, enhanced: '5.5.3' },
  MESSAGE_SIZE_OVER_LIMIT: { code: 552, enhanced: '5.3.4' },
  MESSAGE_HEADER_TOO_LONG: { code: 552, enhanced: '5.3.4' },
  QUEUE_KEY_REUSED: { code: 550, enhanced: '5.6.0' },
  MESSAGE_FROM_UNCLEAR: { code: 550, enhanced: '5.6.0' },
};

/** Refusals for now whose reason the client may know; each passes by itself. */
const LATER: Readonly<Record<string, Omit<SpokenReply, 'text'>>> = {
  SERVICE_NO_ROOM: { code: 452, enhanced: '4.3.1' },
  MESSAGE_QUOTA_REACHED: { code: 452, enhanced: '4.3.1' },
  MESSAGE_RATE_REACHED: { code: 452, enhanced: '4.7.1' },
};

/** The reply to a client for a fault. */
export function replyFor(fault: Fault): SpokenReply {
  const refusal = REFUSALS[fault.code] ?? LATER[fault.code];
  if (refusal !== undefined) return { ...refusal, text: fault.message };
  if (fault.code === 'DATABASE_DISK_FULL')
    return { code: 452, enhanced: '4.3.1', text: 'No room now; try again later' };
  if (fault.code === 'SERVICE_CLOSING') return { code: 451, enhanced: '4.3.2', text: fault.title };
  // What happened inside concerns nobody outside: not where the database is, and not why it failed.
  if (fault.next === 'fix-message') return { code: 550, enhanced: '5.6.0', text: fault.message };
  return { code: 451, enhanced: '4.3.0', text: 'The message could not be stored now; try again later' };
}
