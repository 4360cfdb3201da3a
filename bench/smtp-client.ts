/**
 * `npm run bench -- smtp-client`: how fast the SMTP client is, next to nodemailer's pool, and how much memory it takes.
 *
 * Every figure of a comparison comes from rounds in turn (one client, then the other), each in a process of its own, to the
 * same sink; medians count, and ratios count more than rates, since machines differ. `--quick` makes one short round to see
 * that everything works; its figures mean little and are not kept.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { AttachmentMeasurement } from './clients/attachment.ts';
import type { ClientTask, Measurement } from './clients/measure.ts';
import { LAYERS, writeReport, type ClientName, type Comparison, type Layer, type Round } from './report.ts';
import { openSinkWorkshop, type SinkWorkshop } from './sink/sink.ts';
import { startTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';

const isQuick = process.argv.includes('--quick');
const plan = isQuick
  ? { rounds: 1, messages: 1000, longMessages: 5000, sizeBytes: 10_240 }
  : { rounds: 7, messages: 20_000, longMessages: 100_000, sizeBytes: 10_240 };

const runProgram = promisify(execFile);

async function runClient<T>(name: string, task: ClientTask, nodeOptions: readonly string[] = []): Promise<T> {
  const program = join(import.meta.dirname, 'clients', `${name}.ts`);
  const { stdout } = await runProgram(process.execPath, [...nodeOptions, program, JSON.stringify(task)]);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are in this folder
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as T;
}

interface Ground {
  readonly workshop: SinkWorkshop;
  readonly tokens: TokenEndpoint;
}

async function compare(ground: Ground, layer: Layer, connections: number, chunking: boolean): Promise<Comparison> {
  const { workshop, tokens } = ground;
  await using sink = await workshop.start({ chunking });
  const rounds: Record<ClientName, Round[]> = { nodemailer: [], postbearer: [] };
  const limits: number[] = [];
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const name of ['nodemailer', 'postbearer'] as const) {
      await sink.reset();
      tokens.takeCount();
      const { messages, sizeBytes } = plan;
      const { port } = sink;
      const task = {
        port,
        connections,
        messages,
        sizeBytes,
        firstId: 0,
        caPem: workshop.caPem,
        tokenEndpoint: tokens.url,
      };
      const measured = await runClient<Measurement>(LAYERS[layer][name], task);
      rounds[name].push({ ...measured, server: await sink.counts(), tokenRequests: tokens.takeCount() });
      console.log(
        `${layer}, ${connections} connections, round ${round + 1}, ${name}: ${Math.round(measured.ratePerSecond)}/s, ${measured.cpuMicrosPerMessage.toFixed(0)} µs CPU a message`,
      );
    }
    await sink.reset();
    const limit = workshop.machineLimit(sink, { connections, messages: plan.messages, sizeBytes: plan.sizeBytes });
    if (limit !== undefined) limits.push(limit);
  }
  return { layer, connections, chunking, rounds, limits };
}

async function measureMemory(ground: Ground): Promise<{ long: Round; attachment: AttachmentMeasurement }> {
  const { workshop, tokens } = ground;
  await using sink = await workshop.start({ chunking: false });
  const common = {
    port: sink.port,
    connections: 3,
    sizeBytes: plan.sizeBytes,
    firstId: 0,
    caPem: workshop.caPem,
    tokenEndpoint: tokens.url,
  };
  await sink.reset();
  tokens.takeCount();
  const measured = await runClient<Measurement>('postbearer', { ...common, messages: plan.longMessages }, [
    '--expose-gc',
  ]);
  const long = { ...measured, server: await sink.counts(), tokenRequests: tokens.takeCount() };
  const attachment = await runClient<AttachmentMeasurement>('attachment', { ...common, messages: 1 });
  return { long, attachment };
}

using workshop = await openSinkWorkshop();
await using tokens = await startTokenEndpoint();
const ground = { workshop, tokens };
const comparisons = [
  await compare(ground, 'pool, whole messages', 3, false),
  await compare(ground, 'pool, whole messages', 20, false),
  await compare(ground, 'pool, whole messages', 3, true),
  await compare(ground, 'mailer, raw', 3, false),
  await compare(ground, 'mailer, text', 3, false),
];
const memory = await measureMemory(ground);
console.log(`\n${writeReport({ plan, sinkKind: workshop.kind, comparisons, ...memory }, { keep: !isQuick })}`);
