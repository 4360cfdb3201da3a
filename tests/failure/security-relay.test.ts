/** Rows S07 to S09, S16, S17 and S23 against the running service: floods, relaying for strangers, guesses, injected headers. */
import { renderJson, renderText, type PostbearerEvent } from '@postbearer/core';
import { describe, expect, test } from 'vitest';
import { plainResponse, RelayWorld, submit, type Dialogue } from '../setup/relay-world.ts';
import { draws, seed } from './harness/random.ts';

const USER = 'user@example.com';

function growthMb(before: number): number {
  return (process.memoryUsage().rss - before) / 1_000_000;
}

/** Says the same until the service has had enough; gives how many were answered and its last words. */
async function flood(dialogue: Dialogue, most: number, line: (index: number) => string): Promise<[number, string]> {
  let answered = 0;
  let last = '';
  try {
    for (; answered < most && !last.startsWith('421'); answered += last.startsWith('421') ? 0 : 1)
      last = await dialogue.say(line(answered));
  } catch {
    // It ended; what it said last stands before.
  }
  if (!last.startsWith('421')) last = (await dialogue.over()).trimEnd().split('\r\n').at(-1) ?? '';
  return [answered, last];
}

describe('S07: floods', () => {
  test('a line without an end, and commands that lead nowhere, end with 421 and cost no memory', async () => {
    await using world = await RelayWorld.start();
    await world.addApp({ networks: ['127.0.0.0/8'] });
    const fresh = async (): Promise<Dialogue> => {
      const dialogue = await world.dial('plain');
      await dialogue.open();
      return dialogue;
    };
    const before = process.memoryUsage().rss;
    const endless = await fresh();
    for (let index = 0; index < 16; index += 1) endless.write('x'.repeat(65_536));
    endless.write('\r\n');
    expect(await endless.reply()).toMatch(/^500 5\.5\.2/);

    const unknown = await flood(await fresh(), 10_000, (index) => `NONSENSE ${index}`);
    const noops = await flood(await fresh(), 10_000, () => 'NOOP');
    const hellos = await flood(await fresh(), 10_000, () => 'EHLO x');
    const senders = await flood(await fresh(), 10_000, () => 'MAIL FROM:<ceo@contoso.example>');
    expect(unknown).toEqual([20, '421 4.7.0 Too many errors']);
    // The EHLO that opened the session is the first of a hundred.
    expect(noops).toEqual([99, '421 4.7.0 Too many commands without a message']);
    expect(hellos).toEqual([99, '421 4.7.0 Too many commands without a message']);
    expect(senders).toEqual([20, '421 4.7.0 Too many errors']);

    const recipients = await fresh();
    await recipients.say(`MAIL FROM:<${world.mailbox}>`);
    const [accepted, last] = await flood(recipients, 10_000, (index) => `RCPT TO:<user${index}@example.com>`);
    expect([accepted, last]).toEqual([1500, '421 4.7.0 Too many errors']);
    expect(growthMb(before)).toBeLessThan(50);
    // An honest client is served all the while.
    expect(await submit(await fresh(), world.mailbox, [USER], 'Subject: x\r\n\r\n')).toMatch(/^250/);
    expect(world.errors).toEqual([]);
  }, 60_000);

  test('connections beyond the limits are told 421, in all and from one client', async () => {
    await using world = await RelayWorld.start({
      service: { connections: { connections: 12, connectionsPerClient: 5 } },
    });
    await world.addApp({ networks: ['127.0.0.0/8'] });
    const greetings = async (from: string, count: number): Promise<string[]> =>
      await Promise.all(
        Array.from({ length: count }, async () => (await (await world.dial('plain', from)).reply()).slice(0, 3)),
      );
    expect((await greetings('127.0.0.2', 8)).toSorted()).toEqual([
      ...Array<string>(5).fill('220'),
      ...Array<string>(3).fill('421'),
    ]);
    expect(await greetings('127.0.0.3', 5)).toEqual(Array<string>(5).fill('220'));
    expect((await greetings('127.0.0.4', 5)).toSorted()).toEqual(['220', '220', '421', '421', '421']);
  });
});

