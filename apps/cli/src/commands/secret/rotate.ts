/** `postbearer secret rotate`: a new client secret, proved, switched to, the old one removed after the grace. */
import type { SecretIssuer, RotationOutcome, RotationStep } from '@postbearer/secrets';
import { rotateSecret } from '@postbearer/secrets';
import type { DefineCommand } from '../../command-table.ts';
import { need } from '../../control-options.ts';
import { durationOf } from '../../duration.ts';
import { EXIT } from '../../exit-codes.ts';
import { directoryOfApp, graphIssuer, ownSecret, rotationOf, type OwnSecret } from '../../secret/own-secret.ts';
import { addSettingsOptions, requireSettings, type SettingsFlags } from '../../settings-options.ts';
import { addGraphOptions, openGraph, type GraphFlags } from '../../setup/graph-access.ts';
import { readRecord, writeRecord } from '../../setup/setup-record.ts';
import { StepLines } from '../../setup/step-lines.ts';
import type { Terminal } from '../../terminal.ts';

interface RotateFlags extends SettingsFlags, GraphFlags {
  readonly upstream: string;
  readonly asApp?: true;
  /** Milliseconds. */
  readonly grace: number;
  readonly lifetime: number;
  readonly continue?: true;
}

const DAY_MS = 24 * 3_600_000;
const MONTH_MS = 30.44 * DAY_MS;

const WORDS: Readonly<Record<RotationStep, string>> = {
  resumed: 'a rotation stood open; going on with it',
  'leftover-removed': 'a secret that an interrupted rotation left was removed',
  added: 'a new client secret was made',
  proved: 'it was proved by a token and a sign-in',
  switched: 'it is in use',
  'proved-again': 'it was proved again',
  'old-removed': 'the old one was removed',
};

async function issuerOf(flags: RotateFlags, own: OwnSecret, terminal: Terminal): Promise<SecretIssuer> {
  if (flags.asApp === true) return graphIssuer(directoryOfApp(own, flags, terminal), own.clientId);
  const lines = new StepLines(terminal);
  const { directory } = await openGraph(flags, terminal, (wait) => lines.wait(wait));
  return graphIssuer(directory, own.clientId);
}

/** What the set-up noted of the secret is true again. */
async function noteNew(own: OwnSecret, issuer: SecretIssuer, keyId: string): Promise<void> {
  const settingsFile = own.settings.file;
  const record = settingsFile === undefined ? undefined : await readRecord(settingsFile);
  if (settingsFile === undefined || record?.clientId !== own.clientId) return;
  const listed = need(await issuer.list());
  const facts = listed.find((secret) => secret.keyId === keyId);
  if (facts === undefined || own.file === undefined) return;
  const { hint, startsAt, endsAt } = facts;
  await writeRecord(settingsFile, { ...record, secret: { keyId, hint, startsAt, endsAt, file: own.file } });
}

function sentence(outcome: RotationOutcome): string {
  switch (outcome.state) {
    case 'idle':
      return 'No rotation stands open; nothing was done.\n';
    case 'in-grace':
      return `The new secret is in use until ${new Date(outcome.newEndsAt).toISOString().slice(0, 10)}. The old one is valid until it is removed: run\n  postbearer secret rotate --continue\nafter ${new Date(outcome.removeAt).toISOString().slice(0, 16).replace('T', ' ')} UTC. Until then postbearer secret rollback goes back to it.\n`;
    case 'done':
      return `Done. The secret in use ends on ${new Date(outcome.newEndsAt).toISOString().slice(0, 10)}.\n`;
  }
}

async function run(flags: RotateFlags, terminal: Terminal): Promise<number> {
  const settings = await requireSettings(flags, terminal);
  if (settings === undefined) return EXIT.settings;
  const own = ownSecret(settings, flags.upstream);
  const issuer = await issuerOf(flags, own, terminal);
  const options = rotationOf(own, issuer, terminal, {
    graceMs: flags.grace,
    lifetimeMs: flags.lifetime * MONTH_MS,
    onStep: (step) => terminal.err(`${terminal.style('green', '✓')} ${WORDS[step]}\n`),
  });
  const outcome = need(await rotateSecret(options, flags.continue !== true));
  if (outcome.state !== 'idle') await noteNew(own, issuer, outcome.newKeyId);
  terminal.out(flags.json === true ? `${JSON.stringify(outcome)}\n` : sentence(outcome));
  return EXIT.ok;
}

/** Adds the options and the action of `postbearer secret rotate`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Makes a new client secret beside the old one, proves it by a token and a sign-in, switches to it without a restart, and removes the old one after a time of grace. Run again after any failure, it goes on where it stopped.',
    )
    .option('--upstream <name>', 'whose secret', 'default')
    .option(
      '--as-app',
      'as the app itself, which needs Application.ReadWrite.OwnedBy of Microsoft Graph and to be its own owner',
    )
    .option(
      '--grace <time>',
      'how long the old secret stays valid: 0, 2h, 1d',
      (text) => durationOf('--grace', text),
      DAY_MS,
    )
    .option('--lifetime <months>', 'when the new secret ends', Number, 12)
    .option('--continue', 'only go on with a rotation that stands open')
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer secret rotate --token-stdin < token.txt\n  postbearer secret rotate --as-app --grace 2d\n  postbearer secret rotate --as-app --continue\n',
    );
  addGraphOptions(addSettingsOptions(command)).action(async (flags: RotateFlags) => finish(await run(flags, terminal)));
};
