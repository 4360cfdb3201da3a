import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import type { Message, MessageContent } from '@postbearer/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectSmtp, type SmtpConnection } from './index.ts';
import { address, HELLO, inPieces, message } from './testing/sample-messages.ts';

/**
 * A receiver that shares nothing with the client: it undoes the doubled dots as RFC 5321 section 4.5.2 says, and keeps each
 * message.
 */
async function startReceiver(offers: readonly string[]) {
  const received: Buffer[] = [];
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.write('220 ready\r\n');
    let unread: Buffer = Buffer.alloc(0);
    let mode: 'commands' | 'data' | number = 'commands';
    const step = (): boolean => {
      if (mode === 'data') {
        // The end mark may stand at the very beginning, after the CR LF of DATA.
        const at = Buffer.concat([Buffer.from('\r\n'), unread]).indexOf('\r\n.\r\n');
        if (at < 0) return false;
        received.push(unstuff(unread.subarray(0, at)));
        unread = unread.subarray(at + 3);
        mode = 'commands';
        socket.write('250 taken\r\n');
        return true;
      }
      if (typeof mode === 'number') {
        if (unread.length < mode) return false;
        received.push(Buffer.from(unread.subarray(0, mode)));
        unread = unread.subarray(mode);
        mode = 'commands';
        socket.write('250 taken\r\n');
        return true;
      }
      const end = unread.indexOf('\r\n');
      if (end < 0) return false;
      const line = unread.subarray(0, end).toString('latin1');
      unread = unread.subarray(end + 2);
      if (line.startsWith('EHLO'))
        socket.write(`250-x\r\n${offers.map((offer) => `250-${offer}\r\n`).join('')}250 8BITMIME\r\n`);
      else if (line === 'DATA') {
        mode = 'data';
        socket.write('354 go\r\n');
      } else if (line.startsWith('BDAT ')) mode = Number(/\d+/.exec(line)?.[0]);
      else socket.write('250 ok\r\n');
      return true;
    };
    socket.on('data', (chunk: Buffer) => {
      unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
      while (step());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    received,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function unstuff(bytes: Buffer): Buffer {
  const lines = bytes.toString('latin1').split('\r\n');
  return Buffer.from(lines.map((line) => (line.startsWith('.') ? line.slice(1) : line)).join('\r\n'), 'latin1');
}

async function open(port: number): Promise<SmtpConnection> {
  const connected = await connectSmtp({ host: '127.0.0.1', port, security: 'none', timeouts: { final: 5000 } });
  if (!connected.ok) throw new Error(connected.fault.message);
  return connected.value;
}

/** Whether every line ends with CR LF and nothing else looks like an ending. */
const hasBareEnding = (text: string): boolean => /\r(?!\n)|(?<!\r)\n/.test(text);

/** Text out of what makes trouble: dots, line endings, 8-bit bytes, NUL. */
const rough = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('\r\n', '\r\n.', '.', '..', '\r\n.\r\n') },
      fc.string({ maxLength: 8, unit: 'binary-ascii' }),
      fc.constantFrom('\0', 'é', '\u00ff', '\t'),
      fc.constantFrom('\r', '\n'),
    ),
    { maxLength: 24 },
  )
  .map((parts) => Buffer.from(parts.join(''), 'utf8'));

/** The same, with every line ending whole. */
const clean = rough.map((bytes) =>
  Buffer.from(bytes.toString('latin1').replaceAll(/\r(?!\n)|(?<!\r)\n/g, '\r\n'), 'latin1'),
);

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [0, ...cuts].map((start, index) => bytes.subarray(start, cuts[index] ?? bytes.length));
}

/** The header may not hold 8-bit bytes here: this receiver knows no SMTPUTF8. */
const withHeader = (body: Buffer): Buffer => Buffer.concat([Buffer.from('Subject: x\r\n\r\n'), body]);

const completed = (bytes: Buffer): Buffer =>
  bytes.toString('latin1').endsWith('\r\n') ? bytes : Buffer.concat([bytes, Buffer.from('\r\n')]);

const WAYS = ['in memory by DATA', 'in memory by BDAT', 'read on the way'] as const;

