/** Floods: what a client does too much of costs it replies or its connection, never our memory. */
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../client/testing/manual-clock.ts';
import { connectionKey } from './connection-counter.ts';
import { MessageContentError, standardTimeouts } from './index.ts';
import { collectingServer, readAll } from './testing/collecting-server.ts';
import { MemoryStream, replies, settled, somewhere, speak } from './testing/memory-client.ts';

const BEGIN = 'EHLO a\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n';
const MEGABYTE = 1024 * 1024;

function repeat(count: number, line: string): string[] {
  return Array.from({ length: count }, () => line);
}

function countOf(lines: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of lines) counts[line] = (counts[line] ?? 0) + 1;
  return counts;
}

/** Growth of memory outside and inside the heap, in bytes. */
async function growthWhile(work: () => Promise<void>): Promise<number> {
  const used = (): number => process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
  const before = used();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, used())), 5);
  await work();
  clearInterval(timer);
  return Math.max(most, used()) - before;
}

describe('a command line', () => {
  it.each([
    ['NOOP ', 512],
    ['MAIL FROM:<a@example.com> ENVID=', 512 + 669],
    ['RCPT TO:<a@example.com> ORCPT=rfc822;', 512 + 546],
  ])('%j may be as long as its verb allows, and no longer', async (start, limit) => {
    const { server } = collectingServer();
    const fits = start + 'x'.repeat(limit - 2 - start.length);
    const said = await replies(server, fits, `${fits}x`);
    expect(said[0]).not.toBe('500 5.5.2 Line too long');
    expect(said[1]).toBe('500 5.5.2 Line too long');
  });

  it('of 400 MB without an end costs one reply and no memory', async () => {
    const { server } = collectingServer();
    const block = Buffer.alloc(64 * 1024, 'x');
    const stream = new MemoryStream();
    const growth = await growthWhile(async () => {
      const done = server.serve(stream, somewhere);
      for (let sent = 0; sent < 400 * MEGABYTE; sent += block.length) {
        stream.say(block);
        await settled();
      }
      stream.say('\r\nNOOP\r\n');
      stream.push(null);
      await done;
    });
    expect(stream.said.split('\r\n').slice(1, -1)).toEqual(['500 5.5.2 Line too long', '250 2.0.0 OK']);
    // What was said and thrown away is collected only now and then; kept, it would be all of it.
    expect(growth).toBeLessThan(200 * MEGABYTE);
  });
});

describe('commands that send nothing', () => {
  it('end the connection after 100, of 10,000', async () => {
    const { server } = collectingServer();
    expect(countOf(await replies(server, ...repeat(10_000, 'NOOP')))).toEqual({
      '250 2.0.0 OK': 100,
      '421 4.7.0 Too many commands without a message': 1,
    });
  });

  it('are forgiven when a message was accepted', async () => {
    const { server, messages } = collectingServer({ limits: { junkCommands: 3, errors: 3 } });
    const round = `${BEGIN}DATA\r\n.\r\nNOOP\r\nNOOP\r\nWHAT\r\nWHAT\r\n`;
    const said = await speak(server, [round, round, round]);
    expect(messages).toHaveLength(3);
    expect(said).not.toContain('421');
  });
});

describe('errors', () => {
  it('end the connection after 20, of 10,000', async () => {
    const { server } = collectingServer();
    expect(countOf(await replies(server, ...repeat(10_000, 'WHAT')))).toEqual({
      '500 5.5.1 Command not recognized': 20,
      '421 4.7.0 Too many errors': 1,
    });
  });

  it('are also those that a handler gives', async () => {
    const { server } = collectingServer({ handler: { recipient: () => ({ code: 550, text: 'Unknown' }) } });
    const said = await replies(server, 'HELO a', 'MAIL FROM:<>', ...repeat(50, 'RCPT TO:<b@example.com>'));
    expect(countOf(said.slice(2))).toEqual({ '550 Unknown': 20, '421 4.7.0 Too many errors': 1 });
  });
});

