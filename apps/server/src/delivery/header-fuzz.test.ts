/** 50,000 random headers: the same however their bytes are cut, and nothing is added but what the rules say. */
import type { MailboxAddress } from '@postbearer/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runs } from '../../../../tests/setup/quick.ts';
import { HeaderReader, type FoundHeader } from './header-reader.ts';
import { readHeader, writeHeader } from './header.ts';

const MAILBOX = 'notes@example.com' as MailboxAddress;

const line = fc.constantFrom(
  'From: a@example.com\r\n',
  'From: "A, B" <a@example.com>,\r\n',
  '\tb@example.com\r\n',
  ' \r\n',
  'To: x@example.com\r\n',
  'BCC: hidden@example.com\r\n',
  'bcc:\r\n',
  'Resent-Bcc : hidden@example.com\r\n',
  'Postbearer-Idempotency-Key: k\r\n',
  'Subject: =?utf-8?B?DQpYLUV2aWw6IDE=?=\r\n',
  'Subject: \u00c3\u00bc\r\n',
  'Message-ID: <1@x>\r\n',
  'Date: x\r\n',
  'X: \u00e2\u0080\u00a8X-Evil: 1\r\n',
  'no field at all\r\n',
  ':\r\n',
  'X Y: z\r\n',
  '\r\n',
  'Bcc: in the body\r\n',
  '.\r\n',
);
const lastLine = fc.constantFrom('', 'half', 'Bcc: hidden@example.com', 'X: unfinished', ' ');
const message = fc
  .tuple(fc.array(line, { maxLength: 14 }), lastLine)
  .map(([lines, last]) => Buffer.from(lines.join('') + last, 'latin1'));
const places = fc.array(fc.nat(400), { maxLength: 6 });

interface Read {
  readonly header: string;
  readonly body: string;
}

/** Reads a message that comes in blocks. */
function read(blocks: readonly Uint8Array[]): Read {
  const reader = new HeaderReader();
  let found: FoundHeader | undefined;
  let rest = '';
  for (const block of blocks) {
    if (found !== undefined) {
      rest += Buffer.from(block).toString('latin1');
      continue;
    }
    const added = reader.add(block);
    if (!added.ok) throw new Error(added.fault.message);
    found = added.value;
  }
  found ??= reader.end();
  return { header: found.header, body: Buffer.from(found.rest).toString('latin1') + rest };
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...new Set(at.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}

/** The names of fields, as whoever reads the message next finds them. */
function names(header: string): string[] {
  return header.split('\r\n').flatMap((text) => /^([!-9;-~]+)[ \t]*:/.exec(text)?.[1]?.toLowerCase() ?? []);
}

test('a header', () => {
  let accepted = 0;
  fc.assert(
    fc.property(message, places, fc.boolean(), (bytes, at, isRewritten) => {
      const whole = read([bytes]);
      expect(read(cut(bytes, at))).toEqual(whole);
      // Nothing is lost between header and body.
      expect(whole.header + whole.body).toBe(bytes.toString('latin1'));

      const header = readHeader(whole.header);
      if (!header.ok) return;
      accepted += 1;
      const changes = {
        received: 'Received: from x\r\n\tby y',
        messageId: '<new@x>',
        date: 'now',
        sender: MAILBOX,
        ...(isRewritten ? { from: MAILBOX } : {}),
      };
      const written = writeHeader(header.value, changes, !whole.body.startsWith('\r\n'));
      const before = names(whole.header).filter((name) => !/^(?:(?:resent-)?bcc|postbearer-.*)$/.test(name));
      const missing = ['from', 'date', 'message-id'].filter((name) => !before.includes(name));
      expect(names(written)).toEqual(['received', ...before, ...missing]);
      expect(written).not.toContain('hidden@example.com');
      // Only CRLF, and one empty line where the body has none of its own.
      expect(written).toMatch(/^(?:[^\r\n]+\r\n)+(?:\r\n)?$/);
      expect((written + whole.body).includes('\r\n\r\n')).toBe(true);
    }),
    { numRuns: runs(50_000) },
  );
  expect(accepted).toBeGreaterThan(runs(50_000) / 4);
}, 120_000);
