/** `postbearer setup entra`: the app in Entra, its consent and its secret, and the settings that use it. */
import { chmod, open, readFile, rename } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import { failure, oneLine, parseMailboxAddress, success, type ExchangePlan, type Result } from '@postbearer/core';
import {
  setUpEntra,
  type Application,
  type EntraSetup,
  type EntraStep,
  type NewSecret,
  type SetupCredential,
} from '@postbearer/microsoft365';
import { CLOUDS } from '@postbearer/microsoft365/clouds';
import { writeSettings, type SettingChange } from '@postbearer/settings';
import { InvalidArgumentError, Option } from 'commander';
import { CommandFailure } from '../../command-failure.ts';
import type { DefineCommand } from '../../command-table.ts';
import { need } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { addJsonOption } from '../../settings-options.ts';
import { confirm } from '../../setup/confirm.ts';
import { addGraphOptions, openGraph, type GraphAccess, type GraphFlags } from '../../setup/graph-access.ts';
import { settingsFileOf } from '../../setup/settings-file.ts';
import { writeRecord } from '../../setup/setup-record.ts';
import { setupFaults } from '../../setup/faults.ts';
import { StepLines } from '../../setup/step-lines.ts';
import type { Terminal } from '../../terminal.ts';

interface EntraFlags extends GraphFlags {
  readonly config?: string;
  readonly mailbox: string;
  readonly name: string;
  readonly uniqueName: string;
  readonly model: ExchangePlan['model'];
  readonly secretLifetime: number;
  readonly secretFile?: string;
  readonly certificate?: string;
  readonly federatedIssuer?: string;
  readonly federatedSubject?: string;
  readonly credential: boolean;
  readonly yes?: true;
  readonly json?: true;
}

const MONTH_MS = 30.44 * 24 * 3_600_000;
const SECRET_FILE = 'postbearer-client-secret';

const STEP_TITLES: Readonly<Record<EntraStep, string>> = {
  'exchange-online': 'Exchange Online found in the tenant',
  application: 'app registration',
  'service-principal': 'enterprise application',
  consent: 'admin consent to SMTP.SendAsApp',
  credential: 'credential of the app',
};

