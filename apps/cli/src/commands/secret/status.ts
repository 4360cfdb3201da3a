/** `postbearer secret status`: whose secrets there are, where, and how long they last. */
import { resolveSecret, rotationDueAt } from '@postbearer/secrets';
import type { Settings } from '@postbearer/settings';
import type { DefineCommand } from '../../command-table.ts';
import { need } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { table } from '../../present/table.ts';
import { addSettingsOptions, requireSettings, type SettingsFlags } from '../../settings-options.ts';
import { addGraphOptions, openGraph, type GraphFlags } from '../../setup/graph-access.ts';
import { readRecord } from '../../setup/setup-record.ts';
import { StepLines } from '../../setup/step-lines.ts';
import type { Terminal } from '../../terminal.ts';
import { ownSecret } from '../../secret/own-secret.ts';

interface StatusFlags extends SettingsFlags, GraphFlags {
  readonly graph?: true;
}

interface SecretStatus {
  readonly upstream: string;
  readonly clientId: string;
  readonly place: string;
  /** The first three characters; absent where the secret cannot be read. */
  readonly hint?: string;
  readonly fault?: string;
  readonly endsAt?: string;
  readonly daysLeft?: number;
  readonly rotateFrom?: string;
  /** Where the end is known from. */
  readonly knownFrom?: 'microsoft-graph' | 'set-up';
}

interface Facts {
  readonly hint: string;
  readonly startsAt: number;
  readonly endsAt: number;
}

const DAY_MS = 24 * 3_600_000;

async function factsFromGraph(
  flags: StatusFlags,
  terminal: Terminal,
  clientId: string,
  hint: string,
): Promise<Facts | undefined> {
  const lines = new StepLines(terminal);
  const { directory } = await openGraph(flags, terminal, (wait) => lines.wait(wait));
  const application = need(await directory.findApplication({ appId: clientId }));
  return application?.secrets.find((secret) => secret.hint === hint);
}

async function factsFromSetup(settings: Settings, clientId: string, hint: string): Promise<Facts | undefined> {
  const record = settings.file === undefined ? undefined : await readRecord(settings.file);
  return record?.clientId === clientId && record.secret?.hint === hint ? record.secret : undefined;
}

async function statusOf(
  settings: Settings,
  name: string,
  flags: StatusFlags,
  terminal: Terminal,
): Promise<SecretStatus | undefined> {
  const authentication = settings.upstreams[name]?.oauth?.clientAuthentication;
  if (authentication === undefined || !('secret' in authentication)) return undefined;
  const own = ownSecret(settings, name);
  const base = { upstream: name, clientId: own.clientId, place: own.place };
  const secret = await resolveSecret(authentication.secret, { environment: terminal.environment });
  if (!secret.ok) return { ...base, fault: secret.fault.message };
  const hint = secret.value.reveal().slice(0, 3);
  const fromGraph = flags.graph === true ? await factsFromGraph(flags, terminal, own.clientId, hint) : undefined;
  const facts = fromGraph ?? (await factsFromSetup(settings, own.clientId, hint));
  if (facts === undefined) return { ...base, hint };
  return {
    ...base,
    hint,
    endsAt: new Date(facts.endsAt).toISOString(),
    daysLeft: Math.floor((facts.endsAt - Date.now()) / DAY_MS),
    rotateFrom: new Date(rotationDueAt(facts)).toISOString(),
    knownFrom: fromGraph === undefined ? 'set-up' : 'microsoft-graph',
  };
}

function shown(all: readonly SecretStatus[], terminal: Terminal): string {
  if (all.length === 0) return 'No upstream of the settings signs in with a client secret.\n';
  const rows = all.map(({ upstream, clientId, place, hint, fault, endsAt, daysLeft, rotateFrom }) => [
    upstream,
    clientId,
    place,
    hint === undefined ? '-' : `${hint}…`,
    endsAt?.slice(0, 10) ?? 'not known',
    daysLeft === undefined ? '-' : String(daysLeft),
    rotateFrom?.slice(0, 10) ?? fault ?? '-',
  ]);
  const heading = ['UPSTREAM', 'CLIENT ID', 'WHERE', 'HINT', 'ENDS', 'DAYS', 'ROTATE FROM'];
  const notes = all.some(({ endsAt, fault }) => endsAt === undefined && fault === undefined)
    ? '\nAn end that is not known stands in Microsoft Entra: postbearer secret status --graph --token-stdin < token.txt\n'
    : '';
  return `${table(heading, rows, terminal)}${notes}`;
}

async function run(flags: StatusFlags, terminal: Terminal): Promise<number> {
  const settings = await requireSettings(flags, terminal);
  if (settings === undefined) return EXIT.settings;
  const all: SecretStatus[] = [];
  for (const name of Object.keys(settings.upstreams)) {
    const status = await statusOf(settings, name, flags, terminal);
    if (status !== undefined) all.push(status);
  }
  terminal.out(flags.json === true ? `${JSON.stringify({ secrets: all }, undefined, 2)}\n` : shown(all, terminal));
  return EXIT.ok;
}

/** Adds the options and the action of `postbearer secret status`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Lists the client secrets of the settings: whose, where, their first three characters, when they end and from when on they should be rotated. No value is shown.',
    )
    .option('--graph', 'ask Microsoft Graph for the ends')
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer secret status\n  postbearer secret status --graph --token-stdin < token.txt\n',
    );
  addGraphOptions(addSettingsOptions(command)).action(async (flags: StatusFlags) => finish(await run(flags, terminal)));
};