describe('the bytes of a message', () => {
  it.each(WAYS)('arrive as they were, %s: 10,000 random bodies', async (way) => {
    await using receiver = await startReceiver(
      way === 'in memory by BDAT' ? ['CHUNKING', 'PIPELINING'] : ['PIPELINING'],
    );
    const connection = await open(receiver.port);
    await fc.assert(
      fc.asyncProperty(clean, fc.array(fc.nat(400), { maxLength: 5 }), async (body, places) => {
        const content = withHeader(body);
        const given = way === 'read on the way' ? inPieces(...cut(content, places)) : content;
        const [verdict] = await connection.send(message(given));
        expect(verdict?.outcome).toBe('accepted');
        const arrived = receiver.received.splice(0);
        expect(arrived).toHaveLength(1);
        // The receiver keeps the CR LF before the end mark as a part of the message, as the standard says.
        const heard = arrived[0]?.toString('latin1') ?? '';
        expect(heard).toBe(completed(content).toString('latin1'));
        expect(hasBareEnding(heard)).toBe(false);
      }),
      { numRuns: 10_000 },
    );
    connection.close();
  });

  it.each(WAYS)('never go out with a bare CR or LF, %s: 2,000 rough bodies', async (way) => {
    await using receiver = await startReceiver(
      way === 'in memory by BDAT' ? ['CHUNKING', 'PIPELINING'] : ['PIPELINING'],
    );
    let connection = await open(receiver.port);
    let refusals = 0;
    await fc.assert(
      fc.asyncProperty(rough, fc.array(fc.nat(400), { maxLength: 5 }), async (body, places) => {
        const content = withHeader(body);
        const given = way === 'read on the way' ? inPieces(...cut(content, places)) : content;
        if (!connection.isUsable) connection = await open(receiver.port);
        const [verdict] = await connection.send(message(given));
        const arrived = receiver.received.splice(0);
        if (hasBareEnding(content.toString('latin1'))) {
          refusals += 1;
          expect(verdict).toMatchObject({
            outcome: 'refused',
            fault: { code: 'MESSAGE_BARE_LINE_ENDING', next: 'fix-message' },
          });
          expect(arrived).toEqual([]);
        } else {
          expect(verdict?.outcome).toBe('accepted');
          expect(arrived).toHaveLength(1);
        }
      }),
      { numRuns: 2000 },
    );
    connection.close();
    expect(refusals).toBeGreaterThan(200);
  });

  it('would be damaged by a sender that forgets a dot, and this comparison would tell', () => {
    const sent = Buffer.from('Subject: x\r\n\r\n.hidden\r\n');
    expect(unstuff(sent).equals(sent)).toBe(false);
  });

  it('may be many: 3 MB in memory and 3 MB read on the way, with dots at every border', async () => {
    await using receiver = await startReceiver(['PIPELINING']);
    const connection = await open(receiver.port);
    const line = `.${'x'.repeat(60)}\r\n..\r\n`;
    const large = Buffer.alloc(3_000_000 - (3_000_000 % line.length), line);
    const pieces: MessageContent = {
      async *open() {
        for (let at = 0; at < large.length; at += 99_991) yield large.subarray(at, at + 99_991);
      },
    };
    for (const content of [large, pieces]) {
      expect(await connection.send(message(content))).toMatchObject([{ outcome: 'accepted' }]);
      expect(receiver.received.pop()?.equals(large)).toBe(true);
    }
    connection.close();
  });

  it('may be many in one chunk, whose answer may come before we know that all is written', async () => {
    await using receiver = await startReceiver(['PIPELINING', 'CHUNKING']);
    const connection = await open(receiver.port);
    const large = Buffer.alloc(400_000, `.${'x'.repeat(60)}\r\n`).subarray(0, -7);
    for (let count = 0; count < 40; count += 1) {
      expect(await connection.send(message(large))).toMatchObject([{ outcome: 'accepted' }]);
      expect(receiver.received.pop()?.equals(completed(large))).toBe(true);
    }
    connection.close();
  });

  it('may form lines of any length', async () => {
    await using receiver = await startReceiver(['PIPELINING']);
    const connection = await open(receiver.port);
    const long = `Subject: x\r\n\r\n${'x'.repeat(5000)}\r\n`;
    expect(await connection.send(message(long))).toMatchObject([{ outcome: 'accepted' }]);
    expect(receiver.received[0]?.toString() === long).toBe(true);
    connection.close();
  });

  it('may be none', async () => {
    await using receiver = await startReceiver(['PIPELINING', 'CHUNKING']);
    const connection = await open(receiver.port);
    expect(await connection.send(message(''))).toMatchObject([{ outcome: 'accepted' }]);
    expect(await connection.send(message(inPieces()))).toMatchObject([{ outcome: 'accepted' }]);
    expect(receiver.received.map((bytes) => bytes.length)).toEqual([0, 0]);
    connection.close();
  });
});