describe('recipients', () => {
  it('beyond 1,000 are told 452, and beyond 1,000 more the connection ends', async () => {
    const { server } = collectingServer();
    const said = await replies(server, 'HELO a', 'MAIL FROM:<>', ...repeat(5000, 'RCPT TO:<b@example.com>'));
    expect(countOf(said.slice(2))).toEqual({
      '250 2.1.5 Recipient OK': 1000,
      '452 4.5.3 Too many recipients': 1000,
      '421 4.7.0 Too many errors': 1,
    });
  });

  it('over the limit do not keep the message from the others', async () => {
    const { server, messages } = collectingServer({ limits: { recipients: 2 } });
    await speak(server, [`${BEGIN}RCPT TO:<c@example.com>\r\nRCPT TO:<d@example.com>\r\nDATA\r\n.\r\n`]);
    expect(messages[0]?.envelope.recipients).toEqual(['b@example.com', 'c@example.com']);
  });
});

describe('connections', () => {
  it('are limited in all and from one address, and the others are turned away with 421', async () => {
    const { server } = collectingServer({ limits: { connections: 3, connectionsPerAddress: 2 } });
    const open = async (remoteAddress: string) => {
      const stream = new MemoryStream();
      const done = server.serve(stream, { ...somewhere, remoteAddress });
      await settled();
      return { stream, done };
    };
    const refused = '421 4.7.0 Too many connections\r\n';
    const first = await open('192.0.2.1');
    const second = await open('::ffff:192.0.2.1');
    const third = await open('192.0.2.1');
    expect([first, second, third].map(({ stream }) => stream.said === refused)).toEqual([false, false, true]);
    const other = await open('192.0.2.2');
    const last = await open('192.0.2.3');
    expect([other.stream.said === refused, last.stream.said === refused]).toEqual([false, true]);
    expect(server.connectionCount).toBe(3);
    for (const { stream } of [first, second, other]) stream.push(null);
    await Promise.all([first.done, second.done, other.done]);
    expect(server.connectionCount).toBe(0);
    const again = await open('192.0.2.1');
    expect(again.stream.said).toMatch(/^220 /);
    again.stream.push(null);
    await again.done;
  });

  it('count an IPv6 network of 64 bits as one place', () => {
    expect(connectionKey('2001:db8:1:2:3:4:5:6')).toBe(connectionKey('2001:0db8:1:2::9'));
    expect(connectionKey('2001:db8::1')).toBe('2001:db8:0:0::/64');
    expect(connectionKey('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
    expect(connectionKey('::1')).toBe('0:0:0:0::/64');
    expect(connectionKey('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(connectionKey('2001:db8:1:3::1')).not.toBe(connectionKey('2001:db8:1:2::1'));
  });
});

describe('a message beyond the size limit', () => {
  it('is refused at MAIL where its size is said', async () => {
    const { server } = collectingServer({ limits: { messageBytes: 1000 } });
    expect((await replies(server, 'EHLO a', 'MAIL FROM:<> SIZE=1001')).at(-1)).toBe(
      '552 5.3.4 Message size exceeds the fixed maximum',
    );
  });

  it('is refused within 64 kB after the limit, and the connection ends', async () => {
    const reasons: unknown[] = [];
    let seen = 0;
    const { server, messages } = collectingServer({
      limits: { messageBytes: 200_000 },
      handler: {
        message: async (_, { content }) => {
          try {
            for await (const block of content) seen += block.length;
          } catch (error) {
            reasons.push(error instanceof MessageContentError ? error.reason : error);
          }
          return { code: 250, text: 'Taken all the same' };
        },
      },
    });
    const stream = new MemoryStream();
    const done = server.serve(stream, somewhere);
    stream.say(`${BEGIN}DATA\r\n`);
    const block = Buffer.from(`${'x'.repeat(98)}\r\n`.repeat(160));
    let sent = 0;
    while (!stream.said.includes('552') && sent < 10 * MEGABYTE) {
      stream.say(block);
      sent += block.length;
      await settled();
    }
    stream.push(null);
    await done;
    expect(stream.said).toMatch(/\r\n552 5\.3\.4 Message size exceeds the fixed maximum\r\n$/);
    expect(sent).toBeLessThanOrEqual(200_000 + 64 * 1024);
    expect(seen).toBeLessThanOrEqual(200_000);
    expect({ reasons, messages }).toEqual({ reasons: ['too-large'], messages: [] });
  });

  it('also where it is malformed and would go on for ever', async () => {
    const { server } = collectingServer({ limits: { messageBytes: 200_000 } });
    const block = Buffer.from('x\n'.repeat(8192));
    const said = await speak(server, [`${BEGIN}DATA\r\n`, ...repeat(40, '').map(() => block)], { isPaced: true });
    expect(said).toMatch(/\r\n552 5\.3\.4 .*\r\n$/);
  });

  it('may be as large as the limit exactly', async () => {
    const { server, messages } = collectingServer({ limits: { messageBytes: 1000 } });
    const content = `${'.'.repeat(998)}\r\n`;
    await speak(server, [`${BEGIN}DATA\r\n.${content}.\r\n`]);
    expect(messages[0]?.content.length).toBe(1000);
  });
});

describe('a client that reads nothing', () => {
  it('is not read on, and cut after its time', async () => {
    const clock = new ManualClock();
    const { server } = collectingServer({ clock, limits: { junkCommands: Number.POSITIVE_INFINITY } });
    const stream = new MemoryStream();
    stream.isStuck = true;
    const done = server.serve(stream, somewhere);
    const block = 'HELP\r\n'.repeat(2000);
    for (let sent = 0; sent < 100; sent += 1) {
      stream.say(block);
      await settled();
    }
    // One batch is with the stream, another may wait there; the rest of the input waits unread and the stream is paused.
    expect(stream.writableLength).toBeLessThan(128 * 1024);
    expect(stream.isPaused()).toBe(true);
    clock.advance(standardTimeouts.replyMs);
    await done;
    expect(stream.destroyed).toBe(true);
    expect(server.connectionCount).toBe(0);
  });
});

describe('a handler that reads slowly', () => {
  it('holds the client back instead of filling our memory', async () => {
    const gate = Promise.withResolvers<void>();
    let size = 0;
    const { server } = collectingServer({
      handler: {
        message: async (_, { content }) => {
          for await (const block of content) {
            await gate.promise;
            size += block.length;
          }
          return { code: 250, text: 'Kept' };
        },
      },
    });
    const stream = new MemoryStream();
    const done = server.serve(stream, somewhere);
    stream.say(`${BEGIN}DATA\r\n`);
    await settled();
    const block = Buffer.from(`${'x'.repeat(1022)}\r\n`.repeat(64));
    for (let sent = 0; sent < 10; sent += 1) {
      stream.say(block);
      await settled();
    }
    expect(stream.isPaused()).toBe(true);
    // What was not taken from the stream waits there, where a socket would stop reading from the network.
    expect(stream.readableLength).toBeGreaterThanOrEqual(5 * block.length);
    gate.resolve();
    stream.say('.\r\n');
    stream.push(null);
    await done;
    expect(size).toBe(10 * block.length);
    expect(stream.said).toMatch(/250 Kept\r\n$/);
  });

  it('may answer before the end: the rest is thrown away, and the answer given at the end', async () => {
    const { server } = collectingServer({ handler: { message: () => ({ code: 554, enhanced: '5.6.0', text: 'No' }) } });
    const said = await speak(server, [`${BEGIN}DATA\r\nMAIL FROM:<x@example.com>\r\n`, 'y\r\n.\r\nNOOP\r\n'], {
      isPaced: true,
    });
    expect(said.split('\r\n').slice(-3)).toEqual(['554 5.6.0 No', '250 2.0.0 OK', '']);
  });

  it('cannot read a message twice, nor after its answer', async () => {
    const problems: unknown[] = [];
    let kept: AsyncIterable<Uint8Array> | undefined;
    const { server } = collectingServer({
      handler: {
        message: async (_, { content }) => {
          if (kept === undefined) await readAll(content);
          kept = content;
          await readAll(content).catch((error: unknown) => problems.push(error));
          return { code: 250, text: 'Kept' };
        },
      },
    });
    await speak(server, [`${BEGIN}DATA\r\n.\r\n`]);
    expect(problems).toEqual([new Error('The content of a message can be read only once')]);
  });
});