/** Forms of an address that relays have been talked into delivering for strangers. */
const RELAY_FORMS: readonly string[] = [
  'user@example.com',
  'user%example.com@relay.example',
  'user%example.com',
  'example.com!user',
  'relay.example!example.com!user',
  '@relay.example:user@example.com',
  '@a.example,@b.example:user@example.com',
  '"user@example.com"@relay.example',
  '"user%example.com"@relay.example',
  '"user@example.com"',
  'user@[127.0.0.1]',
  'user%example.com@[127.0.0.1]',
  'user@[IPv6:::1]',
  'user@example.com@relay.example',
  'user@relay.example@example.com',
  'user@example.com.',
  'user@.example.com',
  'user@example..com',
  'user@localhost',
  'user@127.0.0.1',
  'postmaster',
  'postmaster@relay.example',
  'user+x@example.com',
  "user'--@example.com",
  '|/bin/sh@example.com',
  '"|/bin/sh"@example.com',
  '/etc/passwd@example.com',
  '../../x@example.com',
  'user@exa mple.com',
  'user @example.com',
  ' user@example.com',
  'user@example.com ',
  'user@example.com\t',
  'user\\@example.com',
  'user@example.com#x',
  'user@EXAMPLE.COM',
  'uśer@example.com',
  'user@bücher.example',
  'user@xn--bcher-kva.example',
  'a'.repeat(64) + '@example.com',
];

/** Ways in which a stranger may say that it is somebody else. */
const DISGUISES: Readonly<Record<string, readonly string[]>> = {
  'says nothing': [],
  'sends a PROXY header': ['PROXY TCP4 127.0.0.1 127.0.0.1 1234 25'],
  'sends XCLIENT': ['XCLIENT ADDR=127.0.0.1 LOGIN=scanner'],
  'sends XFORWARD': ['XFORWARD ADDR=127.0.0.1'],
  'claims AUTH of another': ['AUTH EXTERNAL scanner'],
};

describe('S08: no mail for strangers', () => {
  test('whatever the form of the address, the listener and the disguise', async () => {
    await using world = await RelayWorld.start();
    const password = await world.addApp({ networks: ['192.0.2.0/24', '::ffff:198.51.100.7'] });
    let tried = 0;
    const accepted: string[] = [];
    const attempt = async (dialogue: Dialogue, sender: string, form: string): Promise<void> => {
      tried += 1;
      dialogue.write(`RSET\r\nMAIL FROM:<${sender}> SMTPUTF8\r\nRCPT TO:<${form}>\r\nDATA\r\n`);
      const replies = [await dialogue.reply(), await dialogue.reply(), await dialogue.reply(), await dialogue.reply()];
      if (replies[2]?.startsWith('250') === true || replies[3]?.startsWith('354') === true) accepted.push(form);
    };
    for (const security of ['starttls', 'tls'] as const) {
      for (const lines of Object.values(DISGUISES)) {
        for (let from = 0; from < RELAY_FORMS.length; from += 5) {
          const dialogue = await world.dial(security);
          await dialogue.open(security === 'starttls');
          for (const line of lines) await dialogue.say(line);
          for (const form of RELAY_FORMS.slice(from, from + 5)) await attempt(dialogue, world.mailbox, form);
        }
      }
    }
    // On the plain listener a stranger does not get past the greeting, also with a PROXY header before it.
    for (const first of ['', 'PROXY TCP4 192.0.2.7 192.0.2.7 1 25\r\n', '\r\n\r\n\0\r\nQUIT\n']) {
      const stranger = await world.dial('plain');
      stranger.write(first);
      expect(await stranger.reply()).toMatch(/^554 5\.7\.1/);
      tried += RELAY_FORMS.length;
      expect(await stranger.over()).toBe('');
    }
    // One who may send, but not as this sender.
    for (const form of ['ceo@contoso.example', `"${world.mailbox}"@example.com`, `x@${world.mailbox}`]) {
      const app = await world.signedIn(password);
      expect(await app.say(`MAIL FROM:<${form}>`)).toMatch(/^5/);
    }
    expect(accepted).toEqual([]);
    const listed = await world.server.control.listMessages({ filter: {}, page: {} });
    expect(listed).toMatchObject({ value: { messages: [] } });
    console.log(`S08: ${tried} attempts by strangers, ${accepted.length} accepted`);
    // Control: the first form is taken from whoever may.
    const app = await world.signedIn(password);
    expect(await submit(app, world.mailbox, [RELAY_FORMS[0] ?? ''], 'Subject: x\r\n\r\n')).toMatch(/^250/);
  }, 60_000);

  test('no app means nobody, and an app without networks lets no address in', async () => {
    await using world = await RelayWorld.start();
    expect(await (await world.dial('plain')).reply()).toMatch(/^554/);
    await world.addApp();
    expect(await (await world.dial('plain')).reply()).toMatch(/^554/);
  });
});

