/** BDAT (RFC 3030): chunks of a stated length. */
import { describe, expect, it } from 'vitest';
import { MessageContentError } from './index.ts';
import { collectingServer, readAll } from './testing/collecting-server.ts';
import { cutAt, speak } from './testing/memory-client.ts';

const BEGIN = 'EHLO a\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n';

/** Replies after those to {@link BEGIN}. */
async function after(server: Parameters<typeof speak>[0], text: string, begin = BEGIN): Promise<string[]> {
  const said = await speak(server, [begin, text]);
  return said.split('\r\n').slice(10, -1);
}

describe('BDAT', () => {
  it('joins chunks, with commands pipelined between and behind them', async () => {
    const { server, messages } = collectingServer();
    const said = await after(server, 'BDAT 7\r\none\r\n.\rBDAT 5\r\n\ntwo\rBDAT 1 LAST\r\n\nNOOP\r\n');
    expect(said).toEqual(['250 2.0.0 Chunk received', '250 2.0.0 Chunk received', '250 2.6.0 Kept', '250 2.0.0 OK']);
    expect(messages.map(({ content }) => content.toString())).toEqual(['one\r\n.\r\ntwo\r\n']);
  });

  it('gives the same however it is split', async () => {
    const bytes = Buffer.from(`${BEGIN}BDAT 7\r\none\r\n.\rBDAT 1\r\n\nbdat 5 last\r\ntwo\r\nQUIT\r\n`);
    const heard = new Set<string>();
    for (const places of [[], [...bytes.keys()], [bytes.length - 8], [bytes.length - 20, bytes.length - 30]]) {
      const { server, messages } = collectingServer();
      heard.add(await speak(server, cutAt(bytes, places), { isPaced: true }));
      expect(messages.map(({ content }) => content.toString())).toEqual(['one\r\n.\r\ntwo\r\n']);
    }
    expect(heard.size).toBe(1);
  });

  it('does not take content for commands, nor dots for an end', async () => {
    const { server, messages } = collectingServer();
    const content = 'x\r\n.\r\nMAIL FROM:<evil@example.net>\r\nQUIT\r\n';
    expect(await after(server, `BDAT ${content.length} LAST\r\n${content}NOOP\r\n`)).toEqual([
      '250 2.6.0 Kept',
      '250 2.0.0 OK',
    ]);
    expect(messages[0]?.content.toString()).toBe(content);
  });

  it('accepts an empty message and an empty last chunk', async () => {
    const { server, messages } = collectingServer();
    await after(server, `BDAT 0 LAST\r\n${BEGIN.split('\r\n').slice(1).join('\r\n')}BDAT 3\r\nx\r\nBDAT 0 LAST\r\n`);
    expect(messages.map(({ content }) => content.toString())).toEqual(['', 'x\r\n']);
  });

  it.each([
    ['EHLO a\r\n', '503 5.5.1 Send MAIL FROM first'],
    ['EHLO a\r\nMAIL FROM:<a@example.com>\r\n', '554 5.5.1 No valid recipients'],
    ['', '502 5.5.1 Command not offered'],
  ])('consumes a chunk that comes at the wrong time exactly: %j', async (begin, reply) => {
    const { server } = collectingServer();
    const said = await speak(server, [`${begin}BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n`]);
    expect(said.split('\r\n').slice(-3, -1)).toEqual([reply, '250 2.0.0 OK']);
  });

  it('is not accepted where CHUNKING is not offered, and consumed all the same', async () => {
    const { server } = collectingServer({ handler: { extensions: () => ['PIPELINING'] } });
    const said = await speak(server, [`${BEGIN}BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n`]);
    expect(said.split('\r\n').slice(-3, -1)).toEqual(['502 5.5.1 Command not offered', '250 2.0.0 OK']);
  });

  it('refuses the chunks behind a refused one, until the last one or RSET', async () => {
    const { server, messages } = collectingServer({
      handler: { dataStart: () => ({ code: 452, enhanced: '4.3.1', text: 'Full' }) },
    });
    const failed = '503 5.5.1 An earlier chunk was refused; send RSET';
    expect(await after(server, 'BDAT 1\r\nxBDAT 1\r\nyDATA\r\nBDAT 1 LAST\r\nzMAIL FROM:<>\r\nRSET\r\n')).toEqual([
      '452 4.3.1 Full',
      failed,
      '503 5.5.1 Bad sequence of commands',
      failed,
      '250 2.1.0 Sender OK',
      '250 2.0.0 OK',
    ]);
    expect(messages).toEqual([]);
  });

  it('tells an early refusal of the handler at the end of a chunk', async () => {
    const { server } = collectingServer({
      handler: {
        message: async (_, { content }) => {
          for await (const block of content) if (block.length > 0) return { code: 554, enhanced: '5.6.0', text: 'No' };
          return { code: 250, text: 'Never said' };
        },
      },
    });
    const said = await speak(server, [BEGIN, 'BDAT 1\r\nx', 'BDAT 1\r\ny', 'BDAT 1 LAST\r\nz'], { isPaced: true });
    expect(said.split('\r\n').slice(10, -1)).toEqual([
      '250 2.0.0 Chunk received',
      '554 5.6.0 No',
      '503 5.5.1 An earlier chunk was refused; send RSET',
    ]);
  });

  it('ends the connection where the length cannot be read, because nobody knows what is content then', async () => {
    for (const argument of ['', ' x', ' -1', ' 5 FIRST', ' 0x5', ' 5 LAST LAST', ' 9999999999999999']) {
      const { server } = collectingServer();
      expect(await after(server, `BDAT${argument}\r\nNOOP\r\n`)).toEqual(['501 5.5.4 Invalid arguments']);
    }
  });

  it.each(['BDAT 5\tLAST', 'BDAT5 LAST', `BDAT 5 ${' '.repeat(600)}LAST`, 'BDAT 5\0'])(
    'ends the connection also where the line itself is refused: %j',
    async (line) => {
      const { server } = collectingServer();
      expect(await after(server, `${line}\r\nNOOP\r\nNOOP\r\n`)).toEqual([expect.stringMatching(/^500 5\.5\.[12] /)]);
    },
  );

  it('refuses what goes beyond the size limit without reading it', async () => {
    const reasons: unknown[] = [];
    const { server, messages } = collectingServer({
      limits: { messageBytes: 10 },
      handler: {
        message: async (_, { content }) => {
          try {
            await readAll(content);
          } catch (error) {
            reasons.push(error instanceof MessageContentError ? error.reason : error);
            throw error;
          }
          return { code: 250, text: 'Kept' };
        },
      },
    });
    expect(await after(server, 'BDAT 8\r\n123456\r\nBDAT 3 LAST\r\nNOOP\r\n')).toEqual([
      '250 2.0.0 Chunk received',
      '552 5.3.4 Message size exceeds the fixed maximum',
    ]);
    expect(reasons).toEqual(['too-large']);
    expect(messages).toEqual([]);
  });

  it('lets the handler know that a message was given up', async () => {
    for (const [end, reason] of [
      ['RSET\r\n', 'abandoned'],
      ['EHLO a\r\n', 'abandoned'],
      ['QUIT\r\n', 'cut'],
      ['', 'cut'],
    ] as const) {
      const reasons: unknown[] = [];
      const { server, messages, errors } = collectingServer({
        handler: {
          message: async (_, { content }) => {
            await readAll(content).catch((error: unknown) => {
              reasons.push(error instanceof MessageContentError ? error.reason : error);
              throw error;
            });
            return { code: 250, text: 'Kept' };
          },
        },
      });
      await speak(server, [`${BEGIN}BDAT 1\r\nx${end}`]);
      expect({ reasons, messages, errors }).toEqual({ reasons: [reason], messages: [], errors: [] });
    }
  });
});

