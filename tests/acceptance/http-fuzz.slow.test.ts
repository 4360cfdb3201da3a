/**
 * Whatever a program says in JSON (S16, S17, S32): each text field with line breaks, control characters and naughty words,
 * each field with values of other kinds, and bytes that were damaged.
 *
 * What must hold: no answer is 5xx and nothing is thrown; a message that was taken goes to exactly the addresses that were
 * named, and its header holds no field that nobody wrote and no bare line end.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiWorld } from '../setup/api-world.ts';
import { runs } from '../setup/quick.ts';

const SEED = Number(process.env['POSTBEARER_SEED'] ?? 20_261_125);
const BATCH = 100;
/** Every how many messages one is read back. */
const LOOK_AT = 8;

let world: ApiWorld;
let key = '';
let mailbox = '';

beforeAll(async () => {
  world = await ApiWorld.start();
  mailbox = world.emulator.defaults.mailbox;
  key = await world.addKey({ requestsPerMinute: 1_000_000 });
  // Nothing leaves: what is taken is looked at where it is kept.
  await world.server.control.holdLane({ lane: `default/${mailbox}`, sender: '', actor: 'test' });
});

afterAll(async () => {
  await world.close();
  expect(world.errors).toEqual([]);
});

/** Draws the same numbers for the same seed (mulberry32). */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(most: number): number {
    this.#state = (this.#state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * most);
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }
}

const BREAKS = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  '\u0085',
  '\u2028',
  '\u2029',
  '\ud800',
  '\udc00',
  '\u000b',
  '\u001b',
  '\ufeff',
  '\u202e',
] as const;
const INJECTED = [
  'Bcc: evil@example.net',
  'X-Injected: yes',
  '\r\n.\r\nMAIL FROM:<evil@example.net>',
  'RCPT TO:<evil@example.net>',
] as const;
const WORDS = [
  '',
  ' ',
  'a',
  'Grüße',
  '用户',
  '👩‍👩‍👧',
  '<script>alert(1)</script>',
  "'; drop table message; --",
  '{{7*7}}',
  '${7*7}',
  '%s%n',
  '../../etc/passwd',
  '=?utf-8?Q?=0D=0ABcc:_evil@example.net?=',
  '=?utf-8?B?DQpCY2M6IGV2aWxAZXhhbXBsZS5uZXQ=?=',
  'null',
  'undefined',
  'NaN',
  '-1',
  '1e400',
  'true',
  'constructor',
  'a'.repeat(5000),
  '"',
  '\\',
  ',',
  ';',
  ':',
  '@',
  '()',
  '\t',
] as const;
const ADDRESSES = [
  'a@example.com',
  'Ann <ann@example.com>',
  '"Smith, Ann" <ann@example.com>',
  'a@example.com, b@example.com',
  'group: a@example.com, b@example.com;',
  'g: h: i@example.com;;',
  '"a@b"@example.com',
  'a(comment)@example.com',
  '<a@example.com>',
  'a@[127.0.0.1]',
  'a@[IPv6:::1]',
  'ä@example.com',
  'a@exämple.com',
  'a@example.com>',
  '<a@example.com',
  '@example.com',
  'a@',
  'a b@example.com',
  'a@example.com\r\nRCPT TO:<evil@example.net>',
  'a@example.com\0evil@example.net',
  'a%evil@example.net',
  'evil@example.net!a',
  `${'x'.repeat(70)}@example.com`,
  `a@${'x'.repeat(300)}.com`,
  '('.repeat(500),
  'a@example.com,'.repeat(600),
] as const;
const OTHERS = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  [],
  {},
  [[]],
  [null],
  { address: 1 },
  { name: 'a' },
  { address: 'a@example.com', extra: 1 },
] as const;
const TEXTS = ['subject', 'text', 'html', 'messageId', 'inReplyTo', 'sendAt', 'priority', 'mailbox'] as const;
const PEOPLE = ['from', 'to', 'cc', 'bcc', 'replyTo'] as const;

