/** The client of `load.ts` where there is none in C: the same options, the same report. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { recipientOf, textOf } from '../workload.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    port: { ...text, short: 'p', default: '2525' },
    clients: { ...text, short: 'c', default: '1' },
    messages: { ...text, short: 'n', default: '1' },
    size: { ...text, short: 's', default: '10240' },
    first: { ...text, short: 'i', default: '0' },
    each: { ...text, short: 'k', default: '0' },
    rate: { ...text, short: 'r', default: '0' },
    from: { ...text, short: 'f', default: 'app@example.com' },
    sender: { ...text, short: 'F', default: 'app@example.com' },
    out: { ...text, short: 'o', default: '' },
  },
});
const [messages, first, rate] = [Number(values.messages), Number(values.first), Number(values.rate)];
const body = textOf(Number(values.size));

/** One dialogue, a reply at a time. */
class Client {
  readonly #socket: Socket;
  #unread = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
  }

  static async open(): Promise<Client> {
    const client = new Client(connect(Number(values.port), '127.0.0.1'));
    await client.#reply();
    await client.#say('EHLO bench.example.com\r\n');
    return client;
  }

  async send(id: number): Promise<void> {
    await this.#say(`MAIL FROM:<${values.sender}>\r\n`);
    await this.#say(`RCPT TO:<${recipientOf(id)}>\r\n`);
    await this.#say('DATA\r\n');
    const header = [
      `From: <${values.from}>`,
      `To: <${recipientOf(id)}>`,
      `Subject: bench message ${id}`,
      'Date: Mon, 01 Jun 2026 12:00:00 +0000',
      `Message-ID: <${id}@bench.example.com>`,
      `X-Bench-Id: ${id}`,
    ];
    await this.#say(`${header.join('\r\n')}\r\n\r\n${body}.\r\n`);
  }

  async quit(): Promise<void> {
    await this.#say('QUIT\r\n');
    this.#socket.destroy();
  }

  async #say(lines: string): Promise<void> {
    this.#socket.write(lines, 'latin1');
    const reply = await this.#reply();
    if (!/^[23]/.test(reply)) throw new Error(reply);
  }

  async #reply(): Promise<string> {
    for (;;) {
      const found = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/.exec(this.#unread);
      if (found !== null) {
        this.#unread = this.#unread.slice(found[0].length);
        return found[0];
      }
      const [part] = (await once(this.#socket, 'data')) as [string];
      this.#unread += part;
    }
  }
}

const nowNs = (): number => Number(process.hrtime.bigint());
const started: number[] = [];
const accepted: number[] = [];
let next = 0;
let failed = 0;

async function waitForTurn(index: number, beginNs: number): Promise<void> {
  if (rate === 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, Math.max(0, (beginNs + (index / rate) * 1e9 - nowNs()) / 1e6));
  await promise;
}

async function work(beginNs: number): Promise<void> {
  let client: Client | undefined;
  for (let index = next++; index < messages; index = next++) {
    await waitForTurn(index, beginNs);
    started[index] = nowNs();
    accepted[index] = 0;
    try {
      client ??= await Client.open();
      await client.send(first + index);
      accepted[index] = nowNs();
    } catch {
      failed += 1;
      client = undefined;
    }
    if (values.each !== '1') continue;
    await client?.quit();
    client = undefined;
  }
  await client?.quit();
}

const beginNs = nowNs();
await Promise.all(Array.from({ length: Number(values.clients) }, () => work(beginNs)));
const seconds = (nowNs() - beginNs) / 1e9;
const took = accepted
  .flatMap((at, index) => (at === 0 ? [] : [(at - (started[index] ?? at)) / 1e6]))
  .toSorted((a, b) => a - b);
const cpu = process.cpuUsage();
if (values.out !== '')
  writeFileSync(values.out, accepted.map((at, index) => `${first + index} ${started[index] ?? 0} ${at}\n`).join(''));
console.log(
  JSON.stringify({
    accepted: took.length,
    failed,
    rate: took.length / seconds,
    p50_ms: took[Math.floor(0.5 * (took.length - 1))] ?? 0,
    p99_ms: took[Math.floor(0.99 * (took.length - 1))] ?? 0,
    t0_ns: beginNs,
    cpu_s: (cpu.user + cpu.system) / 1e6,
  }),
);