describe('S09: guessing', () => {
  async function guess(world: RelayWorld, count: number, from: (index: number) => string): Promise<string[]> {
    const replies: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const dialogue = await world.dial('tls', from(index));
      await dialogue.open();
      replies.push((await dialogue.say(`AUTH PLAIN ${plainResponse('scanner', `guess ${index}`)}`)).slice(0, 9));
      dialogue.close();
    }
    return replies;
  }

  test.each([
    ['one address', () => '127.0.1.1'],
    ['fifty addresses', (index: number) => `127.0.1.${(index % 50) + 1}`],
  ])(
    'from %s gets ten looks at an account, and the honest device at its known address gets in',
    async (_, from) => {
      await using world = await RelayWorld.start();
      const password = await world.addApp();
      await world.signedIn(password, 'scanner', '127.0.2.1');
      const replies = await guess(world, 60, from);
      expect(replies.filter((reply) => reply === '535 5.7.8')).toHaveLength(10);
      expect(replies.filter((reply) => reply === '454 4.7.0')).toHaveLength(50);
      // Not even the right one is looked at from there.
      await expect(world.signedIn(password, 'scanner', '127.0.1.1')).rejects.toThrow(/^454/);
      const honest = await world.signedIn(password, 'scanner', '127.0.2.1');
      expect(await submit(honest, world.mailbox, [USER], 'Subject: x\r\n\r\n')).toMatch(/^250/);
      // Control: the known address is what lets it in.
      await expect(world.signedIn(password, 'scanner', '127.0.2.2')).rejects.toThrow(/^454/);
    },
    60_000,
  );

  test('the same words for a wrong name and a wrong password', async () => {
    await using world = await RelayWorld.start();
    await world.addApp();
    const said = new Set<string>();
    for (const name of ['scanner', 'nobody', 'SCANNER', 'x'.repeat(200)]) {
      const dialogue = await world.dial('tls');
      await dialogue.open();
      said.add(await dialogue.say(`AUTH PLAIN ${plainResponse(name, 'wrong')}`));
    }
    expect(said.size).toBe(1);
  });
});

/** What ends a line somewhere, or was taken for an end. */
const BREAKS: readonly string[] = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  '\u0085',
  '\u2028',
  '\u2029',
  '\u000b',
  '\u000c',
  '\u001b[2J',
];

/** The names of the fields of a message, as a reader that takes any line end for one sees them. */
function fieldsSeen(bytes: Uint8Array): string[] {
  const [header = ''] = Buffer.from(bytes).toString('utf8').split('\r\n\r\n', 1);
  return (
    header
      // oxlint-disable-next-line no-control-regex -- what some reader takes for a line end
      .split(/\r\n|[\r\n\u0085\u2028\u2029\u000b\u000c]/)
      .flatMap((line) => /^([!-9;-~]+)[ \t]*:/.exec(line)?.[1]?.toLowerCase() ?? [])
  );
}

