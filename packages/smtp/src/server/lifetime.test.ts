/** How a connection ends: timeouts, a client that goes, a server that closes. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../client/testing/manual-clock.ts';
import { MessageContentError, standardTimeouts, type SmtpServer } from './index.ts';
import { collectingServer, readAll } from './testing/collecting-server.ts';
import { encrypted, listening } from './testing/listening.ts';
import { MemoryStream, settled, somewhere } from './testing/memory-client.ts';
import { SocketClient } from './testing/socket-client.ts';

const BEGIN = 'EHLO a\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n';
const LATE = '421 4.4.2 Timeout, closing connection\r\n';

/** A connection in memory that stays open. */
async function open(server: SmtpServer): Promise<{ stream: MemoryStream; done: Promise<void> }> {
  const stream = new MemoryStream();
  const done = server.serve(stream, somewhere);
  await settled();
  return { stream, done };
}

describe('a client that takes too long', () => {
  it('for a command is told so, also when a byte comes now and then', async () => {
    const clock = new ManualClock();
    const { server } = collectingServer({ clock });
    const { stream, done } = await open(server);
    for (let minute = 0; minute < 5; minute += 1) {
      expect(stream.said).not.toContain('421');
      stream.say('N');
      await settled();
      expect(clock.pendingTimers, 'one timer for a connection').toBe(1);
      clock.advance(60_000);
      await settled();
    }
    expect(stream.said).toContain(LATE);
    stream.push(null);
    await done;
    expect(clock.pendingTimers).toBe(0);
  });

  it('gets the whole time again with each command', async () => {
    const clock = new ManualClock();
    const { server } = collectingServer({ clock });
    const { stream, done } = await open(server);
    for (let round = 0; round < 5; round += 1) {
      clock.advance(standardTimeouts.commandMs - 1);
      stream.say('NOOP\r\n');
      await settled();
    }
    expect(stream.said).not.toContain('421');
    stream.push(null);
    await done;
  });

  it('between two blocks of a message, or with all of them, loses the message', async () => {
    for (const [everyMs, rounds] of [
      [standardTimeouts.dataBlockMs, 1],
      [standardTimeouts.dataBlockMs - 1000, 21],
    ] as const) {
      const clock = new ManualClock();
      const reasons: unknown[] = [];
      const { server, messages } = collectingServer({
        clock,
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
      const { stream, done } = await open(server);
      stream.say(`${BEGIN}DATA\r\n`);
      await settled();
      for (let round = 0; round < rounds; round += 1) {
        expect(stream.said).not.toContain('421');
        stream.say('x\r\n');
        await settled();
        clock.advance(everyMs);
        await settled();
      }
      expect(stream.said).toContain(LATE);
      stream.push(null);
      await done;
      expect({ reasons, messages }).toEqual({ reasons: ['cut'], messages: [] });
    }
  });

  it('for a TLS handshake is cut', async () => {
    const clock = new ManualClock();
    const { server } = collectingServer({ clock, ...(await encrypted('tls')) });
    const { stream, done } = await open(server);
    clock.advance(standardTimeouts.tlsHandshakeMs);
    await done;
    expect(stream.destroyed).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('to close after our last reply is cut', async () => {
    const clock = new ManualClock();
    const { server } = collectingServer({ clock });
    const { stream, done } = await open(server);
    stream.say('QUIT\r\n');
    await settled();
    stream.say('more that nobody reads\r\n'.repeat(1000));
    await settled();
    expect(stream.said).toMatch(/221 2\.0\.0 Closing connection\r\n$/);
    expect(stream.destroyed).toBe(false);
    clock.advance(standardTimeouts.lingerMs);
    await done;
    expect(stream.destroyed).toBe(true);
  });
});

describe('a client that goes away', () => {
  it('at any point of a session leaves nothing behind, and no message', async () => {
    const whole = `${BEGIN}DATA\r\nSubject: x\r\n\r\nx\r\n.\r\n`;
    const { server, messages, errors } = collectingServer();
    for (let length = 0; length < whole.length; length += 3) {
      const { stream, done } = await open(server);
      stream.say(whole.slice(0, length));
      await settled();
      stream.destroy();
      await done;
    }
    expect({ messages, errors, open: server.connectionCount }).toEqual({ messages: [], errors: [], open: 0 });
  });

  it('while a handler works aborts the signal of the session', async () => {
    const { server } = collectingServer({
      handler: {
        mail: async ({ signal }) => {
          const { promise, resolve } = Promise.withResolvers<undefined>();
          signal.addEventListener('abort', () => resolve(undefined), { once: true });
          return promise;
        },
      },
    });
    const { stream, done } = await open(server);
    stream.say('EHLO a\r\nMAIL FROM:<a@example.com>\r\n');
    await settled();
    stream.destroy();
    await done;
    expect(server.connectionCount).toBe(0);
  });

  it('over a real socket, in the middle of a message', async () => {
    const gone = Promise.withResolvers<unknown>();
    const { server, messages } = collectingServer({
      handler: {
        message: async (_, { content }) => {
          await readAll(content).catch(gone.resolve);
          return { code: 250, text: 'Kept' };
        },
      },
    });
    const client = SocketClient.to(await listening(server));
    client.say(`${BEGIN}DATA\r\nhalf`);
    await client.hear(/354 .*\r\n/);
    await client.cut();
    expect(await gone.promise).toEqual(new MessageContentError('cut'));
    expect(messages).toEqual([]);
  });
});

describe('closing', () => {
  it('says 421 to idle clients at once and lets open transactions end', async () => {
    const { server, messages } = collectingServer();
    const port = await listening(server);
    const idle = SocketClient.to(port);
    await idle.hear(/^220 .*\r\n/);
    const busy = SocketClient.to(port);
    busy.say(BEGIN);
    await busy.hear(/Recipient OK\r\n/);
    const closed = server.close({ graceMs: 20_000 });
    expect(await idle.over()).toBe('421 4.3.2 Service shutting down\r\n');
    expect(await busy.ask('DATA')).toMatch(/^354/);
    busy.say('x\r\n.\r\n');
    expect(await busy.over()).toBe('250 2.6.0 Kept\r\n421 4.3.2 Service shutting down\r\n');
    await closed;
    expect(messages).toHaveLength(1);
    await expect(SocketClient.to(port).hear(/^220/)).rejects.toThrow('ended');
  });

  it('cuts what is left when the grace is over, also a handler that never answers', async () => {
    const clock = new ManualClock();
    const { server } = collectingServer({ clock, handler: { mail: () => Promise.withResolvers<undefined>().promise } });
    const { stream } = await open(server);
    stream.say('EHLO a\r\nMAIL FROM:<a@example.com>\r\n');
    await settled();
    const closed = server.close({ graceMs: 3000 });
    await settled();
    expect(stream.destroyed).toBe(false);
    clock.advance(3000);
    await closed;
    expect(stream.destroyed).toBe(true);
  });

  it('is safe twice, and turns later clients away', async () => {
    const { server } = collectingServer();
    await Promise.all([server.close(), server.close()]);
    const { stream } = await open(server);
    expect(stream.said).toBe('421 4.3.2 Service shutting down\r\n');
  });
});

describe('listening', () => {
  it('tells where, and why it cannot', async () => {
    const { server } = collectingServer();
    const port = await listening(server);
    const other = collectingServer();
    const taken = await other.server.listen({ port });
    expect(taken.ok ? undefined : { code: taken.fault.code, message: taken.fault.message }).toEqual({
      code: 'SMTP_LISTEN_ADDRESS_IN_USE',
      message: `Cannot listen on 127.0.0.1 port ${port}: another program does already.`,
    });
    const elsewhere = await other.server.listen({ host: '192.0.2.1' });
    expect(elsewhere.ok ? undefined : elsewhere.fault.code).toBe('SMTP_LISTEN_FAILED');
  });

  it('on several addresses at once', async () => {
    const { server } = collectingServer();
    onTestFinished(() => server.close({ graceMs: 0 }));
    const ports = [await listening(server), await listening(server)];
    for (const port of ports) {
      const client = SocketClient.to(port);
      await client.hear(/^220 .*\r\n/);
      await client.end();
    }
  });
});
