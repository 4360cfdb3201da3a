/**
 * Rows S01 to S04 and S19 against the running service: nothing is smuggled in or out, and bytes stay what they are.
 *
 * What leaves is judged by a server of its own (`recording-upstream.ts`), never by the parts under test.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificates, type CertificateSet } from '../setup/certificates.ts';
import { RecordingUpstream, type UpstreamScript } from '../setup/recording-upstream.ts';
import { RelayWorld, stuffed, submit, type Dialogue } from '../setup/relay-world.ts';
import { draws, seed } from './harness/random.ts';

const USER = 'user@example.com';
const LINE_ENDS = ['\r\n', '\n', '\r', '\n\r', '\r\r\n', '\r\n\n', ''] as const;
/** A CR or LF that stands alone, or a NUL. */
// oxlint-disable-next-line no-control-regex -- NUL is what must not be there
const ILL_FORMED = /\r(?!\n)|(?<!\r)\n|\0/;
const NULS = ['\0', '\0\n', '\r\0\n', '\r\n\0'] as const;

let certificates: CertificateSet;
let folder = '';

beforeAll(async () => {
  certificates = await makeCertificates();
  folder = await mkdtemp(join(tmpdir(), 'framing-'));
});

afterAll(async () => await rm(folder, { recursive: true }));

interface Framed {
  readonly world: RelayWorld;
  readonly upstream: RecordingUpstream;
  readonly password: string;
}

/** A service that sends to a recording upstream with a token of the local Microsoft 365. */
async function framed(stack: AsyncDisposableStack, script: UpstreamScript = {}): Promise<Framed> {
  const upstream = stack.use(await RecordingUpstream.start(certificates.good, script));
  const caFile = join(folder, 'both.pem');
  const world = stack.use(
    await RelayWorld.start({
      smtp: async (emulator) => {
        await writeFile(caFile, emulator.certificateAuthorityPem + certificates.trusted);
        return { server: 'localhost', port: String(upstream.port), caFile };
      },
    }),
  );
  return { world, upstream, password: await world.addApp() };
}

/** The bytes of a message as they were before the dots were doubled, without what the service put before them. */
function bodyOf(message: Buffer, isStuffed: boolean): Buffer {
  const text = message.toString('latin1');
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  return Buffer.from(isStuffed ? body.replaceAll(/^\./gm, '') : body, 'latin1');
}

