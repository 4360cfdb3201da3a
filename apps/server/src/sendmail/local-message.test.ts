import type { Result } from '@postbearer/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readLocalMessage, type LocalSubmission } from './local-message.ts';

const T: LocalSubmission = { recipients: [], readsRecipients: true, ignoresDots: true };
const TO: LocalSubmission = { recipients: ['user@example.com'], readsRecipients: false, ignoresDots: true };

async function* blocksOf(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text, 'latin1');
}

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.fault.message);
  return result.value;
}

async function contentOf(submission: LocalSubmission, ...texts: readonly string[]): Promise<string> {
  const { content } = must(await readLocalMessage(blocksOf(...texts), submission, 'web1.example.com'));
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts).toString('latin1');
}

async function recipientsOf(message: string, submission = T): Promise<readonly string[] | string> {
  const read = await readLocalMessage(blocksOf(message), submission, 'web1.example.com');
  return read.ok ? read.value.head.recipients : read.fault.code;
}

describe('recipients', () => {
  test.each<[string, readonly string[] | string]>([
    [
      'To: a@example.com\nCc: "B, b" <b@example.com>\nBcc: c@example.com\n\nx\n',
      ['a@example.com', 'b@example.com', 'c@example.com'],
    ],
    ['To: a@example.com\nResent-To: z@example.com\n\nx\n', ['z@example.com']],
    ['To: a@example.com, A <a@example.com>\n\n', ['a@example.com']],
    ['To: a@example.com,\n b@example.com\n\n', ['a@example.com', 'b@example.com']],
    ['To: root\n\n', ['root']],
    ['To: root, admin@example.com\n\n', ['root', 'admin@example.com']],
    ['To: undisclosed-recipients:;\nBcc: a@example.com\n\n', ['a@example.com']],
    ['Subject: nobody\n\n', 'SENDMAIL_NO_RECIPIENTS'],
    ['Subject: nobody\n\nTo: body@example.com\n', 'SENDMAIL_NO_RECIPIENTS'],
    ['To: a@@example.com\n\n', 'MESSAGE_ADDRESS_LIST_INVALID'],
  ])('with -t of %j', async (message, expected) => {
    expect(await recipientsOf(message)).toEqual(expected);
  });

  test('of the command line are added to those of the header, and alone without -t', async () => {
    const message = 'To: header@example.com\n\n';
    expect(await recipientsOf(message, TO)).toEqual(['user@example.com']);
    expect(await recipientsOf(message, { ...TO, readsRecipients: true })).toEqual([
      'user@example.com',
      'header@example.com',
    ]);
  });
});

describe('lines', () => {
  test.each([
    ['a\nb\n', 'a\r\nb\r\n'],
    ['a\r\nb', 'a\r\nb\r\n'],
    ['a\r\r\nb\r', 'a\r\nb\r\n'],
    ['a\rb\0c\n', 'a b c\r\n'],
    ['.\n..\n', '.\r\n..\r\n'],
    ['', ''],
  ])('%j', async (body, expected) => {
    expect(await contentOf(TO, `Subject: x\n\n${body}`)).toBe(`Subject: x\r\n\r\n${expected}`);
  });

  test('a dot alone ends the message unless it is to be an ordinary one', async () => {
    const message = 'Subject: x\n\na\n.\nmore\n';
    expect(await contentOf({ ...TO, ignoresDots: false }, message)).toBe('Subject: x\r\n\r\na\r\n');
    expect(await contentOf(TO, message)).toBe('Subject: x\r\n\r\na\r\n.\r\nmore\r\n');
  });

  test('however they are cut into blocks, the message is the same', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', '.', '\n', '\r', '\0', '.\n'), maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(30)), fc.boolean(), async (body, cuts, ignoresDots) => {
        const message = `Subject: x\n\n${body}`;
        const at = [...new Set(cuts)].toSorted((a, b) => a - b).map((cut) => Math.min(cut, message.length));
        const pieces = [...at, message.length].map((end, index) => message.slice(at[index - 1] ?? 0, end));
        const submission = { ...TO, ignoresDots };
        const [whole, cut] = [await contentOf(submission, message), await contentOf(submission, ...pieces)];
        expect(cut).toBe(whole);
        // oxlint-disable-next-line no-control-regex -- NUL is what must not be there
        expect(whole).not.toMatch(/\r(?!\n)|(?<!\r)\n|\0/);
      }),
    );
  });

  test('the first line of a mailbox file is left out', async () => {
    expect(await contentOf(TO, 'From root Tue Nov 24 10:00:00 2026\nSubject: x\n\nFrom here\n')).toBe(
      'Subject: x\r\n\r\nFrom here\r\n',
    );
  });
});

describe('From', () => {
  test.each([
    ['root (Cron Daemon)', '"Cron Daemon" <root@web1.example.com>'],
    ['root', 'root@web1.example.com'],
    ['Backup <backup>', '"Backup" <backup@web1.example.com>'],
    ['"Cron" <root>', '"Cron" <root@web1.example.com>'],
    ['a@example.com', 'a@example.com'],
    ['what is this', 'what is this'],
  ])('%s', async (from, expected) => {
    expect(await contentOf(TO, `From: ${from}\n\n`)).toBe(`From: ${expected}\r\n\r\n`);
  });

  test('is made of -f and -F where it is missing', async () => {
    const submission = { ...TO, sender: 'shop@example.com', fullName: 'The "Shop"\r\nBcc: evil@example.net' };
    expect(await contentOf(submission, 'Subject: x\n\n')).toBe(
      'Subject: x\r\nFrom: "The  Shop   Bcc: evil@example.net" <shop@example.com>\r\n\r\n',
    );
  });
});

test('a sender without a domain is none, and an empty one is the null sender', async () => {
  const senderOf = async (sender: string): Promise<string | undefined> =>
    must(await readLocalMessage(blocksOf('\n'), { ...TO, sender }, 'web1')).head.sender;
  expect(await Promise.all(['root', '', '<>', '<a@example.com>'].map(senderOf))).toEqual([
    undefined,
    '',
    '',
    'a@example.com',
  ]);
});

test('a header without end is refused and not held in memory', async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield Buffer.from(`X-Line: ${'x'.repeat(1000)}\n`);
  }
  const read = await readLocalMessage(endless(), TO, 'web1');
  expect(read).toMatchObject({ ok: false, fault: { code: 'MESSAGE_HEADER_TOO_LONG' } });
});
