import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMailboxAddress, type MailboxAddress, type MessageContent } from '@postbearer/core';
import PostalMime from 'postal-mime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { composeMessage } from './compose.ts';
import type { ComposedMessage } from './envelope.ts';
import type { MailInput } from './mail.ts';

function address(text: string): MailboxAddress {
  const parsed = parseMailboxAddress(text);
  if (!parsed.ok) throw new Error(parsed.fault.message);
  return parsed.value;
}

const FROM = address('notifications@example.com');

async function bytesOf(content: MessageContent): Promise<Buffer> {
  if (content instanceof Uint8Array) return Buffer.from(content);
  const parts: Uint8Array[] = [];
  for await (const part of content.open()) parts.push(part);
  return Buffer.concat(parts);
}

async function compose(mail: MailInput): Promise<ComposedMessage> {
  const composed = await composeMessage(mail, FROM);
  if (!composed.ok) throw new Error(`${composed.fault.code}: ${composed.fault.message}`);
  return composed.value;
}

async function faultOf(mail: MailInput): Promise<string> {
  const composed = await composeMessage(mail, FROM);
  return composed.ok ? 'composed' : `${composed.fault.code}: ${composed.fault.message}`;
}

describe('a composed mail', () => {
  test('goes to everybody who is named, once each, and hides those in bcc', async () => {
    const { envelope, content } = await compose({
      to: ['a@example.com', 'B <b@example.com>, c@example.com'],
      cc: { name: 'D', address: 'd@example.com' },
      bcc: 'hidden@example.com, a@example.com',
      subject: 'x',
      text: 'y',
    });
    expect(envelope).toEqual({
      sender: FROM,
      recipients: ['a@example.com', 'b@example.com', 'c@example.com', 'd@example.com', 'hidden@example.com'],
    });
    const text = (await bytesOf(content)).toString('latin1');
    expect(text).not.toMatch(/bcc/i);
    expect(text).not.toContain('hidden@');
  });

  test('reads back as it was said, by a reader that others wrote', async () => {
    const { content, messageId } = await compose({
      from: { name: 'Wärme "Süd"', address: 'notifications@example.com' },
      to: 'user@example.com',
      replyTo: 'help@example.com',
      subject: 'Grüße, 世界',
      text: 'one\ntwo\rthree\r\n.dot\r\n',
      html: '<p>Logo: <img src="cid:logo.png"></p>',
      attachments: [
        { filename: 'löschen.txt', content: 'attached\nlines' },
        { filename: 'logo.png', cid: 'logo.png', content: new Uint8Array([137, 80, 78, 71, 0, 13, 10, 10]) },
      ],
      headers: { 'X-App': ['one', 'two'] },
    });
    const mail = await PostalMime.parse(await bytesOf(content));
    expect(mail.from).toMatchObject({ name: 'Wärme "Süd"', address: 'notifications@example.com' });
    expect(mail.subject).toBe('Grüße, 世界');
    expect(mail.text?.replaceAll('\r\n', '\n').trimEnd()).toBe('one\ntwo\nthree\n.dot');
    expect(mail.html).toContain('cid:logo.png');
    expect(mail.messageId).toBe(messageId);
    expect(mail.attachments.map(({ filename, disposition, contentId }) => [filename, disposition, contentId])).toEqual([
      ['logo.png', 'inline', '<logo.png>'],
      ['löschen.txt', 'attachment', undefined],
    ]);
    expect(Buffer.from(mail.attachments[0]?.content as ArrayBuffer)).toEqual(
      Buffer.from([137, 80, 78, 71, 0, 13, 10, 10]),
    );
    expect(mail.headers.filter(({ key }) => key === 'x-app').map(({ value }) => value)).toEqual(['one', 'two']);
  });

  test('holds no bare CR or LF, whatever the texts and an attached message hold', async () => {
    const { content } = await compose({
      to: 'user@example.com',
      text: 'a\rb\nc\r\n\r.\r',
      html: '<p>\r\n</p>\r',
      attachments: [{ filename: 'mail.eml', contentType: 'message/rfc822', content: 'Subject: x\n\nbody\r.\n' }],
    });
    expect((await bytesOf(content)).toString('latin1')).not.toMatch(/(?<!\r)\n|\r(?!\n)/);
  });

  test.each<[string, MailInput]>([
    ['subject', { to: 'a@example.com', subject: 'x\r\nBcc: evil@example.com' }],
    ['to', { to: { name: 'x\nBcc: evil@example.com', address: 'a@example.com' } }],
    ['headers.X-A', { to: 'a@example.com', headers: { 'X-A': 'b\rX-Evil: 1' } }],
    ['attachments.filename', { to: 'a@example.com', attachments: [{ filename: 'a\u0000b', content: '' }] }],
    ['attachments.cid', { to: 'a@example.com', attachments: [{ cid: 'a\u2028b', content: '' }] }],
    ['messageId', { to: 'a@example.com', messageId: '<a\u0085b@example.com>' }],
    ['subject', { to: 'a@example.com', subject: 'half \ud800 pair' }],
  ])('refuses a line break or control character in %s instead of repairing it', async (field, mail) => {
    expect(await faultOf(mail)).toMatch(
      new RegExp(`^MESSAGE_FIELD_INVALID: The field ${field.replaceAll('.', String.raw`\.`)} `),
    );
  });

  test.each<[string, MailInput, string]>([
    ['no recipient', { subject: 'x' }, 'MESSAGE_NO_RECIPIENT'],
    ['an address with a command behind it', { to: 'c@example.com\r\nRCPT TO:<evil@example.net>' }, 'MESSAGE_ADDRESS'],
    ['two senders', { from: 'a@example.com, b@example.com', to: 'c@example.com' }, 'MESSAGE_FIELD_INVALID'],
    ['a header with a place of its own', { to: 'a@example.com', headers: { Subject: 'x' } }, 'MESSAGE_FIELD_RESERVED'],
    ['a Bcc header', { to: 'a@example.com', headers: { bCC: 'x@example.com' } }, 'MESSAGE_FIELD_RESERVED'],
    [
      'a Resent-Bcc header',
      { to: 'a@example.com', headers: { 'Resent-Bcc': 'x@example.com' } },
      'MESSAGE_FIELD_RESERVED',
    ],
    ['a date that is none', { to: 'a@example.com', date: new Date('nope') }, 'MESSAGE_FIELD_INVALID: The field date'],
    [
      'an attachment that is not there',
      { to: 'a@example.com', attachments: [{ path: '/nowhere/at/all.pdf' }] },
      'MESSAGE_ATTACHMENT_UNREADABLE',
    ],
    ['an attachment without bytes', { to: 'a@example.com', attachments: [{ filename: 'x' }] }, 'MESSAGE_FIELD_INVALID'],
  ])('refuses %s', async (_, mail, code) => {
    expect(await faultOf(mail)).toContain(code);
  });

  test.each<[string, object]>([
    ['text', { to: 'a@example.com', text: 5 }],
    ['html', { to: 'a@example.com', html: null }],
    ['subject', { to: 'a@example.com', subject: 5 }],
    ['to', { to: null }],
    ['to', { to: [{ name: 'x' }] }],
    ['headers.X-A', { to: 'a@example.com', headers: { 'X-A': 5 } }],
    ['attachments', { to: 'a@example.com', attachments: [{ content: 5 }] }],
  ])('a %s of the wrong kind, from a caller without types, is a fault and no exception', async (field, mail) => {
    expect(await faultOf(mail as MailInput)).toContain(`MESSAGE_FIELD_INVALID: The field ${field}`);
  });

  test('needs a sender from somewhere', async () => {
    const composed = await composeMessage({ to: 'a@example.com' }, undefined);
    expect(composed.ok ? 'composed' : composed.fault.code).toBe('MESSAGE_NO_SENDER');
  });
});