describe('line endings in chunks', () => {
  it.each(['a\nb\r\n', 'a\rb\r\n', 'a\0b\r\n', 'a\r'])(
    'are those of DATA: %j is refused, and the connection goes on',
    async (content) => {
      const { server, messages } = collectingServer();
      expect(await after(server, `BDAT ${content.length} LAST\r\n${content}NOOP\r\n`)).toEqual([
        '550 5.6.11 Message holds a bare CR, bare LF or NUL',
        '250 2.0.0 OK',
      ]);
      expect(messages).toEqual([]);
    },
  );

  it('are judged across chunks', async () => {
    const { server, messages } = collectingServer();
    expect(await after(server, 'BDAT 2\r\na\rBDAT 1 LAST\r\nbNOOP\r\n')).toEqual([
      '250 2.0.0 Chunk received',
      '550 5.6.11 Message holds a bare CR, bare LF or NUL',
      '250 2.0.0 OK',
    ]);
    expect(messages).toEqual([]);
  });

  it('are free with BODY=BINARYMIME, where DATA is not allowed', async () => {
    const { server, messages } = collectingServer({
      handler: { extensions: (_, standard) => [...standard, 'BINARYMIME'] },
    });
    const begin = BEGIN.replace('<a@example.com>', '<a@example.com> BODY=BINARYMIME');
    const said = await speak(server, [begin, 'DATA\r\nBDAT 5 LAST\r\n\0\n\r\n.NOOP\r\n']);
    expect(said.split('\r\n').slice(-4, -1)).toEqual([
      '503 5.5.1 Bad sequence of commands',
      '250 2.6.0 Kept',
      '250 2.0.0 OK',
    ]);
    expect(messages[0]?.content.toString()).toBe('\0\n\r\n.');
  });
});
