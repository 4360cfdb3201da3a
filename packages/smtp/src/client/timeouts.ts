/**
 * How long each stage of a session may take.
 *
 * The defaults are those of RFC 5321 section 4.5.3.2 where it names one. The wait after the end of a message is ten
 * minutes on purpose: giving up sooner on a slow server makes duplicates (RFC 1047).
 */
import type { SmtpStage } from '@postbearer/core';

/** Milliseconds for each stage of a session. */
export type StageTimeouts = Readonly<Record<SmtpStage, number>>;

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

/** The timeouts that hold where nothing else is asked for. */
export const DEFAULT_TIMEOUTS: StageTimeouts = {
  // Ours: the standard names none, and a dead address should show while somebody is looking.
  connect: 30 * SECOND_MS,
  tls: 30 * SECOND_MS,
  greeting: 5 * MINUTE_MS,
  ehlo: 5 * MINUTE_MS,
  starttls: 2 * MINUTE_MS,
  auth: 2 * MINUTE_MS,
  mail: 5 * MINUTE_MS,
  rcpt: 5 * MINUTE_MS,
  data: 2 * MINUTE_MS,
  content: 3 * MINUTE_MS,
  final: 10 * MINUTE_MS,
  rset: 5 * MINUTE_MS,
  // Nothing depends on the answer to QUIT.
  quit: 5 * SECOND_MS,
};