describe('a file as attachment', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postbearer-compose-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  test.each([
    ['small', 1000, true],
    ['large', 700_000, false],
  ])('that is %s arrives whole', async (name, size, inMemory) => {
    const file = join(folder, `${name}.bin`);
    const bytes = Buffer.alloc(size, 'content\r\n');
    await writeFile(file, bytes);
    const { content } = await compose({ to: 'a@example.com', text: 'x', attachments: [{ path: file }] });
    expect(content instanceof Uint8Array).toBe(inMemory);
    const composed = await bytesOf(content);
    // A stream says beforehand how large it is at least, so that a server can refuse it at once.
    if (!(content instanceof Uint8Array)) {
      expect(content.sizeBytes).toBeGreaterThan(size);
      expect(content.sizeBytes).toBeLessThanOrEqual(composed.length);
    }
    const mail = await PostalMime.parse(composed);
    expect(mail.attachments[0]?.filename).toBe(`${name}.bin`);
    expect(Buffer.from(mail.attachments[0]?.content as ArrayBuffer).equals(bytes)).toBe(true);
  });
});

describe('a raw message', () => {
  const RAW =
    'From: a@example.com\r\nTo: B <b@example.com>,\r\n c@example.com\r\nCc: d@example.com\r\nMessage-ID: <1@example.com>\r\n\r\n.body\r\n';

  test('is not touched, and names its own receivers', async () => {
    const { content, envelope, messageId } = await compose({ raw: RAW });
    expect((await bytesOf(content)).toString('latin1')).toBe(RAW);
    expect(envelope.recipients).toEqual(['b@example.com', 'c@example.com', 'd@example.com']);
    expect(messageId).toBe('<1@example.com>');
  });

  test('goes to those the caller names, where he does', async () => {
    const { envelope } = await compose({ raw: Buffer.from(RAW), to: 'x@example.com', bcc: 'y@example.com' });
    expect(envelope.recipients).toEqual(['x@example.com', 'y@example.com']);
  });

  test('as a source is read from its beginning for the header, and again to be sent', async () => {
    let opened = 0;
    const { content, envelope } = await compose({
      raw: {
        async *open() {
          opened += 1;
          yield Buffer.from(RAW);
        },
      },
    });
    expect(envelope.recipients).toHaveLength(3);
    expect((await bytesOf(content)).toString('latin1')).toBe(RAW);
    expect(opened).toBe(2);
  });

  test.each<[string, MailInput, string]>([
    [
      'a Bcc field, with its line',
      { raw: 'To: a@example.com\r\nBCC: x@example.com\r\n\r\n' },
      'MESSAGE_RAW_HAS_BCC: The raw message holds the field bcc in line 2.',
    ],
    ['a Resent-Bcc field', { raw: 'Resent-Bcc: x@example.com\r\nTo: a@example.com\r\n\r\n' }, 'MESSAGE_RAW_HAS_BCC'],
    [
      'a Bcc field far down in a header that is read as it is sent',
      {
        to: 'a@example.com',
        raw: {
          async *open() {
            for (let row = 0; row < 4000; row += 1) yield Buffer.from(`X-Row-${row}: ${'x'.repeat(60)}\r\n`);
            yield Buffer.from('Bcc: x@example.com\r\n\r\nbody\r\n');
          },
        },
      },
      'MESSAGE_RAW_HAS_BCC: The raw message holds the field bcc in line 4001.',
    ],
    [
      'a header without end',
      { to: 'a@example.com', raw: Buffer.from(`X: ${'x'.repeat(70)}\r\n`.repeat(20_000)) },
      'MESSAGE_RAW_HEADER_TOO_LONG',
    ],
    ['something that is no header', { to: 'a@example.com', raw: 'hello world\r\n' }, 'MESSAGE_RAW_NO_HEADER: Line 1'],
    ['further fields', { to: 'a@example.com', raw: RAW, subject: 'x' }, 'MESSAGE_RAW_AND_FIELDS'],
    ['nobody to send it to', { raw: 'Subject: x\r\n\r\n' }, 'MESSAGE_NO_RECIPIENT'],
  ])('is refused with %s', async (_, mail, said) => {
    expect(await faultOf(mail)).toContain(said);
  });
});
