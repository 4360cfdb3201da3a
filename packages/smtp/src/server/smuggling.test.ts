/**
 * No second message out of one: forms of line endings around the dot that servers have been seen to disagree about, each with a
 * whole second message hidden behind it.
 */
import { describe, expect, it } from 'vitest';
import { collectingServer } from './testing/collecting-server.ts';
import { cutAt, speak } from './testing/memory-client.ts';

const LINE_ENDS = ['\r\n', '\n', '\r', '\n\r', '\r\r\n', '\r\n\n', ''] as const;
const NULS = ['\0', '\0\n', '\r\0\n', '\r\n\0'] as const;

const BEGIN = 'EHLO client.example.com\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n';
const BODY = 'Subject: first\r\n\r\nfirst';
const HIDDEN =
  'MAIL FROM:<evil@example.net>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nSubject: second\r\n\r\nsecond\r\n.\r\n';

interface Form {
  readonly before: string;
  readonly after: string;
}

const forms: readonly Form[] = [
  ...LINE_ENDS.flatMap((before) => LINE_ENDS.map((after) => ({ before, after }))),
  ...NULS.flatMap((nul) => [
    { before: nul, after: '\r\n' },
    { before: '\r\n', after: nul },
    { before: nul, after: nul },
  ]),
].filter(({ before, after }) => !(before === '\r\n' && after.startsWith('\r\n')));

/** The places where a dialogue is cut into segments. */
const SPLITS: Readonly<Record<string, (bytes: Buffer, dotAt: number) => number[]>> = {
  'in one segment': () => [],
  'byte by byte': (bytes) => [...bytes.keys()],
  'around the dot': (_, dotAt) => [dotAt, dotAt + 1],
  'behind every CR': (bytes) => [...bytes.entries()].flatMap(([at, byte]) => (byte === 0x0d ? [at + 1] : [])),
};

function show(text: string): string {
  return JSON.stringify(text);
}

/** Counts messages as a server does that takes any line ending for one. */
function naiveCount(body: string): number {
  return body
    .replaceAll('\0', '')
    .replaceAll(/\r\n|\r|\n/g, '\n')
    .split('\n.\n')
    .filter((part) => part.trim() !== '').length;
}

describe('one message in, at most one message out', () => {
  let extra = 0;
  let runs = 0;
  let fooled = 0;

  for (const { before, after } of forms) {
    it(`takes ${show(before)} . ${show(after)} for no end of data`, async () => {
      const head = BEGIN + BODY + before;
      const bytes = Buffer.from(`${head}.${after}${HIDDEN}QUIT\r\n`);
      if (naiveCount(`${BODY}${before}.${after}${HIDDEN}`) > 1) fooled += 1;
      const heard = new Set<string>();
      for (const split of Object.values(SPLITS)) {
        for (const isPaced of [false, true]) {
          const { server, messages, errors } = collectingServer();
          heard.add(await speak(server, cutAt(bytes, split(bytes, head.length)), { isPaced }));
          runs += 1;
          extra +=
            Math.max(0, messages.length - 1) +
            messages.filter(({ envelope }) => envelope.sender === 'evil@example.net').length;
          expect(messages.map(({ envelope }) => envelope.sender)).not.toContain('evil@example.net');
          expect(messages.length).toBeLessThanOrEqual(1);
          // What is accepted holds the hidden commands as text and nothing malformed.
          for (const { content } of messages) expect(content.toString()).toMatch(/^(?:[^\r\n\0]*\r\n)*$/);
          expect(errors).toEqual([]);
        }
      }
      expect(heard.size, 'the same replies however it is split').toBe(1);
    });
  }

  it('sees a second message where there really is one', async () => {
    const { server, messages } = collectingServer();
    await speak(server, [`${BEGIN}${BODY}\r\n.\r\n${HIDDEN}QUIT\r\n`]);
    expect(messages.map(({ envelope }) => envelope.sender)).toEqual(['a@example.com', 'evil@example.net']);
  });

  it('counts more than 200 forms and splits, no extra message, and many that fool a naive server', () => {
    expect(runs).toBeGreaterThanOrEqual(200);
    expect(extra).toBe(0);
    expect(fooled).toBeGreaterThanOrEqual(20);
  });
});

describe('content with a bare CR, bare LF or NUL', () => {
  for (const [name, content] of [
    ['bare LF', 'one\ntwo\r\n'],
    ['bare CR', 'one\rtwo\r\n'],
    ['NUL', 'one\0two\r\n'],
    ['bare CR at the end', 'one\r\r\n'],
  ] as const) {
    it(`is refused at its true end and nothing behind it is executed: ${name}`, async () => {
      const { server, messages } = collectingServer();
      const said = await speak(server, [`${BEGIN}${content}.\r\nNOOP\r\n`]);
      expect(said.split('\r\n').slice(-3)).toEqual([
        '354 Start mail input; end with <CRLF>.<CRLF>',
        '550 5.6.11 Message holds a bare CR, bare LF or NUL',
        '',
      ]);
      expect(messages).toEqual([]);
    });
  }
});

describe('a command line that ends with LF alone', () => {
  it('is refused and ends the connection before what follows is read', async () => {
    const { server } = collectingServer();
    const said = await speak(server, ['EHLO a\r\nMAIL FROM:<a@example.com>\nRCPT TO:<b@example.com>\r\nNOOP\r\n']);
    expect(said.split('\r\n').slice(-2)).toEqual(['500 5.5.2 Lines must end with CR LF', '']);
    expect(said).not.toContain('Sender OK');
  });
});