describe('a wrong line ending', () => {
  it.each([
    ['a bare LF', 'Subject: x\r\n\r\none\r\ntwo\nthree\r\n', 4, 'an LF without CR'],
    ['a bare CR', 'Subject: x\r\n\r\none\rtwo\r\n', 3, 'a CR without LF'],
    ['a CR at the very end', 'Subject: x\r\n\r\none\r', 3, 'a CR without LF'],
    ['a CR before a whole ending', 'Subject: x\r\n\r\none\r\r\n', 3, 'a CR without LF'],
    ['an LF at the very beginning', '\nSubject: x\r\n', 1, 'an LF without CR'],
    ['the end mark of another system', 'Subject: x\r\n\r\none\n.\nMAIL FROM:<a@b>\r\n', 3, 'an LF without CR'],
  ])('is told with its line: %s', async (_, text, line, ending) => {
    await using receiver = await startReceiver(['PIPELINING']);
    const connection = await open(receiver.port);
    const [inMemory] = await connection.send(message(text));
    expect(inMemory).toMatchObject({ outcome: 'refused', fault: { code: 'MESSAGE_BARE_LINE_ENDING' } });
    expect(inMemory?.outcome === 'refused' && inMemory.fault.message).toBe(
      `Line ${line} of the message holds ${ending}.`,
    );
    // Nothing of it was sent, so the connection goes on; content read on the way is noticed later and costs the connection.
    expect(connection.isUsable).toBe(true);
    const [onTheWay] = await connection.send(message(inPieces(...text.split(''))));
    expect(onTheWay).toEqual(inMemory);
    expect(connection.isUsable).toBe(false);
    expect(receiver.received).toEqual([]);
  });
});

