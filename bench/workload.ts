/** What is sent: the same messages by every client of a run. */
import { Buffer } from 'node:buffer';

/** Who signs in and sends. */
export const USERNAME = 'app@example.com';
/** As long as tokens of Microsoft are. */
export const TOKEN: string = 'T'.repeat(1500);
/** The name in the sink's certificate. */
export const SERVER_NAME = 'localhost';

const LINE = 'abcdefghijklmnopqrstuvwxyz'.repeat(3).slice(0, 74);
const RECIPIENTS = 1000;

/** The recipient of message number `id`. */
export function recipientOf(id: number): string {
  return `user${id % RECIPIENTS}@example.net`;
}

/** The text of a message of about `sizeBytes`, for clients that compose it themselves. */
export function textOf(sizeBytes: number): string {
  return `${LINE}\r\n`.repeat(Math.max(1, Math.ceil((sizeBytes - 330) / (LINE.length + 2))));
}

/** Makes the content of messages of about `sizeBytes`; the sink counts them by their X-Bench-Id. */
export function contentMaker(sizeBytes: number): (id: number) => Buffer {
  const body = textOf(sizeBytes);
  return (id) =>
    Buffer.from(
      [
        `From: <${USERNAME}>`,
        `To: <${recipientOf(id)}>`,
        `Subject: bench message ${id}`,
        'Date: Mon, 01 Jun 2026 12:00:00 +0000',
        `Message-ID: <${id}@bench.example.com>`,
        `X-Bench-Id: ${id}`,
        'MIME-Version: 1.0',
        'Content-Type: text/plain; charset=utf-8',
        '',
        body,
      ].join('\r\n'),
      'latin1',
    );
}
