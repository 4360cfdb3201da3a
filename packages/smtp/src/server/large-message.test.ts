/** Large messages over a real TLS connection: the same bytes, and memory that does not grow with them. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { collectingServer } from './testing/collecting-server.ts';
import { encrypted, listening, testCertificates } from './testing/listening.ts';

const MEGABYTE = 1024 * 1024;
const LINE = `.${'x'.repeat(74)}\r\n`;
/** About 64 kB in which every line begins with a dot. */
const PART = LINE.repeat(Math.floor((64 * 1024) / LINE.length));
const PARTS = 2048;

function parts(onWire: boolean): Buffer {
  return Buffer.from(onWire ? PART.replaceAll(LINE, `.${LINE}`) : PART);
}

function usedBytes(): number {
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
}

describe('a message of 128 MB with a stuffed dot in every line', () => {
  it.each(['DATA', 'BDAT'])('comes through %s unchanged, in less than 64 MB of memory', async (command) => {
    const hash = createHash('sha256');
    const expected = createHash('sha256');
    const before = usedBytes();
    let most = before;
    const { server } = collectingServer({
      ...(await encrypted('tls')),
      limits: { messageBytes: 200 * MEGABYTE },
      handler: {
        message: async (_, { content }) => {
          for await (const block of content) {
            hash.update(block);
            most = Math.max(most, usedBytes());
          }
          return { code: 250, enhanced: '2.6.0', text: 'Hashed' };
        },
      },
    });
    const { trusted } = await testCertificates();
    const client = connect({ port: await listening(server), host: '127.0.0.1', servername: 'localhost', ca: trusted });
    let heard = '';
    client.on('data', (block: Buffer) => (heard += block.toString()));
    const say = async (bytes: string | Uint8Array): Promise<void> => {
      if (!client.write(bytes)) await once(client, 'drain');
    };
    await once(client, 'secureConnect');
    await say('EHLO a\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n');
    const part = parts(false);
    const onWire = parts(command === 'DATA');
    if (command === 'DATA') await say('DATA\r\n');
    for (let count = 0; count < PARTS; count += 1) {
      if (command === 'BDAT') await say(`BDAT ${part.length}\r\n`);
      await say(onWire);
      expected.update(part);
    }
    await say(command === 'DATA' ? '.\r\nQUIT\r\n' : 'BDAT 0 LAST\r\nQUIT\r\n');
    await once(client, 'close');
    expect(heard).toContain('250 2.6.0 Hashed\r\n221 ');
    expect(hash.digest('hex')).toBe(expected.digest('hex'));
    expect(most - before).toBeLessThan(64 * MEGABYTE);
  });
});
