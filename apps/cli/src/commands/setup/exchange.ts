/** `postbearer setup exchange`: the PowerShell script for Exchange Online, with every value filled in. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseMailboxAddress, type ExchangePlan } from '@postbearer/core';
import { upstreamAccess } from '@postbearer/diagnosis';
import { planExchange, renderExchangeScript, type SendingMailbox } from '@postbearer/microsoft365';
import type { Settings, Upstream } from '@postbearer/settings';
import { InvalidArgumentError, Option } from 'commander';
import { CommandFailure } from '../../command-failure.ts';
import type { DefineCommand } from '../../command-table.ts';
import { need } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { addSettingsOptions, requireSettings, type SettingsFlags } from '../../settings-options.ts';
import { setupFaults } from '../../setup/faults.ts';
import { readRecord, type SetupRecord } from '../../setup/setup-record.ts';
import type { Terminal } from '../../terminal.ts';

interface ExchangeFlags extends SettingsFlags {
  readonly model?: ExchangePlan['model'];
  readonly mailbox?: readonly string[];
  readonly organization?: true;
  readonly group?: string;
  readonly objectId?: string;
  readonly output?: string;
  readonly upstream: string;
}

const SCRIPT = 'Set-PostbearerExchange.ps1';

function collectAddress(text: string, before: readonly string[] = []): readonly string[] {
  if (!parseMailboxAddress(text).ok)
    throw new InvalidArgumentError('It must be a mail address such as notifications@contoso.com.');
  return [...before, text];
}

function guid(text: string): string {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text))
    throw new InvalidArgumentError('It must be an ID such as 8f0e7c52-1b1d-4c0a-a2a3-5f2b6d7e9c10.');
  return text;
}

/** The mailboxes that send through an upstream, with what else they send as. */
function mailboxesOf(
  settings: Settings,
  upstream: Upstream,
  named: readonly string[] | undefined,
): readonly SendingMailbox[] {
  if (named !== undefined) return named.map((mailbox) => ({ mailbox }));
  const own = upstream.username === undefined ? [] : [upstream.username];
  const from = upstream.fromAddress === undefined ? [] : [upstream.fromAddress];
  const others = Object.entries(settings.mailboxes).filter(([, { upstream: name }]) => name === upstream.name);
  return [
    ...own.map((mailbox) => ({ mailbox, from })),
    ...others.map(([mailbox, each]) => ({ mailbox, from: each.from })),
  ];
}

/** A token says the object ID of its enterprise application; that is what Exchange wants to know. */
async function objectIdFromToken(settings: Settings, name: string, terminal: Terminal): Promise<string | undefined> {
  const access = upstreamAccess(settings, name, { environment: terminal.environment });
  if (!access.ok) return undefined;
  try {
    const token = await access.value.token?.({ signal: terminal.signal });
    return token?.ok === true ? access.value.context().claims?.oid : undefined;
  } finally {
    access.value.close();
  }
}

async function run(flags: ExchangeFlags, terminal: Terminal): Promise<number> {
  const settings = await requireSettings(flags, terminal);
  if (settings === undefined) return EXIT.settings;
  const upstream = settings.upstreams[flags.upstream];
  const clientId = upstream?.oauth?.clientId ?? '';
  if (upstream === undefined || clientId === '')
    throw CommandFailure.usage(
      `The settings have no upstream ${flags.upstream} with OAuth and a client ID; run postbearer setup entra first.`,
    );
  const record = settings.file === undefined ? undefined : await readRecord(settings.file);
  const known = record?.clientId === clientId ? record : undefined;
  const objectId =
    flags.objectId ?? known?.servicePrincipalObjectId ?? (await objectIdFromToken(settings, flags.upstream, terminal));
  if (objectId === undefined) throw CommandFailure.of(setupFaults.make('CLI_OBJECT_ID_UNKNOWN', { clientId }));
  const mailboxes = mailboxesOf(settings, upstream, flags.mailbox);
  const plan = planExchange({
    model: flags.model ?? known?.model ?? 'mailbox-permission',
    appId: clientId,
    objectId,
    displayName: known?.displayName ?? 'Postbearer',
    mailboxes,
    organization: flags.organization === true,
    ...(flags.group === undefined ? {} : { group: flags.group }),
  });
  return await tell(flags, plan, known, terminal);
}

async function tell(
  flags: ExchangeFlags,
  plan: ExchangePlan,
  known: SetupRecord | undefined,
  terminal: Terminal,
): Promise<number> {
  const name = flags.output ?? SCRIPT;
  const script = need(renderExchangeScript(plan, name.replace(/^.*[\\/]/, '')));
  if (flags.json === true) {
    terminal.out(`${JSON.stringify({ plan, script }, undefined, 2)}\n`);
    return EXIT.ok;
  }
  if (name === '-') {
    terminal.out(script);
    return EXIT.ok;
  }
  const file = resolve(terminal.workingFolder, name);
  try {
    // A byte order mark: Windows PowerShell 5.1 takes a file without one for ANSI.
    await writeFile(file, `\uFEFF${script}`);
  } catch (error) {
    throw CommandFailure.of(setupFaults.make('CLI_SCRIPT_NOT_WRITTEN', { file, reason: (error as Error).message }));
  }
  const grants = plan.model === 'application-rbac' && known?.model === 'mailbox-permission';
  terminal.out(
    [
      `Written: ${file}`,
      '',
      'An Exchange administrator runs it in PowerShell (5.1 or 7):',
      '  Install-Module ExchangeOnlineManagement',
      '  Connect-ExchangeOnline',
      `  .\\${name.replace(/^.*[\\/]/, '')}                what is missing; changes nothing`,
      `  .\\${name.replace(/^.*[\\/]/, '')} -Mode Apply    makes it so`,
      '',
      'Exchange has no interface but PowerShell for these changes, and none by which they can be read from here.',
      'Afterwards prove it: postbearer setup check',
      ...(grants
        ? [
            '',
            'Note: the app has the permission SMTP.SendAsApp in Entra. Under RBAC for Applications take it away, or Exchange asks for FullAccess as well: postbearer setup entra --model application-rbac',
          ]
        : []),
      '',
    ].join('\n'),
  );
  return EXIT.ok;
}

/** Adds the options and the action of `postbearer setup exchange`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Writes the PowerShell script that lets the app of the settings send in Exchange Online. The script looks, makes and takes back; without a mode it changes nothing.',
    )
    .addOption(
      new Option('--model <model>', 'as the set-up in Entra noted where left out').choices([
        'mailbox-permission',
        'application-rbac',
      ]),
    )
    .option(
      '--mailbox <address>',
      'a mailbox that sends, in place of those of the settings; repeat for more',
      collectAddress,
    )
    .option('--organization', 'switch SMTP AUTH on for the whole organization, against the advice of Microsoft')
    .option('--group <name>', 'the mail-enabled security group of application-rbac')
    .option('--object-id <id>', 'Object ID of the enterprise application, where it is not known', guid)
    .option('--upstream <name>', 'which upstream of the settings', 'default')
    .option('-o, --output <file>', `where the script is written, - for standard output; ${SCRIPT} where left out`)
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer setup exchange\n  postbearer setup exchange --model application-rbac --group "SMTP senders"\n  postbearer setup exchange --output - | less\n',
    );
  addSettingsOptions(command).action(async (flags: ExchangeFlags) => finish(await run(flags, terminal)));
};
