/** A service with its HTTP API in front of a local Microsoft 365, as the tests of the API need it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { PostbearerEvent } from '@postbearer/core';
import { startEmulator, type Emulator } from '@postbearer/emulator';
import { startServer, type KeyInput, type Server, type ServiceSettings } from '@postbearer/server';
import { readSettings } from '@postbearer/settings';
import { DocumentCheck, type ApiDocument } from '../../apps/server/src/api/http/testing/document-check.ts';

/** What a request to the API has beside its path. */
export interface ApiRequest {
  readonly method?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** A list is sent piece by piece, without its length. */
  readonly body?: string | Uint8Array | FormData | readonly Uint8Array[];
}

type Body = NonNullable<ApiRequest['body']>;

function isPieces(body: Body): body is readonly Uint8Array[] {
  return Array.isArray(body);
}

function bodyOf(body: Body): BodyInit {
  if (isPieces(body)) return Readable.toWeb(Readable.from(body)) as ReadableStream;
  return body instanceof Uint8Array ? new Uint8Array(body) : body;
}

/** A service, its API and what it delivers. */
export class ApiWorld {
  readonly emulator: Emulator;
  readonly folder: string;
  readonly events: PostbearerEvent[] = [];
  /** What was not expected. */
  readonly errors: unknown[] = [];
  readonly #service: ServiceSettings;
  #server: Server | undefined;
  #check: DocumentCheck | undefined;

  private constructor(emulator: Emulator, folder: string, service: ServiceSettings) {
    this.emulator = emulator;
    this.folder = folder;
    this.#service = {
      listeners: [],
      apiListeners: [{ port: 0, security: 'plain' }],
      hostname: 'relay.example',
      ...service,
    };
  }

  /** Starts all of it. */
  static async start(service: ServiceSettings = {}): Promise<ApiWorld> {
    const emulator = await startEmulator({ pace: Number.POSITIVE_INFINITY });
    const world = new ApiWorld(emulator, await mkdtemp(join(tmpdir(), 'postbearer-api-')), service);
    try {
      await world.#serve();
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('The service has not started.');
    return this.#server;
  }

  /** The address of the API. */
  get url(): string {
    const [address] = this.server.apiAddresses;
    return `${address?.security === 'tls' ? 'https' : 'http'}://127.0.0.1:${address?.port ?? 0}`;
  }

  /** Adds a key and gives its secret. */
  async addKey(key: Partial<KeyInput> = {}): Promise<string> {
    const input = { name: 'shop', scopes: ['send'] as const, mailboxes: [this.emulator.defaults.mailbox], ...key };
    const added = await this.server.control.addKey({ key: input, actor: 'test' });
    if (!added.ok) throw new Error(added.fault.message);
    return added.value.secret;
  }

  /** Asks the API; throws where the answer is not what its OpenAPI document says. */
  async ask(path: string, { method, key, headers = {}, json, body }: ApiRequest = {}): Promise<Response> {
    const asked = method ?? (json === undefined && body === undefined ? 'GET' : 'POST');
    const answer = await fetch(`${this.url}${path}`, {
      method: asked,
      headers: {
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(body === undefined ? {} : { body: bodyOf(body), duplex: 'half' }),
    });
    this.#check ??= new DocumentCheck((await (await fetch(`${this.url}/v1/openapi.json`)).json()) as ApiDocument);
    const isJson = (answer.headers.get('content-type') ?? '').includes('json');
    const copy = isJson ? answer.clone() : answer;
    const problem = await this.#check.problemWith(asked, path.split('?', 1)[0] ?? '', copy);
    if (problem !== undefined) throw new Error(problem);
    return answer;
  }

  /** Ends the service and starts it again on the same data. */
  async restart(): Promise<void> {
    await this.server.close({ graceMs: 0 });
    await this.#serve();
  }

  /** Ends all of it. */
  async close(): Promise<void> {
    await this.#server?.close({ graceMs: 0 });
    await this.emulator.close();
    await rm(this.folder, { recursive: true });
  }

  async #serve(): Promise<void> {
    const mailbox = { upstream: 'default', pace: { messagesPerMinute: 60_000 } };
    const postbearer = { mailboxes: { [this.emulator.defaults.mailbox]: mailbox } };
    const configFile = join(this.folder, 'Global-variables.json');
    await writeFile(configFile, JSON.stringify({ ...this.emulator.settings(), postbearer }));
    const reading = await readSettings({ configFile, environment: {}, workingFolder: this.folder });
    if (reading.settings === undefined) throw new Error(JSON.stringify(reading.findings));
    const started = await startServer({
      settings: reading.settings,
      dataFolder: join(this.folder, 'data'),
      environment: {},
      service: this.#service,
      onEvent: (event) => this.events.push(event),
      onError: (error) => this.errors.push(error),
    });
    if (!started.ok) throw new Error(started.fault.message);
    this.#server = started.value;
  }
}
