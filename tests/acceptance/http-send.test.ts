/** Handing in messages over HTTP, as programs do it: what is delivered, what is refused, and what is never doubled. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import PostalMime from 'postal-mime';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ApiWorld } from '../setup/api-world.ts';

/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 25_000 };

let world: ApiWorld;
let mailbox = '';
let key = '';
let made = 0;

beforeAll(async () => {
  world = await ApiWorld.start();
  mailbox = world.emulator.defaults.mailbox;
});

afterAll(async () => {
  await world.close();
  expect(world.errors).toEqual([]);
});

// Each test has a key of its own, and so messages and idempotency keys of its own.
beforeEach(async () => {
  made += 1;
  key = await world.addKey({ name: `shop-${made}` });
});

type Arrived = Awaited<ReturnType<ApiWorld['emulator']['waitForMessages']>>[number];

/** The message of an answer, as it arrived at the other end. */
async function arrived(answer: Response): Promise<Arrived> {
  const { id } = (await answer.clone().json()) as { id: string };
  const find = (): Arrived | undefined =>
    world.emulator.messages.find(({ bytes }) => Buffer.from(bytes).includes(`\tid ${id};`));
  await expect.poll(() => find() !== undefined, WAIT).toBe(true);
  const found = find();
  if (found === undefined) throw new Error('It did not arrive.');
  return found;
}

/** How many messages of this test are in the queue. */
async function queued(): Promise<number> {
  const found = await world.server.control.listMessages({ filter: { app: `key:shop-${made}` }, page: {} });
  if (!found.ok) throw new Error(found.fault.message);
  return found.value.messages.length;
}

describe('a message in JSON', () => {
  test('is answered with 202 once it is stored, and delivered with OAuth', async () => {
    const content = Buffer.from('a,b\r\n1,2\r\n').toString('base64');
    const answer = await world.ask('/v1/messages', {
      key,
      json: {
        to: ['Ann <ann@example.com>', { address: 'bob@example.com' }],
        bcc: 'carol@example.com',
        replyTo: 'support@example.com',
        subject: 'Bericht für März',
        text: 'Hello.\n',
        html: '<p>Hello.</p>',
        headers: { 'X-Order': '4711' },
        attachments: [{ filename: 'table.csv', content }],
      },
    });
    expect(answer.status).toBe(202);
    const accepted = (await answer.clone().json()) as { id: string; messageId: string };
    expect(answer.headers.get('location')).toBe(`/v1/messages/${accepted.id}`);
    expect(accepted).toMatchObject({
      from: mailbox,
      mailbox,
      recipients: ['ann@example.com', 'bob@example.com', 'carol@example.com'],
    });
    const message = await arrived(answer);
    expect(message.envelope).toEqual({
      sender: mailbox,
      recipients: ['ann@example.com', 'bob@example.com', 'carol@example.com'],
    });
    const mail = await PostalMime.parse(message.bytes);
    expect(mail).toMatchObject({ subject: 'Bericht für März', messageId: accepted.messageId });
    expect(mail.headers.find(({ key: name }) => name === 'x-order')?.value).toBe('4711');
    expect(mail.attachments.map(({ filename }) => filename)).toEqual(['table.csv']);
    const text = Buffer.from(message.bytes).toString('latin1');
    expect(text).toMatch(/^Received: by relay\.example with HTTP\r\n\tid [0-9a-z]{26}; /);
    expect(text).not.toContain('carol@example.com');
  });

  test.each<[string, unknown, number, string, string | undefined]>([
    ['no recipient', {}, 422, 'MESSAGE_NO_RECIPIENT', undefined],
    ['a misspelt field', { to: 'a@example.com', bbc: 'b@example.com' }, 422, 'SERVICE_FIELDS_INVALID', '/bbc'],
    ['a wrong address', { to: ['a@example.com', 'nobody'] }, 422, 'SERVICE_FIELDS_INVALID', '/to/1'],
    [
      'a header of its own place',
      { to: 'a@example.com', headers: { Bcc: 'b@example.com' } },
      422,
      'MESSAGE_FIELD_RESERVED',
      undefined,
    ],
    [
      'an attachment that is no Base64',
      { to: 'a@example.com', attachments: [{ content: '?' }] },
      422,
      'SERVICE_FIELDS_INVALID',
      '/attachments/0/content',
    ],
    [
      'a file of the server',
      { to: 'a@example.com', attachments: [{ path: '/etc/passwd' }] },
      422,
      'SERVICE_FIELDS_INVALID',
      '/attachments/0/path',
    ],
    ['a time that is none', { to: 'a@example.com', sendAt: 'tomorrow' }, 422, 'SERVICE_FIELDS_INVALID', '/sendAt'],
    [
      'another sender',
      { to: 'a@example.com', from: 'ceo@contoso.example' },
      403,
      'ACCESS_SENDER_NOT_ALLOWED',
      undefined,
    ],
    [
      'another mailbox',
      { to: 'a@example.com', mailbox: 'ceo@contoso.example' },
      403,
      'ACCESS_SENDER_NOT_ALLOWED',
      undefined,
    ],
    ['a list', [], 422, 'SERVICE_FIELDS_INVALID', ''],
    ['nothing', null, 422, 'SERVICE_FIELDS_INVALID', ''],
  ])('with %s is refused with a problem that says where', async (_what, json, status, code, pointer) => {
    const answer = await world.ask('/v1/messages', { key, json });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    const document = (await answer.json()) as { errors?: readonly { pointer: string }[] };
    expect(document).toMatchObject({ status, code, type: `/docs#${code}` });
    expect(answer.status).toBe(status);
    if (pointer !== undefined) expect(document.errors?.map((each) => each.pointer)).toContain(pointer);
    expect(await queued()).toBe(0);
  });
});