describe('S16, S17: headers and addresses', () => {
  test('nothing in an envelope, a host name or a user name becomes a header, a recipient or a command', async () => {
    await using world = await RelayWorld.start();
    const password = await world.addApp({ fromRule: 'rewrite' });
    const evil = 'X-Evil: 1';
    const attempts: ((text: string) => Promise<unknown>)[] = [
      async (text) => {
        const dialogue = await world.dial('tls');
        await dialogue.reply();
        await dialogue.say(`EHLO a${text}${evil}`);
        await dialogue.say(`AUTH PLAIN ${plainResponse('scanner', password)}`);
        return await submit(dialogue, world.mailbox, [USER], 'Subject: by name\r\n\r\n');
      },
      async (text) =>
        await submit(await world.signedIn(password), `a${text}${evil}@b.example`, [USER], 'Subject: by sender\r\n\r\n'),
      async (text) =>
        await submit(
          await world.signedIn(password),
          world.mailbox,
          [`a${text}${evil}@b.example`],
          'Subject: by rcpt\r\n\r\n',
        ),
      async (text) => {
        const dialogue = await world.signedIn(password);
        await dialogue.say(`MAIL FROM:<${world.mailbox}> ENVID=${text}${evil}`);
        return await submit(dialogue, world.mailbox, [USER], 'Subject: by envid\r\n\r\n');
      },
      async (text) => {
        const dialogue = await world.signedIn(password);
        const from = `From: "a${text}${evil}" <x@local.lan>\r\n`;
        return await submit(dialogue, world.mailbox, [USER], `${from}Subject: by from\r\n\r\n`);
      },
      async (text) => {
        const word = `=?utf-8?B?${Buffer.from(`a${text}${evil}`).toString('base64')}?=`;
        return await submit(
          await world.signedIn(password),
          world.mailbox,
          [USER],
          `From: ${word} <x@local.lan>\r\nSubject: by word\r\n\r\n`,
        );
      },
    ];
    let tried = 0;
    for (const attempt of attempts) {
      for (const text of BREAKS) {
        tried += 1;
        // A line end in a command makes two commands, and the dialogue may end: what is taken is what counts.
        await attempt(text).catch(() => undefined);
      }
    }
    await world.server.control.status({});
    const listed = await world.server.control.listMessages({ filter: {}, page: { limit: 500 } });
    const count = listed.ok ? listed.value.messages.length : 0;
    const messages = await world.emulator.waitForMessages(count, { timeoutMs: 30_000 });
    const allowed = new Set(['received', 'from', 'date', 'message-id', 'subject']);
    const extra = messages.flatMap(({ bytes }) => fieldsSeen(bytes).filter((name) => !allowed.has(name)));
    const recipients = new Set(messages.flatMap(({ envelope }) => envelope.recipients));
    console.log(`S16: ${tried} attempts, ${count} taken, ${extra.length} extra fields`);
    expect(extra).toEqual([]);
    expect([...recipients].filter((recipient) => recipient !== USER && !recipient.includes('evil'))).toEqual([]);
    // Control: a header that is written is seen.
    expect(fieldsSeen(Buffer.from('Received: x\u2028X-Evil: 1\r\n\r\n'))).toContain('x-evil');
  }, 90_000);

  test('an address is exactly what was checked, however deep, long or odd, in bounded time', async () => {
    await using world = await RelayWorld.start();
    const password = await world.addApp({ fromRule: 'keep' });
    const deep = (open: string, close: string, count: number): string =>
      `${open.repeat(count)}x@b.example${close.repeat(count)}`;
    const froms = [
      deep('a:', ';', 10_000),
      deep('(', ')', 10_000),
      deep('<', '>', 10_000),
      `"${'\\"'.repeat(20_000)}"@b.example`,
      `${'a,'.repeat(20_000)}x@b.example`,
      `${'x'.repeat(65_536)}@b.example`,
      `"xclow3n@gmail.com x"@internal.example`,
      `a@b.example (comment (nested)) , b@c.example`,
      `=?utf-8?Q?${'=41'.repeat(10_000)}?= <a@b.example>`,
    ];
    for (const from of froms) {
      const dialogue = await world.signedIn(password);
      const begun = performance.now();
      const lines = from.match(/.{1,900}/g)?.join('\r\n ') ?? '';
      expect(await submit(dialogue, world.mailbox, [USER], `From: ${lines}\r\nSubject: x\r\n\r\n`)).toMatch(
        /^(?:250|550|552) /,
      );
      expect(performance.now() - begun, from.slice(0, 40)).toBeLessThan(3000);
    }
    const quoted = await world.signedIn(password);
    const odd = '"a@evil.example b"@example.com';
    expect(await submit(quoted, world.mailbox, [odd], 'Subject: quoted\r\n\r\n')).toMatch(/^250/);
    const listed = await world.server.control.listMessages({ filter: {}, page: {} });
    const id = listed.ok ? listed.value.messages.find(({ subject }) => subject === 'quoted')?.id : '';
    const shown = await world.server.control.showMessage({ id: id ?? '' });
    expect(shown).toMatchObject({ value: { recipients: [{ address: odd }] } });
  }, 60_000);
});

describe('S23: the log', () => {
  test('is one line for each event, valid JSON of at most 8,000 bytes, whatever a client says', async () => {
    await using world = await RelayWorld.start();
    const password = await world.addApp({ fromRule: 'rewrite' });
    const draw = draws();
    const nasty = (): string =>
      Array.from({ length: 40 }, () => BREAKS[Math.floor(draw() * BREAKS.length)] ?? '').join('x');
    for (let index = 0; index < 20; index += 1) {
      const dialogue = await world.dial('tls');
      await dialogue.open();
      await dialogue
        .say(`AUTH PLAIN ${plainResponse(`u\u2028\u0085${'x'.repeat(index * 500)}`, 'wrong')}`)
        .catch(() => '');
      const app = await world.signedIn(password).catch(() => undefined);
      if (app === undefined) continue;
      const header = `From: "${nasty().replaceAll(/[\r\n\0]/g, '')}" <a@b.example>\r\nMessage-ID: <${nasty().replaceAll(/[\r\n\0]/g, '')}@x>\r\nSubject: ${
        'S\u2028'
          .repeat(30_000)
          .match(/.{1,900}/g)
          ?.join('\r\n ') ?? ''
      }\r\n\r\n`;
      await submit(app, world.mailbox, [USER], header).catch(() => '');
    }
    const events: readonly PostbearerEvent[] = world.events;
    expect(events.length).toBeGreaterThan(40);
    for (const event of events) {
      const line = renderJson(event, 0);
      // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
      expect(line).not.toMatch(/[\u0000-\u001f\u007f\u0085\u2028\u2029]/);
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(8000);
      expect(JSON.parse(line)).toBeTypeOf('object');
      expect(
        renderText(event)
          .split('\n')
          .slice(1)
          .every((text) => text.startsWith('    ')),
      ).toBe(true);
    }
    console.log(`S23: ${events.length} events, seed ${seed}`);
  }, 60_000);
});
