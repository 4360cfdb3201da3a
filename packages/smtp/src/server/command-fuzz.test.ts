/** 50,000 random commands in whole sessions: never an exception, always known replies, the same however they are split. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isQuick, runs } from '../../../../tests/setup/quick.ts';
import { collectingServer } from './testing/collecting-server.ts';
import { cutAt, speak } from './testing/memory-client.ts';

const SESSIONS = runs(4000);

const good = fc.constantFrom(
  'EHLO a',
  'HELO a',
  'MAIL FROM:<a@example.com>',
  'MAIL FROM:<a@example.com> SIZE=10 BODY=8BITMIME',
  'RCPT TO:<b@example.com>',
  'DATA',
  'x\r\n.',
  '..\r\n.x\r\n.',
  'BDAT 4\r\nab\r\n',
  'BDAT 3 LAST\r\nx\r\n',
  'BDAT 0 LAST',
  'RSET',
  'NOOP',
  'VRFY a',
  'STARTTLS',
  'AUTH PLAIN AGEAYg==',
);
const message = fc.constantFrom(
  'MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nSubject: x\r\n\r\n..\r\nx\r\n.',
  'MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nBDAT 6\r\nx\r\n.\r\nBDAT 2 LAST\r\n',
);
const bytes = fc.uint8Array({ maxLength: 30 }).map((values) => Buffer.from(values).toString('latin1'));
const damaged = fc
  .tuple(good, fc.nat(30), fc.constantFrom('', ' ', '<', '>', ':', '\r', '\n', '\0', '\u00ff', '=', '99', '\t', '"'))
  .map(([command, at, what]) => command.slice(0, at) + what + command.slice(at + 1));
const command = fc.oneof(
  { weight: 3, arbitrary: message },
  { weight: 12, arbitrary: good },
  { weight: 3, arbitrary: damaged },
  { weight: 1, arbitrary: bytes },
);
const session = fc
  .array(command, { minLength: 40, maxLength: 40 })
  .map((lines) => Buffer.from(`EHLO a\r\n${lines.map((line) => `${line}\r\n`).join('')}`, 'latin1'));
const places = fc.array(fc.nat(5000), { maxLength: 20 });

const REPLY = /^(?:[2-5]\d\d[ -](?:[245]\.\d{1,3}\.\d{1,3} )?.*\r\n)+$/;

function freshServer() {
  return collectingServer({
    limits: { errors: Number.POSITIVE_INFINITY, junkCommands: Number.POSITIVE_INFINITY },
  });
}

describe('commands', () => {
  it('are answered the same however they are split', async () => {
    let accepted = 0;
    let answered = 0;
    await fc.assert(
      fc.asyncProperty(session, places, fc.boolean(), async (dialogue, at, isPaced) => {
        const whole = freshServer();
        const said = await speak(whole.server, [dialogue]);
        expect(said).toMatch(REPLY);
        const split = freshServer();
        expect(await speak(split.server, cutAt(dialogue, at), { isPaced })).toBe(said);
        expect(split.messages).toEqual(whole.messages);
        expect([whole.errors, split.errors, whole.server.connectionCount]).toEqual([[], [], 0]);
        accepted += whole.messages.length;
        answered += said.match(/^\d{3} /gm)?.length ?? 0;
      }),
      { numRuns: SESSIONS },
    );
    // A session that ends early answers fewer; those that are counted were.
    expect(answered).toBeGreaterThanOrEqual(isQuick ? 1000 : 50_000);
    expect(accepted).toBeGreaterThan(SESSIONS / 4);
  });
});