async function credentialOf(flags: EntraFlags, terminal: Terminal): Promise<SetupCredential> {
  const displayName = `${flags.name} set-up`;
  if (!flags.credential) return { kind: 'none' };
  if (flags.certificate !== undefined) {
    const file = resolve(terminal.workingFolder, flags.certificate);
    try {
      return { kind: 'certificate', displayName, der: new X509Certificate(await readFile(file)).raw };
    } catch (error) {
      throw CommandFailure.usage(
        `${flags.certificate} holds no certificate that can be read: ${(error as Error).message}`,
      );
    }
  }
  const { federatedIssuer: issuer, federatedSubject: subject } = flags;
  if ((issuer === undefined) !== (subject === undefined))
    throw CommandFailure.usage('--federated-issuer and --federated-subject belong together.');
  if (issuer !== undefined && subject !== undefined)
    return { kind: 'federated', name: flags.uniqueName.replaceAll(/[^\w-]/g, '-'), issuer, subject };
  return { kind: 'secret', displayName, endsAt: Date.now() + flags.secretLifetime * MONTH_MS };
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function credentialLine(credential: SetupCredential, secretFile: string): string {
  switch (credential.kind) {
    case 'secret':
      return `make      a client secret that ends on ${dateOf(credential.endsAt)}, and keep it in ${secretFile}`;
    case 'certificate':
      return 'add       the certificate to it';
    case 'federated':
      return `trust     tokens of ${oneLine(credential.issuer)} for ${oneLine(credential.subject)}`;
    case 'none':
      return 'make      no credential';
  }
}

function planText(flags: EntraFlags, access: GraphAccess, credential: SetupCredential, places: Places): string {
  const grants = flags.model === 'mailbox-permission';
  const lines = [
    `In the tenant ${access.tenant} (${CLOUDS[access.cloud].title}), as ${access.who}:`,
    '',
    `  make      the app registration "${oneLine(flags.name)}" (single tenant, no redirect, found again as ${oneLine(flags.uniqueName)})`,
    '  make      its enterprise application',
    grants
      ? '  grant     the application permission SMTP.SendAsApp of Office 365 Exchange Online, with admin consent, at once'
      : '  grant     nothing: under RBAC for Applications Exchange alone decides',
    `  ${credentialLine(credential, places.secretFile)}`,
    `  write     ${places.settingsFile}: smtp.username ${flags.mailbox}, smtp.oauth`,
    '',
    'What is there already is used and not made again.',
  ];
  return `${lines.join('\n')}\n`;
}

interface Places {
  readonly settingsFile: string;
  readonly secretFile: string;
}

function placesOf(flags: EntraFlags, terminal: Terminal): Places {
  const settingsFile = settingsFileOf(flags, terminal);
  const secretFile = resolve(terminal.workingFolder, flags.secretFile ?? join(dirname(settingsFile), SECRET_FILE));
  return { settingsFile, secretFile };
}

/** Writes the secret where only its owner reads it; on disk before it is believed. */
async function keep(secret: NewSecret, file: string): Promise<Result<void>> {
  const fresh = `${file}.new`;
  try {
    const handle = await open(fresh, 'w', 0o600);
    try {
      await handle.writeFile(secret.value.reveal());
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chmod(fresh, 0o600);
    await rename(fresh, file);
    return success(undefined);
  } catch (error) {
    return failure(setupFaults.make('CLI_SECRET_NOT_KEPT', { file, reason: (error as Error).message }));
  }
}

function changesOf(
  flags: EntraFlags,
  access: GraphAccess,
  credential: SetupCredential,
  application: Application,
  places: Places,
): SettingChange[] {
  const base: SettingChange[] = [
    { key: 'smtp.username', value: flags.mailbox },
    { key: 'smtp.oauth.enabled', value: true },
    { key: 'smtp.oauth.tenant', value: access.tenant },
    { key: 'smtp.oauth.clientId', value: application.appId },
    ...(access.cloud === 'global' ? [] : [{ key: 'smtp.oauth.cloud', value: access.cloud }]),
  ];
  return credential.kind === 'secret'
    ? [...base, { key: 'smtp.oauth.clientSecret', value: { file: places.secretFile } }]
    : base;
}

function nextSteps(flags: EntraFlags, places: Places): string {
  const config = flags.config === undefined ? '' : ` --config ${flags.config}`;
  return [
    '',
    'Next, for Exchange Online, which has no interface for this but PowerShell:',
    `  postbearer setup exchange${config}`,
    'then prove it:',
    `  postbearer setup check${config}`,
    ...(flags.certificate === undefined
      ? []
      : [
          '',
          `Put certificate and key into ${places.settingsFile}: smtp.oauth.certificateFile and smtp.oauth.privateKey.`,
        ]),
    '',
  ].join('\n');
}

async function run(flags: EntraFlags, terminal: Terminal): Promise<number> {
  const places = placesOf(flags, terminal);
  const credential = await credentialOf(flags, terminal);
  const lines = new StepLines(terminal);
  const access = await openGraph(flags, terminal, (wait) => lines.wait(wait));
  terminal.err(planText(flags, access, credential, places));
  if (!(await confirm('Do this?', flags, terminal))) {
    terminal.err('Nothing was done.\n');
    return EXIT.cancelled;
  }
  const done = need(
    await setUpEntra(
      { uniqueName: flags.uniqueName, displayName: flags.name, model: flags.model, credential },
      {
        directory: access.directory,
        onStep: (step, outcome) => lines.step(STEP_TITLES[step], outcome),
        keepSecret: (secret) => keep(secret, places.secretFile),
      },
    ),
  );
  await note(flags, access, done, places);
  const written = need(
    await writeSettings(places.settingsFile, changesOf(flags, access, credential, done.application, places)),
  );
  lines.step(`settings in ${written.file}`, 'made');
  return tell(flags, access, done, places, terminal);
}

async function note(flags: EntraFlags, access: GraphAccess, done: EntraSetup, places: Places): Promise<void> {
  const { application, servicePrincipal, secret } = done;
  await writeRecord(places.settingsFile, {
    uniqueName: flags.uniqueName,
    displayName: flags.name,
    tenant: access.tenant,
    clientId: application.appId,
    applicationObjectId: application.id,
    servicePrincipalObjectId: servicePrincipal.id,
    model: flags.model,
    ...(secret === undefined
      ? {}
      : {
          secret: {
            keyId: secret.keyId,
            hint: secret.hint,
            startsAt: secret.startsAt,
            endsAt: secret.endsAt,
            file: places.secretFile,
          },
        }),
  });
}

function tell(flags: EntraFlags, access: GraphAccess, done: EntraSetup, places: Places, terminal: Terminal): number {
  const { application, servicePrincipal, secret } = done;
  if (flags.json === true) {
    const document = {
      tenant: access.tenant,
      clientId: application.appId,
      enterpriseApplicationObjectId: servicePrincipal.id,
      model: flags.model,
      settingsFile: places.settingsFile,
      ...(secret === undefined
        ? {}
        : { secret: { keyId: secret.keyId, hint: secret.hint, endsAt: new Date(secret.endsAt).toISOString() } }),
    };
    terminal.out(`${JSON.stringify(document, undefined, 2)}\n`);
    return EXIT.ok;
  }
  terminal.out(
    [
      `Application (client) ID             ${application.appId}`,
      `Directory (tenant) ID               ${access.tenant}`,
      `Object ID of the enterprise app     ${servicePrincipal.id}`,
      ...(secret === undefined ? [] : [`Client secret ${secret.hint}…, ends on    ${dateOf(secret.endsAt)}`]),
      nextSteps(flags, places),
    ].join('\n'),
  );
  return EXIT.ok;
}

function months(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 24)
    throw new InvalidArgumentError('It must be a number of months from 1 to 24.');
  return value;
}

function mailboxAddress(text: string): string {
  if (!parseMailboxAddress(text).ok)
    throw new InvalidArgumentError('It must be a mail address such as notifications@contoso.com.');
  return text;
}

/** Adds the options and the action of `postbearer setup entra`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Registers the app in Microsoft Entra: shows what it will make and grant, asks, then makes the registration, its enterprise application, the consent and a credential, and writes the settings. It may be run again after a failure; what is there is used.',
    )
    .requiredOption('--mailbox <address>', 'the mailbox that will send', mailboxAddress)
    .option('-c, --config <file>', 'settings file to write; Global-variables.json where left out')
    .option('--name <name>', 'display name of the app', 'Postbearer')
    .option('--unique-name <name>', 'key under which Microsoft Graph finds it again', 'postbearer')
    .addOption(
      new Option('--model <model>', 'permission and FullAccess on each mailbox, or RBAC for Applications')
        .choices(['mailbox-permission', 'application-rbac'])
        .default('mailbox-permission'),
    )
    .option('--secret-lifetime <months>', 'when the client secret ends, 1 to 24 months from now', months, 12)
    .option('--secret-file <file>', 'where the secret is kept; beside the settings file where left out')
    .option('--certificate <file>', 'add this certificate (PEM) in place of a secret')
    .option('--federated-issuer <url>', 'trust the tokens of this issuer in place of a secret')
    .option('--federated-subject <subject>', 'for this subject')
    .option('--no-credential', 'make no credential')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      '\nThe token belongs to whoever runs this: Cloud Application Administrator is enough. It is kept nowhere.\n\nExamples:\n  az account get-access-token --resource https://graph.microsoft.com --query accessToken --output tsv | postbearer setup entra --mailbox notifications@contoso.com --token-stdin --yes\n  postbearer setup entra --mailbox notifications@contoso.com --model application-rbac --secret-lifetime 24\n',
    );
  addJsonOption(addGraphOptions(command)).action(async (flags: EntraFlags) => finish(await run(flags, terminal)));
};