describe('a whole message', () => {
  const send = async (body: string | Buffer, query = '', headers = {}): Promise<Response> =>
    await world.ask(`/v1/messages${query}`, { key, body, headers: { 'content-type': 'message/rfc822', ...headers } });

  test('goes to its own To, Cc and Bcc, with its bytes as they are and without Bcc', async () => {
    const raw = `From: "Sh, op" <${mailbox}>\r\nTo: Ann <ann@example.com>,\r\n\tbob@example.com\r\nX-Odd:   spaces\r\nBcc: carol@example.com\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\nMessage-ID: <1@contoso.example>\r\n\r\n..dots\r\n\u00e9\r\n`;
    const answer = await send(raw);
    expect(answer.status).toBe(202);
    expect(await answer.clone().json()).toMatchObject({
      messageId: '<1@contoso.example>',
      recipients: ['ann@example.com', 'bob@example.com', 'carol@example.com'],
    });
    const message = await arrived(answer);
    const text = Buffer.from(message.bytes).toString('utf8');
    expect(text.slice(text.indexOf('From:'))).toBe(raw.replace('Bcc: carol@example.com\r\n', ''));
  });

  test.each([
    ['its query', '?sender=SENDER&recipient=a@example.com&recipient=b@example.com', {}],
    [
      'fields of the request',
      '',
      { 'postbearer-sender': 'SENDER', 'postbearer-recipients': 'a@example.com, b@example.com' },
    ],
  ])('goes to whom %s names, and to nobody else', async (_what, query, headers) => {
    const named = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace('SENDER', mailbox)]),
    );
    const answer = await send(
      `From: ${mailbox}\nTo: list@example.com\nBcc: hidden@example.com\n\nUnix lines\n`,
      query.replace('SENDER', mailbox),
      named,
    );
    expect(answer.status).toBe(202);
    const message = await arrived(answer);
    expect(message.envelope).toEqual({ sender: mailbox, recipients: ['a@example.com', 'b@example.com'] });
    const text = Buffer.from(message.bytes).toString('latin1');
    expect(text).toMatch(/To: list@example\.com\r\nDate: .*\r\nMessage-ID: .*\r\n\r\nUnix lines\r\n$/);
    expect(text).not.toContain('hidden');
  });

  test.each([
    ['a bare CR', 'Subject: a\r\n\r\na\rb\r\n', 422, 'MESSAGE_MIXED_LINE_ENDINGS'],
    ['a bare LF among CRLF', 'Subject: a\r\n\r\na\nb\r\n', 422, 'MESSAGE_MIXED_LINE_ENDINGS'],
    ['CRLF among LF', 'Subject: a\n\r\n.\r\n', 422, 'MESSAGE_MIXED_LINE_ENDINGS'],
    ['a CR at its end', 'Subject: a\r\n\r\na\r', 422, 'MESSAGE_MIXED_LINE_ENDINGS'],
    ['a NUL', 'Subject: a\r\n\r\na\0b\r\n', 422, 'MESSAGE_FIELD_INVALID'],
    ['two From fields', 'From: a@contoso.example\r\nFrom: b@contoso.example\r\n\r\n', 422, 'MESSAGE_FROM_UNCLEAR'],
    ['another From', 'From: ceo@contoso.example\r\n\r\n', 403, 'ACCESS_SENDER_NOT_ALLOWED'],
  ])('with %s is refused, however its bytes come, and nothing of it is kept', async (_what, raw, status, code) => {
    for (const size of [1, 3, 4096]) {
      const bytes = Buffer.from(raw, 'latin1');
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, at * size + size),
      );
      const answer = await world.ask('/v1/messages?recipient=a@example.com', {
        key,
        body: pieces,
        headers: { 'content-type': 'message/rfc822' },
      });
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([status, code]);
    }
    expect(await queued()).toBe(0);
  });

  test('without anybody to send to is refused', async () => {
    const answer = await send(`From: ${mailbox}\r\n\r\nhi\r\n`);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([422, 'MESSAGE_NOT_ADDRESSED']);
  });
});

