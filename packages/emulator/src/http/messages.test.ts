/** Messages as programs and people read them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmulator, type Emulator } from '../index.ts';
import { accessToken, ask } from '../testing/https-client.ts';
import { Dialogue } from '../testing/smtp-dialogue.ts';

const MAILBOX = 'notifications@contoso.example';
const CONTENT = [
  `From: ${MAILBOX}`,
  'Subject: =?UTF-8?B?R3LDvMOfZQ==?= <script>alert(1)</script>',
  ' =?iso-8859-1?Q?caf=E9_"quoted"?=',
  'Content-Type: text/html',
  '',
  '<script>alert(2)</script>',
  '',
].join('\r\n');

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
  const dialogue = await Dialogue.open(emulator);
  await dialogue.greet();
  await dialogue.signIn(MAILBOX, await accessToken(emulator));
  await dialogue.submit(MAILBOX, ['"<b>&"@example.com'], CONTENT.slice(0, -2));
  await dialogue.quit();
  await emulator.waitForMessages(1);
});
afterAll(() => emulator.close());

describe('messages by the API', () => {
  it('are listed without their bytes, and given raw', async () => {
    const { json } = await ask(emulator, { path: '/emulator/messages' });
    const [listed] = json['messages'] as [Record<string, unknown>];
    expect(listed).toMatchObject({
      mailbox: MAILBOX,
      clientId: emulator.defaults.clientId,
      envelope: { sender: MAILBOX, recipients: ['"<b>&"@example.com'] },
      subject: 'Grüße <script>alert(1)</script> café "quoted"',
      sizeBytes: CONTENT.length,
      receivedAt: expect.stringMatching(/^\d{4}-/),
    });
    expect(listed).not.toHaveProperty('bytes');
    const path = `/emulator/messages/${String(listed['id'])}`;
    expect((await ask(emulator, { path })).json).toEqual(listed);
    const raw = await ask(emulator, { path: `${path}/raw` });
    expect(raw.text).toBe(CONTENT);
    expect(raw.headers).toMatchObject({
      'content-type': 'message/rfc822',
      'content-disposition': expect.stringContaining('attachment'),
      'x-content-type-options': 'nosniff',
    });
  });

  it('stand on the page with everything foreign escaped', async () => {
    const { text } = await ask(emulator, { path: '/' });
    expect(text).toContain('Messages that arrived: 1');
    expect(text).toContain('Grüße &lt;script&gt;alert(1)&lt;/script&gt; café &quot;quoted&quot;');
    expect(text).toContain('&quot;&lt;b&gt;&amp;&quot;@example.com');
    expect(text).not.toMatch(/<script|<b>/);
  });

  it('can be forgotten one by one and all together', async () => {
    const [message] = emulator.messages;
    const path = `/emulator/messages/${message?.id}`;
    expect((await ask(emulator, { method: 'DELETE', path })).json).toEqual({ removed: 1 });
    expect((await ask(emulator, { method: 'DELETE', path })).status).toBe(404);
    expect((await ask(emulator, { method: 'DELETE', path: '/emulator/messages' })).json).toEqual({ removed: 0 });
    expect(emulator.messages).toEqual([]);
    expect(emulator.counters.messagesReceived).toBe(1);
  });
});

describe('an emulator that keeps few messages', () => {
  it('forgets the oldest first and counts them all', async () => {
    const own = await startEmulator({ keepMessages: 2 });
    const dialogue = await Dialogue.open(own);
    await dialogue.greet();
    await dialogue.signIn(MAILBOX, await accessToken(own));
    for (const name of ['one', 'two', 'three'])
      await dialogue.submit(MAILBOX, [`${name}@example.com`], 'Subject: a\r\n');
    await dialogue.quit();
    expect(own.messages.map(({ envelope }) => envelope.recipients[0])).toEqual([
      'two@example.com',
      'three@example.com',
    ]);
    expect(own.counters.messagesReceived).toBe(3);
    await own.close();
  });
});
