/**
 * Row R23: messages of 50 MB in and out at once (ten in the long form), with the size limit raised, cost little memory and come out whole; one byte
 * more is refused at SIZE, and within 64 kB of the limit where nothing was said of its size.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { MAILBOX, RECIPIENT } from './harness/messages.ts';
import { size } from './harness/rows.ts';
import { SmtpClient } from './harness/smtp-client.ts';
import { World } from './harness/world.ts';

const LIMIT = 50 * 1024 * 1024;
const COUNT = size(4, 10);
const LINE = Buffer.from(`${'0123456789abcdef'.repeat(60)}\r\n`);

/** Writes as fast as the other side reads. */
async function writeAll(socket: Socket, block: Buffer, times: number): Promise<void> {
  for (let index = 0; index < times && !socket.destroyed; index += 1) {
    if (!socket.write(block)) await once(socket, 'drain');
  }
}

/** A session up to 354; gives its socket and a way to the next reply. */
async function toContent(port: number): Promise<{ socket: Socket; reply: () => Promise<string> }> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  let heard = '';
  const reply = async (): Promise<string> => {
    for (;;) {
      const found = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/.exec(heard)?.[0];
      if (found !== undefined) {
        heard = heard.slice(found.length);
        return found;
      }
      const [part] = (await once(socket, 'data')) as [Buffer];
      heard += part.toString('latin1');
    }
  };
  await reply();
  for (const line of ['EHLO x', `MAIL FROM:<${MAILBOX}>`, `RCPT TO:<${RECIPIENT}>`, 'DATA']) {
    socket.write(`${line}\r\n`);
    await reply();
  }
  return { socket, reply };
}

test('several of 50 MB at once: little memory, every byte; 51 MB is refused at once', async () => {
  await using world = await World.make();
  const service = world.service({
    service: { maxMessageBytes: LIMIT + 1024 * 1024, connections: { connectionsPerClient: 100 } },
  });
  await service.start();
  // What ordinary mail makes of a process that has just started is no matter of this row.
  const warm = await SmtpClient.connect(service.smtpPort);
  const ordinary = Buffer.concat([Buffer.from('Subject: ordinary\r\n\r\n'), ...Array.from({ length: 30 }, () => LINE)]);
  for (let index = 0; index < 300; index += 1) await warm.submit(MAILBOX, [RECIPIENT], ordinary);
  warm.close();
  expect(await service.drain()).toEqual([]);
  const before = await service.memory();
  let peak = before;
  const watch = { isOn: true };
  const watching = (async () => {
    while (watch.isOn) {
      peak = Math.max(peak, await service.memory());
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();

  const block = Buffer.concat(Array.from({ length: 64 }, () => LINE));
  const times = Math.floor(LIMIT / block.length);
  const replies = await Promise.all(
    Array.from({ length: COUNT }, async (_, index) => {
      const { socket, reply } = await toContent(service.smtpPort);
      socket.write(`From: ${MAILBOX}\r\nDate: x\r\nMessage-ID: <${index}@x>\r\nX-Ledger: large-${index}\r\n\r\n`);
      await writeAll(socket, block, times);
      socket.write('.\r\n');
      const last = await reply();
      socket.destroy();
      return last.slice(0, 3);
    }),
  );
  expect(replies).toEqual(Array.from({ length: COUNT }, () => '250'));
  const afterIn = peak;
  expect(await service.drain(150_000)).toEqual([]);
  watch.isOn = false;
  await watching;
  const growth = (peak - before) / 1_000_000;
  console.log(
    `R23: ${COUNT} x ${((times * block.length) / 1_000_000).toFixed(0)} MB, +${((afterIn - before) / 1_000_000).toFixed(0)} MB while they came in, +${growth.toFixed(0)} MB in all`,
  );
  expect(growth).toBeLessThan(150);
}, 400_000);

test('a byte too many is refused at SIZE, and within 64 kB of the limit', async () => {
  await using world = await World.make();
  const service = world.service({ service: { maxMessageBytes: 2 * 1024 * 1024 } });
  await service.start();
  const client = await SmtpClient.connect(service.smtpPort);
  expect((await client.say(`MAIL FROM:<${MAILBOX}> SIZE=${2 * 1024 * 1024 + 1}`)).code).toBe(552);
  client.close();
  const { socket, reply } = await toContent(service.smtpPort);
  let sent = 0;
  const state = { isAnswered: false };
  const answered = reply().finally(() => {
    state.isAnswered = true;
  });
  while (!state.isAnswered && sent < 4 * 1024 * 1024) {
    socket.write(LINE);
    sent += LINE.length;
    // The other side is given the time to say that it is enough.
    if (sent > 2 * 1024 * 1024 - 64 * 1024) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await answered).toMatch(/^552 5\.3\.4/);
  console.log(`R23: refused ${sent - 2 * 1024 * 1024} bytes after the limit`);
  expect(sent - 2 * 1024 * 1024).toBeLessThanOrEqual(64 * 1024);
  socket.destroy();
  // Nothing of it is left.
  expect(await service.list()).toEqual([]);
}, 60_000);
