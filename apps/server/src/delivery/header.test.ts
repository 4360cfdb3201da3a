import type { MailboxAddress } from '@postbearer/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeaderReader } from './header-reader.ts';
import { headerDate, readHeader, writeHeader, type HeaderChanges } from './header.ts';

const MAILBOX = 'notes@example.com' as MailboxAddress;
const CHANGES: HeaderChanges = {
  received: 'Received: from here',
  messageId: '<new@relay.example>',
  date: headerDate(0),
  sender: MAILBOX,
};

function find(blocks: readonly Uint8Array[]): { readonly header: string; readonly rest: string } {
  const reader = new HeaderReader();
  for (const [index, block] of blocks.entries()) {
    const found = reader.add(block);
    if (!found.ok) throw new Error(found.fault.message);
    if (found.value === undefined) continue;
    const rest = Buffer.concat([found.value.rest, ...blocks.slice(index + 1)]);
    return { header: found.value.header, rest: rest.toString('latin1') };
  }
  const { header, rest } = reader.end();
  return { header, rest: Buffer.from(rest).toString('latin1') };
}

/** The whole message as it would be stored. */
function rewritten(message: string, changes: Partial<HeaderChanges> = {}): string {
  const { header, rest } = find([Buffer.from(message, 'utf8')]);
  const read = readHeader(header);
  if (!read.ok) return read.fault.message;
  const written = writeHeader(read.value, { ...CHANGES, ...changes }, !rest.startsWith('\r\n')) + rest;
  return Buffer.from(written, 'latin1').toString('utf8');
}

const FULL = 'From: a@example.com\r\nDate: now\r\nMessage-ID: <1@a>\r\nSubject: é\r\n\r\nFrom: body\r\nBcc: body\r\n';

describe('a header', () => {
  test('that lacks nothing keeps every byte behind the Received line', () => {
    expect(rewritten(FULL)).toBe(`Received: from here\r\n${FULL}`);
  });

  test('gets what it lacks at its end', () => {
    expect(rewritten('To: b@example.com\r\n\r\nbody\r\n')).toBe(
      'Received: from here\r\nTo: b@example.com\r\nFrom: notes@example.com\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\nMessage-ID: <new@relay.example>\r\n\r\nbody\r\n',
    );
  });

  test('loses Bcc with its continuation, and nothing that only looks like it', () => {
    const message = 'BCC : x@example.com,\r\n y@example.com\r\nX-Bcc: z\r\nResent-Bcc: r@example.com\r\n';
    expect(rewritten(message + FULL)).toBe(`Received: from here\r\nX-Bcc: z\r\n${FULL}`);
  });

  test.each([
    ['Scan Er <a@x.example>', 'Scan Er <notes@example.com>'],
    ['"Er, Scan" <a@x.example>', '"Er, Scan" <notes@example.com>'],
    ['=?utf-8?Q?J=C3=B6.rg?= <a@x.example>', '=?utf-8?Q?J=C3=B6.rg?= <notes@example.com>'],
    ['"J\\"x" <a@x.example>', '"J\\"x" <notes@example.com>'],
    ['a@x.example', 'notes@example.com'],
    ['Ann\r\n\t<a@x.example>', 'Ann <notes@example.com>'],
    ['A <a@x.example>, B <b@x.example>', 'A <notes@example.com>'],
  ])('is rewritten to the mailbox with the name kept: %s', (from, expected) => {
    const text = rewritten(`From: ${from}\r\nSubject: s\r\n\r\n`, { from: MAILBOX });
    expect(text).toContain(`\r\nFrom: ${expected}\r\nSubject: s\r\n`);
  });

  test.each([
    ['From: a@example.com\r\nFrom: b@example.com\r\n\r\n', 'there are two of them'],
    ['From: not an address\r\n\r\n', 'is not a list of mail addresses'],
    ['From: \r\n\r\n', 'an address is missing'],
    ['From: undisclosed:;\r\n\r\n', 'it names nobody'],
  ])('whose From is not clear is refused: %j', (message, reason) => {
    expect(rewritten(message)).toContain(reason);
  });

  test('ends before a line that is no field, and gets an empty line there', () => {
    expect(rewritten('From: a@example.com\r\nHello printer\r\nSubject: body\r\n')).toMatch(
      /^Received: from here\r\nFrom: a@example\.com\r\nDate: .*\r\nMessage-ID: .*\r\n\r\nHello printer\r\nSubject: body\r\n$/,
    );
    expect(rewritten(' folded first line\r\n')).toMatch(/\r\n\r\n folded first line\r\n$/);
  });

  test('without a body or a last line break is whole', () => {
    expect(rewritten('From: a@example.com\r\nSubject: x')).toMatch(
      /\r\nSubject: x\r\nDate: .*\r\nMessage-ID: .*\r\n\r\n$/,
    );
  });

  test('is found the same however its bytes are cut', () => {
    const line = fc.oneof(
      fc.constantFrom('Subject: x', ' folded', '', 'no field', 'To: a@example.com', 'X:\r'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(9)), (lines, cuts) => {
        const bytes = Buffer.from(`From: a@example.com\r\n${lines.join('\r\n')}`, 'utf8');
        const blocks: Uint8Array[] = [];
        let start = 0;
        for (const cut of cuts) blocks.push(bytes.subarray(start, (start += cut)));
        blocks.push(bytes.subarray(start));
        expect(find(blocks)).toEqual(find([bytes]));
      }),
    );
  });

  test('that never ends is refused before it fills memory', () => {
    const reader = new HeaderReader();
    const block = Buffer.from(`X: ${'a'.repeat(60_000)}\r\n`);
    const outcomes = Array.from({ length: 5 }, () => reader.add(block).ok);
    expect(outcomes).toEqual([true, true, true, true, false]);
  });
});