describe('a message with files beside it', () => {
  const form = (
    files: readonly [string, Blob, string][],
    message: object = { to: 'ann@example.com', subject: 'Files' },
  ): FormData => {
    const data = new FormData();
    data.set('message', JSON.stringify(message));
    for (const [name, blob, filename] of files) data.append(name, blob, filename);
    return data;
  };

  test('is delivered with each of them, byte for byte', async () => {
    const large = Buffer.from(Uint8Array.from({ length: 3_000_000 }, (_, at) => at % 251));
    const logo = Buffer.from('89504e47', 'hex');
    const answer = await world.ask('/v1/messages', {
      key,
      body: form(
        [
          ['attachments', new Blob([large], { type: 'application/pdf' }), 'report.pdf'],
          ['cid:logo', new Blob([logo], { type: 'image/png' }), 'logo.png'],
        ],
        { to: 'ann@example.com', subject: 'Files', html: '<img src="cid:logo">' },
      ),
    });
    const message = await arrived(answer);
    expect([answer.status, await answer.json()]).toMatchObject([202, { recipients: ['ann@example.com'] }]);
    const mail = await PostalMime.parse(message.bytes);
    const files = mail.attachments.map(({ filename, contentId, mimeType, content }) => [
      filename,
      contentId,
      mimeType,
      Buffer.from(content as ArrayBuffer),
    ]);
    expect(files).toContainEqual(['report.pdf', undefined, 'application/pdf', Buffer.from(large)]);
    expect(files).toContainEqual(['logo.png', '<logo>', 'image/png', logo]);
  });

  test.each<[string, () => FormData, string]>([
    [
      'no part message',
      () => {
        const data = new FormData();
        data.append('attachments', new Blob(['a']), 'a');
        return data;
      },
      'SERVICE_REQUEST_UNREADABLE',
    ],
    ['a file of another name', () => form([['../etc', new Blob(['a']), 'a']]), 'SERVICE_REQUEST_UNREADABLE'],
    [
      'a message that is no JSON',
      () => {
        const data = new FormData();
        data.set('message', '{');
        return data;
      },
      'SERVICE_REQUEST_UNREADABLE',
    ],
    ['attachments within the JSON', () => form([], { to: 'a@example.com', attachments: [] }), 'SERVICE_FIELDS_INVALID'],
    [
      'more files than anybody sends',
      () => form(Array.from({ length: 101 }, () => ['attachments', new Blob(['a']), 'a'])),
      'SERVICE_REQUEST_UNREADABLE',
    ],
  ])('with %s is refused, and no file is left', async (_what, body, code) => {
    const answer = await world.ask('/v1/messages', { key, body: body() });
    expect(((await answer.json()) as { code: string }).code).toBe(code);
    expect(await readdir(join(world.folder, 'data', 'uploads')).catch(() => [])).toEqual([]);
  });
});

