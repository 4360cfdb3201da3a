/**
 * Row R22: clients by the thousand that stop in the middle cost bounded memory, delay nobody, and are gone after their time.
 *
 * The service is a process of its own; its memory and its files are looked at from outside.
 */
import { readdirSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect, test } from 'vitest';
import { MAILBOX, RECIPIENT } from './harness/messages.ts';
import { size } from './harness/rows.ts';
import { SmtpClient } from './harness/smtp-client.ts';
import { World } from './harness/world.ts';

const EACH = size(50, 1000);
const PER_CLIENT = 50;
const TIMEOUT_MS = size(8_000, 60_000);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  const address = server.address();
  await new Promise<void>((done) => {
    server.close(() => done());
  });
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Opens connections from so many addresses that none is over its share, a few hundred at a time. */
async function openAll(
  count: number,
  network: number,
  open: (localAddress: string) => Promise<Socket>,
): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let from = 0; from < count; from += 200) {
    const batch = Array.from({ length: Math.min(200, count - from) }, async (_, index) => {
      const client = Math.floor((from + index) / PER_CLIENT);
      return await open(`127.${network}.${Math.floor(client / 200)}.${(client % 200) + 1}`);
    });
    sockets.push(...(await Promise.all(batch)));
  }
  return sockets;
}

async function dial(port: number, localAddress: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => undefined);
  await new Promise<void>((done) => {
    socket.once('connect', done).once('close', done);
  });
  return socket;
}

/** Says lines one after the other, each after something was heard, and then nothing more. */
async function sayInTurn(socket: Socket, lines: readonly string[]): Promise<Socket> {
  for (const line of ['', ...lines]) {
    if (socket.destroyed) break;
    if (line !== '') socket.write(line);
    await new Promise<void>((done) => {
      socket.once('data', () => done()).once('close', () => done());
    });
  }
  socket.resume();
  return socket;
}

async function secure(port: number, localAddress: string): Promise<Socket> {
  const plain = await dial(port, localAddress);
  const socket = connectTls({ socket: plain, rejectUnauthorized: false });
  socket.on('error', () => undefined);
  return socket;
}

/** The slowest of 100 but one, milliseconds, of an honest client that hands in messages one after the other. */
async function honestP99(port: number): Promise<number> {
  const times: number[] = [];
  const client = await SmtpClient.connect(port);
  for (let index = 0; index < 100; index += 1) {
    const begun = performance.now();
    const reply = await client.submit(MAILBOX, [RECIPIENT], Buffer.from(`Subject: honest ${index}\r\n\r\nx\r\n`));
    expect(reply.code).toBe(250);
    times.push(performance.now() - begun);
  }
  client.close();
  return times.toSorted((a, b) => a - b)[98] ?? 0;
}

test('thousands of stalled clients: bounded memory, an honest one is served, all are closed in time', async () => {
  await using world = await World.make();
  const [plain, tls] = [await freePort(), await freePort()];
  const limits = { connections: 10_000, connectionsPerClient: PER_CLIENT };
  const service = world.service({
    service: {
      listeners: [
        { port: plain, security: 'plain' },
        { port: tls, security: 'tls' },
      ],
      connections: limits,
      clientTimeouts: {
        commandMs: TIMEOUT_MS,
        dataBlockMs: TIMEOUT_MS,
        messageMs: TIMEOUT_MS,
        tlsHandshakeMs: TIMEOUT_MS,
        replyMs: TIMEOUT_MS,
        lingerMs: 500,
      },
    },
  });
  await service.start();
  const files = (): number => readdirSync(`/proc/${service.pid}/fd`).length;
  const lone = await honestP99(plain);
  const [memoryBefore, filesBefore] = [await service.memory(), files()];

  const kinds: Readonly<Record<string, (from: string) => Promise<Socket>>> = {
    'says nothing': async (from) => await sayInTurn(await dial(plain, from), []),
    'says half a command': async (from) => {
      const socket = await dial(plain, from);
      socket.write('EHLO half');
      socket.resume();
      return socket;
    },
    'stops within DATA': async (from) =>
      await sayInTurn(await dial(plain, from), [
        'EHLO x\r\n',
        `MAIL FROM:<${MAILBOX}>\r\n`,
        `RCPT TO:<${RECIPIENT}>\r\n`,
        'DATA\r\n',
      ]).then((socket) => {
        socket.write(`Subject: half\r\n\r\n${'x'.repeat(200)}`);
        return socket;
      }),
    'reads nothing': async (from) => {
      const socket = await dial(plain, from);
      socket.pause();
      socket.write(
        `EHLO x\r\n${`MAIL FROM:<${MAILBOX}>\r\n${`RCPT TO:<${RECIPIENT}>\r\n`.repeat(200)}RSET\r\n`.repeat(5)}`,
      );
      return socket;
    },
    'stops within the TLS handshake': async (from) => {
      const socket = await dial(tls, from);
      socket.write(Buffer.from('160301020001', 'hex'));
      socket.resume();
      return socket;
    },
    'stops within AUTH': async (from) => await sayInTurn(await secure(tls, from), ['EHLO x\r\n', 'AUTH LOGIN\r\n']),
  };
  const sockets: Socket[] = [];
  await using stack = new AsyncDisposableStack();
  stack.defer(() => {
    for (const socket of sockets) socket.destroy();
  });
  const grown: string[] = [];
  let last = memoryBefore;
  for (const [index, [name, open]] of Object.entries(kinds).entries()) {
    sockets.push(...(await openAll(EACH, index + 1, open)));
    const now = await service.memory();
    grown.push(`${name} ${((now - last) / 1_000_000).toFixed(0)} MB`);
    last = now;
  }
  const growth = (last - memoryBefore) / 1_000_000;
  const besides = await honestP99(plain);
  console.log(
    `R22: ${sockets.length} stalled, +${growth.toFixed(0)} MB (${grown.join(', ')}), ${files() - filesBefore} files; honest p99 ${lone.toFixed(0)} ms alone, ${besides.toFixed(0)} ms beside them`,
  );
  // 100 MB for each thousand without TLS, 200 MB with; in the small form what the process itself takes meanwhile counts more.
  expect(growth).toBeLessThan(Math.max(150, (EACH / 1000) * (4 * 100 + 2 * 200)));
  expect(besides).toBeLessThan(Math.max(2 * lone, 1000));

  await expect.poll(files, { timeout: 60_000 + 2 * TIMEOUT_MS, interval: 250 }).toBeLessThanOrEqual(filesBefore + 5);
  // Nothing of what was half is in the queue.
  const listed = await service.list();
  expect(listed).toHaveLength(200);
  await service.stop();
}, 400_000);