function textOf(dice: Dice): string {
  const word = dice.pick(WORDS);
  switch (dice.below(4)) {
    case 0:
      return word;
    case 1:
      return `${word}${dice.pick(BREAKS)}${dice.pick(INJECTED)}`;
    case 2:
      return `${word.slice(0, 20)}${dice.pick(BREAKS)}${dice.pick(WORDS).slice(0, 20)}`;
    default:
      return String.fromCharCode(...Array.from({ length: dice.below(20) }, () => dice.below(0x1_00_00)));
  }
}

function peopleOf(dice: Dice): unknown {
  switch (dice.below(6)) {
    case 0:
      return dice.pick(OTHERS);
    case 1:
      return textOf(dice);
    case 2:
      return { name: textOf(dice), address: dice.pick(ADDRESSES) };
    case 3:
      return Array.from({ length: dice.below(4) }, () => dice.pick(ADDRESSES));
    default:
      return dice.pick(ADDRESSES);
  }
}

function attachmentOf(dice: Dice): unknown {
  const content = dice.pick([Buffer.from(textOf(dice)).toString('base64'), textOf(dice), 'QUJD', '']);
  return {
    ...(dice.below(2) === 0 ? { filename: textOf(dice) } : {}),
    ...(dice.below(4) === 0 ? { contentType: dice.pick(['text/plain', 'message/rfc822', textOf(dice)]) } : {}),
    ...(dice.below(4) === 0 ? { cid: textOf(dice) } : {}),
    content,
  };
}

/** A message that is good but for what the dice change. */
function messageOf(dice: Dice): Record<string, unknown> {
  const message: Record<string, unknown> = { to: 'user@example.com', subject: 'Fuzz', text: 'a' };
  for (let changes = 1 + dice.below(2); changes > 0; changes -= 1) {
    switch (dice.below(8)) {
      case 0:
      case 1:
        message[dice.pick(PEOPLE)] = peopleOf(dice);
        break;
      case 2:
      case 3:
        message[dice.pick(TEXTS)] = textOf(dice);
        break;
      case 4:
        message[dice.pick(['subject', 'to', 'headers', 'attachments', 'references', 'dsn', 'sendAt'])] =
          dice.pick(OTHERS);
        break;
      case 5:
        message['headers'] = {
          [dice.pick(['X-Ok', 'Bcc', 'To', 'Content-Type', textOf(dice)])]: dice.pick([
            textOf(dice),
            [textOf(dice)],
            'fine',
          ]),
        };
        break;
      case 6:
        message['attachments'] = Array.from({ length: 1 + dice.below(2) }, () => attachmentOf(dice));
        break;
      default:
        message[dice.pick(['references', 'dsn', textOf(dice)])] = dice.pick<unknown>([
          [textOf(dice)],
          { envelopeId: textOf(dice) },
          { notify: [textOf(dice)] },
        ]);
    }
  }
  return message;
}

interface Result {
  readonly status: number;
  readonly message?: { readonly id: string; readonly recipients: readonly string[] };
}

/** The fields that this service and the composer write. */
const KNOWN: ReadonlySet<string> = new Set([
  'received',
  'from',
  'to',
  'cc',
  'reply-to',
  'subject',
  'date',
  'message-id',
  'in-reply-to',
  'references',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
  'content-disposition',
  'content-id',
]);

/** What is wrong with a stored message. */
function faultsIn(source: string, asked: Record<string, unknown>): string[] {
  const end = source.indexOf('\r\n\r\n');
  const header = source.slice(0, end < 0 ? undefined : end);
  const names = header
    .split(/\r\n(?![ \t])/)
    .map((line) => line.slice(0, Math.max(0, line.indexOf(':'))).toLowerCase());
  const own = new Set(Object.keys(asked['headers'] ?? {}).map((name) => name.toLowerCase()));
  return [
    ...names.filter((name) => !KNOWN.has(name) && !own.has(name)).map((name) => `a field "${name}"`),
    ...(/\r(?!\n)|(?<!\r)\n|\0/.test(header) ? ['a bare line end or NUL'] : []),
    ...(new Set(names).has('bcc') ? ['Bcc'] : []),
  ];
}

