/** Messages and addresses for tests. */
import { Buffer } from 'node:buffer';
import { parseMailboxAddress, type MailboxAddress, type Message, type MessageContent } from '@postbearer/core';

/** A checked address. */
export function address(text: string): MailboxAddress {
  const parsed = parseMailboxAddress(text);
  if (!parsed.ok) throw new Error(parsed.fault.message);
  return parsed.value;
}

/** A message from `app@example.com`, to `user@example.com` where nothing else is said. */
export function message(content: string | MessageContent, ...recipients: string[]): Message {
  return {
    envelope: {
      sender: address('app@example.com'),
      recipients: (recipients.length === 0 ? ['user@example.com'] : recipients).map((text) => address(text)),
    },
    content: typeof content === 'string' ? Buffer.from(content, 'utf8') : content,
  };
}

/** Content that is read in the given pieces. */
export function inPieces(...pieces: readonly (string | Uint8Array)[]): MessageContent {
  return {
    async *open() {
      for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece, 'utf8') : piece;
    },
  };
}

/** A small whole message. */
export const HELLO = 'Subject: Hello\r\n\r\nHello.\r\n';