function sha(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Writes bytes in pieces that end at the given places, each on its way before the next. */
async function writePieces(dialogue: Dialogue, bytes: Buffer, cuts: readonly number[]): Promise<void> {
  let start = 0;
  for (const end of [...cuts, bytes.length]) {
    if (end > start) dialogue.write(bytes.subarray(start, end));
    start = Math.max(start, end);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('S01, S02: smuggling', () => {
  const forms = [
    ...LINE_ENDS.flatMap((before) => LINE_ENDS.map((after) => ({ before, after }))),
    ...NULS.flatMap((nul) => [
      { before: nul, after: '\r\n' },
      { before: '\r\n', after: nul },
      { before: nul, after: nul },
    ]),
  ].filter(({ before, after }) => !(before === '\r\n' && after.startsWith('\r\n')));
  const splits: readonly ((bytes: Buffer, dotAt: number) => number[])[] = [
    () => [],
    (_, dotAt) => [dotAt, dotAt + 1],
    (bytes) => [...bytes.entries()].flatMap(([at, byte]) => (byte === 0x0d ? [at + 1] : [])),
    (bytes) => [...bytes.keys()],
  ];

  test('no form of a line end around the dot makes two messages of one, and none of them goes on to the upstream', async () => {
    await using stack = new AsyncDisposableStack();
    const { world, upstream, password } = await framed(stack);
    const hidden = `MAIL FROM:<${world.mailbox}>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nFrom: ${world.mailbox}\r\nSubject: hidden\r\n\r\nhidden\r\n.\r\n`;
    let tried = 0;
    let wouldFool = 0;
    for (const { before, after } of forms) {
      for (const split of splits) {
        const dialogue = await world.signedIn(password);
        await dialogue.say(`MAIL FROM:<${world.mailbox}>`);
        await dialogue.say(`RCPT TO:<${USER}>`);
        await dialogue.say('DATA');
        const head = `From: ${world.mailbox}\r\nSubject: outer\r\n\r\ntext${before}`;
        const bytes = Buffer.from(`${head}.${after}${hidden}QUIT\r\n`, 'latin1');
        await writePieces(dialogue, bytes, split(bytes, head.length));
        await dialogue.over();
        tried += 1;
        // Control: a server that takes any line end for one sees a second message here.
        if (/\n\.\n/.test(`${head}.${after}${hidden}`.replaceAll('\0', '').replaceAll(/\r\n?/g, '\n'))) wouldFool += 1;
      }
    }
    const listed = await world.server.control.listMessages({ filter: {}, page: { limit: 1000 } });
    if (!listed.ok) throw new Error(listed.fault.message);
    // Whatever was taken is the outer message, with what was hidden as its text.
    const { messages } = listed.value;
    expect(messages.filter(({ subject }) => subject !== 'outer')).toEqual([]);
    expect(messages.length).toBeLessThanOrEqual(tried);
    await expect.poll(() => upstream.messages.length, { timeout: 20_000 }).toBe(messages.length);
    const commands = upstream.connections.flatMap((connection) => connection.commands);
    expect(commands.filter((line) => line.includes('victim'))).toEqual([]);
    const heard = upstream.connections.map(({ secure }) => secure).join('');
    expect(heard.match(ILL_FORMED)).toBeNull();
    expect(heard.match(/\r\n\.\r\n/g)?.length ?? 0).toBe(messages.length);
    console.log(
      `S01: ${tried} dialogues (${forms.length} forms), 0 extra messages, ${messages.length} taken whole; ${wouldFool} would fool a lenient server`,
    );
    expect(tried).toBeGreaterThanOrEqual(200);
    expect(wouldFool).toBeGreaterThan(tried / 2);
  }, 120_000);
});

describe('S03: bodies', () => {
  test('10,000 random ones, however they are cut and by DATA or BDAT, come out with the same digest; one end of data for each', async () => {
    await using stack = new AsyncDisposableStack();
    const { world, upstream, password } = await framed(stack);
    const draw = draws();
    const below = (limit: number): number => Math.floor(draw() * limit);
    const expected: string[] = [];
    const alphabet = [
      '.',
      '..',
      '.\r\n',
      '\r\n',
      '\r\n.\r\n.',
      '\t',
      ' ',
      'a',
      'Ä',
      '\u0001',
      'x'.repeat(70),
      'QUIT',
      'DATA',
    ];
    const sessions = await Promise.all(Array.from({ length: 8 }, async () => await world.signedIn(password)));
    const rounds = 1250;
    await Promise.all(
      sessions.map(async (dialogue) => {
        for (let round = 0; round < rounds; round += 1) {
          const parts = Array.from({ length: below(12) }, () => alphabet[below(alphabet.length)] ?? '');
          const body = Buffer.from(`.${parts.join('')}\r\n`, 'utf8');
          expected.push(sha(body));
          const header = `From: ${world.mailbox}\r\nDate: x\r\nMessage-ID: <${round}@x>\r\n\r\n`;
          const whole = Buffer.concat([Buffer.from(header), body]);
          dialogue.write(`MAIL FROM:<${world.mailbox}> BODY=8BITMIME\r\nRCPT TO:<${USER}>\r\n`);
          if (below(2) === 0) {
            await dialogue.reply();
            await dialogue.reply();
            await dialogue.say('DATA');
            const bytes = stuffed(whole);
            await writePieces(
              dialogue,
              bytes,
              [below(bytes.length), below(bytes.length)].toSorted((a, b) => a - b),
            );
          } else {
            const cut = below(whole.length);
            dialogue.write(
              Buffer.concat([
                Buffer.from(`BDAT ${cut}\r\n`),
                whole.subarray(0, cut),
                Buffer.from(`BDAT ${whole.length - cut} LAST\r\n`),
                whole.subarray(cut),
              ]),
            );
            for (let index = 0; index < 3; index += 1) await dialogue.reply();
          }
          expect(await dialogue.reply()).toMatch(/^250 2\.0\.0/);
        }
      }),
    );
    await expect.poll(() => upstream.messages.length, { timeout: 60_000, interval: 200 }).toBe(expected.length);
    const got = upstream.connections.flatMap(({ messages }) => messages.map((message) => sha(bodyOf(message, true))));
    expect(got.toSorted()).toEqual(expected.toSorted());
    console.log(`S03: ${got.length} bodies, seed ${seed}`);
    // Control: one byte that is another is seen.
    expect(got.toSorted()).not.toEqual([...expected.slice(1), sha(Buffer.from('other'))].toSorted());
    const heard = upstream.connections.map(({ secure }) => secure).join('');
    expect(heard.match(ILL_FORMED)).toBeNull();
    expect(heard.match(/\r\n\.\r\n/g)?.length).toBe(expected.length);
  }, 180_000);
});

describe('S04: what is put behind STARTTLS', () => {
  test('in the clear is never run, neither by us nor believed from an upstream', async () => {
    await using stack = new AsyncDisposableStack();
    const world = stack.use(await RelayWorld.start());
    await world.addApp({ networks: ['127.0.0.0/8'] });
    for (const behind of [
      `MAIL FROM:<${world.mailbox}>\r\nRCPT TO:<${USER}>\r\nDATA\r\n`,
      'EHLO x\r\n',
      'x',
      'AUTH PLAIN AAAA\r\n',
    ]) {
      const dialogue = await world.dial('starttls');
      await dialogue.open();
      dialogue.write(`STARTTLS\r\n${behind}`);
      expect(await dialogue.over()).toMatch(/^503 5\.5\.1 /);
    }
    const reset = await world.dial('starttls');
    await reset.open();
    await reset.say(`MAIL FROM:<${world.mailbox}>`);
    await reset.say('STARTTLS');
    await reset.startTls();
    expect(await reset.say(`RCPT TO:<${USER}>`)).toMatch(/^503/);
    expect(await reset.say('STARTTLS')).toMatch(/^50[23]/);
    const listed = await world.server.control.listMessages({ filter: {}, page: {} });
    expect(listed).toMatchObject({ value: { messages: [] } });
  });
});

describe('S19: 8-bit text, NUL and UTF-8', () => {
  test('is passed on as it is or refused, never altered', async () => {
    await using stack = new AsyncDisposableStack();
    const { world, upstream, password } = await framed(stack, {
      secureOffers: ['PIPELINING', 'AUTH XOAUTH2', '8BITMIME'],
    });
    const bodies: readonly (readonly [string, Buffer])[] = [
      ['latin-1', Buffer.from([0xe4, 0xf6, 0xfc, 0x0d, 0x0a])],
      ['overlong UTF-8', Buffer.from([0xc0, 0xaf, 0x0d, 0x0a])],
      ['half a character', Buffer.from([0xe2, 0x82, 0x0d, 0x0a])],
      ['a lone surrogate', Buffer.from([0xed, 0xa0, 0x80, 0x0d, 0x0a])],
      ['a byte order mark', Buffer.from([0xef, 0xbb, 0xbf, 0x41, 0x0d, 0x0a])],
      ['U+2028', Buffer.from('a\u2028b\u0085c\r\n')],
    ];
    for (const [name, body] of bodies) {
      const dialogue = await world.signedIn(password);
      const message = Buffer.concat([Buffer.from(`From: ${world.mailbox}\r\nSubject: ${name}\r\n\r\n`), body]);
      expect(await submit(dialogue, world.mailbox, [USER], message)).toMatch(/^250/);
    }
    await expect.poll(() => upstream.messages.length, { timeout: 20_000 }).toBe(bodies.length);
    const got = upstream.messages.map((message) => sha(bodyOf(message, true)));
    expect(got.toSorted()).toEqual(bodies.map(([, body]) => sha(body)).toSorted());
    const nul = await world.signedIn(password);
    expect(await submit(nul, world.mailbox, [USER], 'Subject: x\r\n\r\na\0b\r\n')).toMatch(/^550 5\.6\.11/);
    // A header with UTF-8 needs an upstream with SMTPUTF8: this one has none, so the sender is told, and nothing is altered.
    const header = await world.signedIn(password);
    expect(
      await submit(header, world.mailbox, [USER], `From: ${world.mailbox}\r\nSubject: Grüße\r\n\r\nx\r\n`),
    ).toMatch(/^250/);
    await expect.poll(() => upstream.messages.length, { timeout: 20_000 }).toBe(bodies.length + 1);
    expect(upstream.messages.at(-1)?.toString('latin1')).toContain('Mail not delivered');
  }, 60_000);
});

describe('notices for an upstream that sends none', () => {
  test('are ours: one that was handed on is told of where that was asked for, and DSN is not said', async () => {
    await using stack = new AsyncDisposableStack();
    const { world, upstream, password } = await framed(stack);
    const dialogue = await world.signedIn(password);
    await dialogue.say(`MAIL FROM:<${world.mailbox}> RET=HDRS ENVID=E2`);
    await dialogue.say(`RCPT TO:<a@example.com> NOTIFY=SUCCESS`);
    await dialogue.say(`RCPT TO:<b@example.com>`);
    await dialogue.say('DATA');
    dialogue.write('Subject: x\r\n\r\n.\r\n');
    await dialogue.reply();
    await expect.poll(() => upstream.messages.length, { timeout: 20_000 }).toBe(2);
    const notice = upstream.messages[1]?.toString('latin1') ?? '';
    expect(notice).toMatch(/\r\nFinal-Recipient: rfc822; a@example\.com\r\nAction: relayed\r\nStatus: 2\.0\.0\r\n/);
    expect(notice).not.toContain('b@example.com');
    const heard = upstream.connections.map(({ secure }) => secure).join('');
    expect(heard).not.toMatch(/ENVID|RET=|NOTIFY/);
  });
});