describe('what a server does not offer', () => {
  const needs = (content: MessageContent, envelope: Partial<Message['envelope']> = {}): Message => ({
    content,
    envelope: { ...message('').envelope, ...envelope },
  });
  const dsn = { notify: ['failure'] } as const;
  const CASES: readonly {
    readonly name: string;
    readonly offers: string[];
    readonly message: Message;
    readonly code: string;
    readonly says: string;
  }[] = [
    {
      name: '8-bit bytes',
      offers: [],
      message: message('Subject: x\r\n\r\ngrüße\r\n'),
      code: 'SMTP_8BITMIME_NOT_OFFERED',
      says: '8BITMIME',
    },
    {
      name: '8-bit bytes read on the way',
      offers: [],
      message: message(inPieces('Subject: x\r\n\r\n', 'ascii\r\n', 'grüße\r\n')),
      code: 'SMTP_8BITMIME_NOT_OFFERED',
      says: '8BITMIME',
    },
    {
      name: 'an international header',
      offers: ['8BITMIME'],
      message: message('Subject: grüße\r\n\r\nhello\r\n'),
      code: 'SMTP_SMTPUTF8_NOT_OFFERED',
      says: 'The header of the message holds characters outside ASCII',
    },
    {
      name: 'an international header that comes in pieces',
      offers: ['8BITMIME'],
      message: message(inPieces('Sub', 'ject: gr', 'üße\r\n', '\r\nhello\r\n')),
      code: 'SMTP_SMTPUTF8_NOT_OFFERED',
      says: 'The header of the message holds characters outside ASCII',
    },
    {
      name: 'an international address',
      offers: ['8BITMIME'],
      message: needs(Buffer.from(HELLO), { recipients: [address('jürgen@example.com')] }),
      code: 'SMTP_SMTPUTF8_NOT_OFFERED',
      says: 'The envelope holds characters outside ASCII',
    },
    {
      name: 'delivery notices',
      offers: [],
      message: needs(Buffer.from(HELLO), { dsn }),
      code: 'SMTP_DSN_NOT_OFFERED',
      says: 'Delivery notices were asked for',
    },
    {
      name: 'more bytes than its SIZE',
      offers: ['SIZE 25'],
      message: message(HELLO),
      code: 'SMTP_MESSAGE_TOO_LARGE',
      says: 'The message has 26 bytes; 127.0.0.1 takes at most 25.',
    },
    {
      name: 'more bytes than its SIZE, read on the way',
      offers: ['SIZE 25'],
      message: message({
        sizeBytes: 26,
        open: () => {
          throw new Error('must not be sent');
        },
      }),
      code: 'SMTP_MESSAGE_TOO_LARGE',
      says: 'takes at most 25',
    },
    {
      name: 'an envelope name with a line break',
      offers: ['DSN'],
      message: needs(Buffer.from(HELLO), { dsn: { envelopeId: 'x\r\nRCPT TO:<evil@example.com>' } }),
      code: 'MESSAGE_DSN_INVALID',
      says: 'not printable ASCII',
    },
    {
      name: 'an envelope name of 101 characters',
      offers: ['DSN'],
      message: needs(Buffer.from(HELLO), { dsn: { envelopeId: 'x'.repeat(101) } }),
      code: 'MESSAGE_DSN_INVALID',
      says: 'longer than 100',
    },
    ...[
      { addressType: 'rfc822', address: 'x\r\nDATA' },
      { addressType: 'rfc 822', address: 'x@example.com' },
      { addressType: 'rfc822', address: '+'.repeat(200) },
    ].map((originalRecipient, index) => ({
      name: `an original recipient that cannot be said (${index})`,
      offers: ['DSN'],
      message: needs(Buffer.from(HELLO), {
        dsn: { recipients: [{ recipient: address('user@example.com'), originalRecipient }] },
      }),
      code: 'MESSAGE_DSN_INVALID',
      says: 'original recipient',
    })),
  ];

  it.each(CASES)(
    '$name: $code, and the message is not altered to fit',
    async ({ offers, message: wanted, code, says }) => {
      const heard: Buffer[] = [];
      const server = createServer({ noDelay: true }, (socket) => {
        socket.on('error', () => {});
        socket.write('220 ready\r\n');
        socket.on('data', (chunk: Buffer) => {
          heard.push(chunk);
          const text = chunk.toString('latin1');
          if (text.startsWith('EHLO'))
            socket.write(`250-x\r\n${offers.map((offer) => `250-${offer}\r\n`).join('')}250 HELP\r\n`);
          else
            for (const line of text.matchAll(/^(MAIL|RCPT|DATA)/gm))
              socket.write(line[1] === 'DATA' ? '354 go\r\n' : '250 ok\r\n');
        });
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const connection = await open((server.address() as AddressInfo).port);
      const verdicts = await connection.send(wanted);
      expect(verdicts).toMatchObject([{ outcome: 'refused', fault: { code, next: 'fix-message' } }]);
      expect(verdicts[0]?.outcome === 'refused' && verdicts[0].fault.message).toContain(says);
      expect(Buffer.concat(heard).toString('latin1')).not.toMatch(/\r\n\.\r\n|evil/);
      connection.close();
      server.close();
      await once(server, 'close');
    },
  );

  it('is asked for only where it is needed: a limit of 0 is none, and the exact limit is allowed', async () => {
    for (const offer of ['SIZE', 'SIZE 0', 'SIZE 26', 'SIZE nonsense']) {
      await using receiver = await startReceiver([offer, 'PIPELINING']);
      const connection = await open(receiver.port);
      expect(await connection.send(message(HELLO))).toMatchObject([{ outcome: 'accepted' }]);
      connection.close();
    }
  });
});
