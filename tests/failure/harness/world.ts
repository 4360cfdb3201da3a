/** What a row of the failure suite has around it: a folder, a ledger, a sink, and services that are gone afterwards. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ledger } from './ledger.ts';
import { MAILBOX, RECIPIENT, type TestMessage } from './messages.ts';
import { Service, type ServiceOptions } from './service.ts';
import { Sink } from './sink.ts';
import { LineBroken, SmtpClient, type Reply } from './smtp-client.ts';

/** A row's surroundings. Close it after use. */
export class World implements AsyncDisposable {
  readonly folder: string;
  readonly ledger: Ledger;
  readonly sink: Sink;
  readonly #services: Service[] = [];

  private constructor(folder: string, ledger: Ledger, sink: Sink) {
    this.folder = folder;
    this.ledger = ledger;
    this.sink = sink;
  }

  /** Makes a world; its files lie in memory where that is possible: a kill takes nothing that was written. */
  static async make(): Promise<World> {
    const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'failure-'));
    const ledger = new Ledger(folder);
    return new World(folder, ledger, await Sink.start(ledger.deliveredFile));
  }

  /** A service that leads to the sink, not started yet. */
  service(options: Omit<ServiceOptions, 'sink' | 'folder'> & { readonly name?: string } = {}): Service {
    const { name = `service-${this.#services.length}`, ...rest } = options;
    const folder = join(this.folder, name);
    mkdirSync(folder, { recursive: true });
    const service = new Service({ ...rest, sink: this.sink, folder });
    this.#services.push(service);
    return service;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const service of this.#services) {
      await service.kill();
      service.keepEvents();
    }
    await this.sink.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** How a message is handed in. */
export interface SubmitOptions {
  /** Called once so many pieces of 64 kB were sent. */
  readonly afterPieces?: ((pieces: number) => void) | undefined;
  readonly sender?: string;
}

/** Hands a message in once and writes down a 250; gives the reply, or `undefined` where the line broke before it. */
export async function submitOnce(
  port: number,
  message: TestMessage,
  ledger: Ledger,
  { afterPieces, sender = MAILBOX }: SubmitOptions = {},
): Promise<Reply | undefined> {
  let client: SmtpClient | undefined;
  try {
    client = await SmtpClient.connect(port);
    const reply = await client.submit(sender, [RECIPIENT], message.bytes, afterPieces);
    if (reply.code === 250) {
      const queueId = /Queued as (\w+)/.exec(reply.text)?.[1] ?? '';
      ledger.accept({ id: message.id, sha: message.sha, queueId });
    }
    return reply;
  } catch (error) {
    if (error instanceof LineBroken) return undefined;
    throw error;
  } finally {
    client?.close();
  }
}

/** Waits until `holds` does, looking now and then. Gives whether it did within `timeoutMs`. */
export async function eventually(holds: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<boolean> {
  const untilMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > untilMs) return false;
    // oxlint-disable-next-line promise/avoid-new -- a look now and then
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}