/** What may name a recipient, without comments (RFC 5322 section 3.2.2), which are no part of an address. */
function named(message: Record<string, unknown>): string {
  return JSON.stringify([message['to'], message['cc'], message['bcc']]).replaceAll('(comment)', '');
}

async function check(result: Result, asked: Record<string, unknown>, looked: number): Promise<void> {
  const told = `seed ${SEED}: ${JSON.stringify(asked).slice(0, 500)}`;
  expect([202, 403, 413, 422], told).toContain(result.status);
  const { message } = result;
  if (message === undefined) return;
  for (const address of message.recipients) {
    expect(named(asked), told).toContain(JSON.stringify(address).slice(1, -1));
    expect(address, told).not.toMatch(/[\r\n\0<>]|^evil@example\.net$/);
  }
  if (looked % LOOK_AT !== 0) return;
  const source = await world.ask(`/v1/messages/${message.id}/source`, { key });
  expect(faultsIn(Buffer.from(await source.arrayBuffer()).toString('latin1'), asked), told).toEqual([]);
}

describe('whatever is said in JSON', () => {
  test('is taken as it is meant or refused, and puts nothing into a header or an envelope', async () => {
    const dice = new Dice(SEED);
    const counts = new Map<number, number>();
    for (let done = 0; done < runs(45_000); done += BATCH) {
      const messages = Array.from({ length: BATCH }, () => messageOf(dice));
      const answer = await world.ask('/v1/messages/batch', { key, json: { messages } });
      expect(answer.status, `seed ${SEED}`).toBe(200);
      const { results } = (await answer.json()) as { results: readonly Result[] };
      for (const [at, result] of results.entries()) {
        counts.set(result.status, (counts.get(result.status) ?? 0) + 1);
        await check(result, messages[at] ?? {}, done + at);
      }
    }
    // The control: both ends were reached often, so the words above say something.
    expect(counts.get(202)).toBeGreaterThan(runs(45_000) / 20);
    expect(counts.get(422)).toBeGreaterThan(runs(45_000) / 5);
  }, 240_000);

  test('and whatever its bytes are, the answer is no failure of ours', async () => {
    const dice = new Dice(SEED + 1);
    const statuses = new Set<number>();
    for (let done = 0; done < runs(5000); done += 20) {
      const bodies = Array.from({ length: 20 }, () => {
        const bytes = Buffer.from(JSON.stringify(messageOf(dice)));
        for (let damage = 1 + dice.below(4); damage > 0; damage -= 1) bytes[dice.below(bytes.length)] = dice.below(256);
        return dice.below(4) === 0 ? bytes.subarray(0, dice.below(bytes.length)) : bytes;
      });
      const answers = await Promise.all(
        bodies.map(
          async (body) =>
            await world.ask('/v1/messages', {
              key,
              method: 'POST',
              body,
              headers: { 'content-type': 'application/json' },
            }),
        ),
      );
      for (const answer of answers) {
        statuses.add(answer.status);
        await answer.arrayBuffer();
      }
    }
    expect(
      [...statuses].toSorted((a, b) => a - b).filter((status) => ![202, 400, 403, 422].includes(status)),
      `seed ${SEED}`,
    ).toEqual([]);
    expect(statuses).toContain(400);
  }, 120_000);

  test('would be caught where it went through: a header that was injected, a bare line end', () => {
    expect(faultsIn('From: a\r\nX-Injected: yes\r\n\r\n', {})).toEqual(['a field "x-injected"']);
    expect(faultsIn('From: a\rBcc: b\r\n\r\n', {})).toEqual(['a bare line end or NUL']);
    expect(faultsIn('From: a\r\nBcc: b\r\n\r\n', {})).toEqual(['a field "bcc"', 'Bcc']);
    expect(faultsIn('From: a\r\nX-Ok: b\r\n\r\n', { headers: { 'X-Ok': 'b' } })).toEqual([]);
  });
});
