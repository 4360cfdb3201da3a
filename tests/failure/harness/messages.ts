/** The messages of these tests: each has a name, and bytes that nobody can mistake for those of another. */
import { createHash } from 'node:crypto';
import { draws } from './random.ts';
import { digestOf } from './ledger.ts';

/** A message to hand in. */
export interface TestMessage {
  readonly id: string;
  readonly bytes: Buffer;
  readonly sha: string;
}

/** The names in the envelope and the header. */
export const MAILBOX = 'notifications@contoso.example';
/** A second mailbox, for tests of what one does to another. */
export const OTHER_MAILBOX = 'other@contoso.example';
export const RECIPIENT = 'user@example.com';

const NAME_FIELD = /^X-Ledger: (\S+)\r$/m;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Lines of 76 characters, some beginning with a dot, that follow from the name. */
function bodyOf(id: string, bytes: number): string {
  const random = draws(createHash('sha256').update(id).digest().readUInt32LE());
  const lines: string[] = [];
  for (let length = 0; length < bytes;) {
    const line = Array.from({ length: 75 }, () => ALPHABET[Math.floor(random() * 64)]).join('');
    lines.push(random() < 0.05 ? `.${line}` : line);
    length += 77;
  }
  return lines.join('\r\n');
}

/** A message of about so many bytes, complete, so that the service has nothing to add but where it came from. */
export function testMessage(id: string, bytes = 2000, from: string = MAILBOX): TestMessage {
  const header = [
    `From: ${from}`,
    `To: ${RECIPIENT}`,
    `Subject: ${id}`,
    'Date: Wed, 25 Nov 2026 00:00:00 +0000',
    `Message-ID: <${id}@ledger.example>`,
    `X-Ledger: ${id}`,
  ].join('\r\n');
  const content = Buffer.from(`${header}\r\n\r\n${bodyOf(id, bytes)}\r\n`, 'latin1');
  return { id, bytes: content, sha: digestOf(content) };
}

/** The name of a message of ours; `undefined` for mail that the service wrote. */
export function nameOf(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  return NAME_FIELD.exec(end < 0 ? text : text.slice(0, end + 2))?.[1];
}
