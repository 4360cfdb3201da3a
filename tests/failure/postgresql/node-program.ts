/**
 * One node of several, as a process of its own: `postbearer serve` on PostgreSQL with shorter times.
 *
 * `fork` it with a file of {@link NodeProgram} as JSON. It ends at SIGTERM as the command does.
 */
import { readFileSync } from 'node:fs';
import type { MailboxAddress } from '@postbearer/core';
import { startServer, type Server, type ServiceSettings } from '@postbearer/server';
import { readSettings } from '@postbearer/settings';

/** What a node is started with. */
export interface NodeProgram {
  readonly configFile: string;
  readonly dataFolder: string;
  /** PostgreSQL; SQLite in the data folder where it is left out. */
  readonly databaseUrl?: string;
  readonly service: ServiceSettings;
  readonly mailboxes: readonly MailboxAddress[];
}

/** What a node says: that it is there, why it is not, and after each delivery that it wrote down how many those were. */
export type NodeWord =
  | { readonly ready: { readonly port: number } }
  | { readonly failed: string }
  | { readonly delivered: number }
  | { readonly lanes: Readonly<Record<string, string>> };

function say(word: NodeWord): void {
  if (process.connected) process.send?.(word);
}

async function start(program: NodeProgram): Promise<Server> {
  const { databaseUrl } = program;
  const environment = databaseUrl === undefined ? {} : { POSTBEARER_DATABASE_URL: databaseUrl };
  const reading = await readSettings({ configFile: program.configFile, environment });
  if (reading.settings === undefined) throw new Error(JSON.stringify(reading.findings));
  let delivered = 0;
  const server = await startServer({
    settings: reading.settings,
    dataFolder: program.dataFolder,
    service: program.service,
    environment,
    onEvent(event) {
      if (event.name !== 'message.settled' || event.state !== 'delivered') return;
      delivered += 1;
      say({ delivered });
    },
  });
  if (!server.ok) throw new Error(`${server.fault.code}: ${server.fault.message}`);
  return server.value;
}

async function addApp({ control }: Server, { mailboxes }: NodeProgram): Promise<void> {
  const listed = await control.listApps({});
  if (listed.ok && listed.value.length > 0) return;
  const [first, ...others] = mailboxes;
  if (first === undefined) throw new Error('a node needs a mailbox');
  const app = { name: 'ledger', mailboxes: [first, ...others], networks: ['127.0.0.0/8'] } as const;
  const added = await control.addApp({ app, actor: 'test' });
  if (!added.ok) throw new Error(added.fault.message);
}

async function ownersOf({ control }: Server): Promise<Record<string, string>> {
  const status = await control.status({});
  if (!status.ok) return {};
  return Object.fromEntries(
    status.value.lanes.flatMap(({ lane, owner }) => (owner === undefined ? [] : [[lane, owner]])),
  );
}

async function main(file: string): Promise<void> {
  const program = JSON.parse(readFileSync(file, 'utf8')) as NodeProgram;
  const server = await start(program);
  await addApp(server, program);
  let isEnding = false;
  process.on('SIGTERM', () => {
    if (isEnding) process.exit(130);
    isEnding = true;
    void server.close().then(() => process.exit(0));
  });
  process.on('message', () => void ownersOf(server).then((lanes) => say({ lanes })));
  process.on('disconnect', () => process.exit(1));
  say({ ready: { port: server.addresses[0]?.port ?? 0 } });
}

try {
  await main(process.argv[2] ?? '');
} catch (error) {
  process.send?.({ failed: String(error) } satisfies NodeWord, () => process.exit(1));
}