describe('an idempotency key', () => {
  const json = { to: 'ann@example.com', subject: 'Once' };

  test('makes the same request the same answer, also after a restart, and one message', async () => {
    const headers = { 'idempotency-key': 'order 4711' };
    const first = await world.ask('/v1/messages', { key, json, headers });
    const second = await world.ask('/v1/messages', { key, json, headers });
    await world.restart();
    const third = await world.ask('/v1/messages', { key, json, headers });
    const bodies = await Promise.all(
      [first, second, third].map(async (answer) => [
        answer.status,
        answer.headers.get('location'),
        await answer.json(),
      ]),
    );
    expect(bodies[0]?.[0]).toBe(202);
    expect(bodies[1]).toEqual(bodies[0]);
    expect(bodies[2]).toEqual(bodies[0]);
    const other = await world.ask('/v1/messages', { key, json: { ...json, subject: 'Twice' }, headers });
    expect([other.status, await other.json()]).toMatchObject([422, { code: 'QUEUE_KEY_REUSED' }]);
    expect(await queued()).toBe(1);
  });

  test('a hundred times at once is one message, and each answer is 202 or 409', async () => {
    const headers = { 'idempotency-key': 'race' };
    const answers = await Promise.all(
      Array.from({ length: 100 }, async () => await world.ask('/v1/messages', { key, json, headers })),
    );
    const ids = new Set<string>();
    for (const answer of answers) {
      const body = (await answer.json()) as { id: string; code?: string };
      if (answer.status === 202) ids.add(body.id);
      else
        expect([answer.status, body.code, answer.headers.get('retry-after')]).toEqual([
          409,
          'SERVICE_REQUEST_IN_PROGRESS',
          '1',
        ]);
    }
    expect(ids.size).toBe(1);
    // The control: without a key they are as many messages as requests.
    await Promise.all(
      Array.from({ length: 3 }, async () => await (await world.ask('/v1/messages', { key, json })).json()),
    );
    expect(await queued()).toBe(4);
  });

  test('belongs to whoever used it: another key may use the same', async () => {
    const other = await world.addKey({ name: `other-${made}` });
    const headers = { 'idempotency-key': 'same' };
    const answers = [
      await world.ask('/v1/messages', { key, json, headers }),
      await world.ask('/v1/messages', { key: other, json: { ...json, subject: 'b' }, headers }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    await Promise.all(answers.map(async (answer) => await answer.json()));
  });

  test('holds for the other forms: a form divided otherwise is the same, other bytes are not', async () => {
    const headers = { 'idempotency-key': 'form' };
    const send = async (text: string): Promise<number> => {
      const data = new FormData();
      data.set('message', JSON.stringify(json));
      data.append('attachments', new Blob([text]), 'a.txt');
      const answer = await world.ask('/v1/messages', { key, body: data, headers });
      await answer.json();
      return answer.status;
    };
    expect([await send('one'), await send('one'), await send('two')]).toEqual([202, 202, 422]);
    const raw = async (text: string): Promise<number> => {
      const answer = await world.ask('/v1/messages', {
        key,
        body: `From: ${mailbox}\nTo: a@example.com\n\n${text}\n`,
        headers: { 'content-type': 'message/rfc822', 'idempotency-key': 'raw' },
      });
      await answer.json();
      return answer.status;
    };
    expect([await raw('one'), await raw('one'), await raw('two')]).toEqual([202, 202, 422]);
    expect(await queued()).toBe(2);
  });

  test.each(['', ' ', 'a\tb', 'x'.repeat(256), 'ä'])('that is %j is refused', async (wrong) => {
    const answer = await world
      .ask('/v1/messages', { key, json, headers: { 'idempotency-key': wrong } })
      .catch(() => undefined);
    expect([400, undefined]).toContain(answer?.status);
    await answer?.json();
  });
});

describe('a batch', () => {
  test('judges each message by itself, and may be repeated', async () => {
    const json = {
      messages: [
        { to: 'a@example.com', subject: '1' },
        { to: 'nobody' },
        { to: 'b@example.com', from: 'ceo@contoso.example' },
        7,
      ],
    };
    const headers = { 'idempotency-key': 'night' };
    const answer = await world.ask('/v1/messages/batch', { key, json, headers });
    const body = (await answer.json()) as { results: readonly object[] };
    expect(answer.status).toBe(200);
    expect(body.results).toMatchObject([
      { status: 202, message: { recipients: ['a@example.com'] } },
      { status: 422, problem: { code: 'SERVICE_FIELDS_INVALID', errors: [{ pointer: '/to' }] } },
      { status: 403, problem: { code: 'ACCESS_SENDER_NOT_ALLOWED' } },
      { status: 422, problem: { code: 'SERVICE_FIELDS_INVALID' } },
    ]);
    const again = await world.ask('/v1/messages/batch', { key, json, headers });
    expect(await again.json()).toEqual(body);
    expect(await queued()).toBe(1);
    const tooMany = await world.ask('/v1/messages/batch', {
      key,
      json: { messages: Array.from({ length: 101 }, () => ({})) },
    });
    expect([tooMany.status, await tooMany.json()]).toMatchObject([422, { errors: [{ pointer: '/messages' }] }]);
  });
});
