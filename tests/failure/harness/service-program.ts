/**
 * The service as a process of its own on a data folder, as `postbearer serve` runs it, with times and a clock that a test may set.
 *
 * `fork` it with a file of {@link ServiceProgram} as JSON. What it tells as events it publishes on the channel of the named points as
 * well: the dialogue with the upstream and the token.
 */
import { channel } from 'node:diagnostics_channel';
import { appendFileSync, readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { renderJson, systemClock, type PostbearerEvent } from '@postbearer/core';
import { startServer, type AppInput, type Server, type ServiceSettings } from '@postbearer/server';
import { readSettings } from '@postbearer/settings';
import { MovableClock } from './movable-clock.ts';

/** What the program is started with. */
export interface ServiceProgram {
  readonly configFile: string;
  readonly dataFolder: string;
  readonly service: ServiceSettings;
  readonly app: AppInput;
  /** Where each event is written, as a line of JSON. */
  readonly eventsFile: string;
  readonly hasMovableClock: boolean;
}

/** What it is asked. */
export type ServiceRequest = { readonly number: number } & (
  | { readonly ask: 'pass'; readonly ms: number }
  | { readonly ask: 'jump'; readonly ms: number }
  | { readonly ask: 'control'; readonly operation: string; readonly input: object }
  | { readonly ask: 'memory' }
);

/** What it says. */
export type ServiceWord =
  | { readonly ready: { readonly smtpPort: number; readonly httpPort: number; readonly key: string } }
  | { readonly failed: string }
  | { readonly number: number; readonly answer: unknown };

const points = channel('postbearer.point');

/** The point that an event stands for: `said MAIL`, `heard 250 2.1.0`, `token.acquired`. */
function pointOf(event: PostbearerEvent): string {
  if (event.name !== 'smtp.dialogue') return event.name;
  const { from, text } = event;
  if (from === 'client') return `said ${(text.split(/[ \r\n]/, 1)[0] ?? '').toUpperCase()}`;
  return `heard ${/^\d{3}(?: \d\.\d\.\d)?/.exec(text)?.[0] ?? ''}`;
}

function eventSink(file: string): (event: PostbearerEvent) => void {
  return (event) => {
    appendFileSync(file, `${renderJson(event, Date.now())}\n`);
    if (points.hasSubscribers) points.publish(pointOf(event));
  };
}

async function answer(request: ServiceRequest, server: Server, clock: MovableClock): Promise<unknown> {
  switch (request.ask) {
    case 'pass':
      return await clock.pass(request.ms);
    case 'jump':
      return clock.jump(request.ms);
    case 'control': {
      const operation = Reflect.get(server.control, request.operation) as (input: object) => Promise<unknown>;
      return await operation(request.input);
    }
    case 'memory':
      return process.memoryUsage.rss();
  }
}

async function start(program: ServiceProgram, clock: MovableClock): Promise<Server> {
  const reading = await readSettings({ configFile: program.configFile, environment: {} });
  if (reading.settings === undefined) throw new Error(JSON.stringify(reading.findings));
  const server = await startServer({
    settings: reading.settings,
    dataFolder: program.dataFolder,
    service: program.service,
    environment: {},
    clock: program.hasMovableClock ? clock : systemClock,
    dialogue: true,
    onEvent: eventSink(program.eventsFile),
  });
  if (!server.ok) throw new Error(`${server.fault.code}: ${server.fault.message}`);
  return server.value;
}

/** Makes the app and the key at the first start; gives the key, which is shown that once. */
async function addClients({ control }: Server, app: AppInput): Promise<string> {
  const actor = 'test';
  const apps = await control.listApps({});
  if (apps.ok && apps.value.length === 0) await control.addApp({ app, actor });
  const keys = await control.listKeys({});
  if (!keys.ok || keys.value.length > 0) return '';
  const { name, mailboxes } = app;
  const added = await control.addKey({ key: { name, scopes: ['send'], mailboxes }, actor });
  return added.ok ? added.value.secret : '';
}

async function main(file: string): Promise<void> {
  const program = JSON.parse(readFileSync(file, 'utf8')) as ServiceProgram;
  const clock = new MovableClock();
  const server = await start(program, clock);
  const key = await addClients(server, program.app);
  process.on('message', (request: ServiceRequest) => {
    void answer(request, server, clock).then((value) => process.send?.({ number: request.number, answer: value }));
  });
  let isEnding = false;
  const end = (): void => {
    // A second signal does not wait, as in the command.
    if (isEnding) process.exit(130);
    isEnding = true;
    void server.close().then(() => process.exit(0));
  };
  process.on('SIGTERM', end);
  process.on('disconnect', () => process.exit(1));
  // A process that is killed keeps nothing of what it compiled.
  flushCompileCache();
  const port = (security: string): number => server.addresses.find((each) => each.security === security)?.port ?? 0;
  process.send?.({
    ready: { smtpPort: port('plain'), httpPort: server.apiAddresses[0]?.port ?? 0, key },
  } satisfies ServiceWord);
}

try {
  await main(process.argv[2] ?? '');
} catch (error) {
  process.send?.({ failed: String(error) } satisfies ServiceWord, () => process.exit(1));
}
