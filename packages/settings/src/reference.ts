/** The page `docs/reference/settings.md`, made from the table of settings. */
import { hasFileVariable } from './environment-form.ts';
import { FILE_NAME } from './find-file.ts';
import {
  LOG_LEVEL_KEY,
  LOG_LEVEL_SETTING,
  PACE_KEYS,
  UPSTREAM_KEYS,
  UPSTREAM_SETTINGS,
  XMPRO_PREFIX,
  type Setting,
} from './schema.ts';
import {
  LISTENER_SETTINGS,
  SERVICE_KEYS,
  SERVICE_SETTINGS,
  WEBHOOK_EVENTS,
  WEBHOOK_SETTINGS,
} from './service-schema.ts';
import { expectationOf } from './value.ts';

const INTRODUCTION = `# Settings

This page is generated from the table of settings; \`postbearer config schema\` prints the same for editors.

Settings are read from one file (JSON, or Terraform variables where its name ends in \`.tfvars\`), from the environment and from systemd credentials. The file is the one named by \`--config\`, else by \`POSTBEARER_CONFIG\`, else \`${FILE_NAME}\` in the working folder, else that in the system's place (\`/etc/postbearer\`; on Windows \`%ProgramData%\\Postbearer\`, then \`C:\\XMPro\`). A file that is named has to exist; the environment alone works without any.

## Which place wins

The first that says something:

1. a flag of the command line
2. an environment variable, or the file that the variable with \`_FILE\` added names (both set: a mistake)
3. a systemd credential of that name in \`$CREDENTIALS_DIRECTORY\`
4. \`${XMPRO_PREFIX}…\`
5. the root \`smtp\` of the file, or a Terraform variable
6. \`database.smtp\` of the file
7. what is derived from other settings
8. the default

Two places of the same rank that disagree are a mistake, not a choice. An empty value counts as not set, wherever it stands, and so does null in JSON and in Terraform. A flag with an empty value (\`--set smtp.port=\`) unsets what lower ranks say: what is derived or the default then holds. A relative path begins at the folder of the file it is written in, in the environment at the working folder.

## Names in each form

The paths are those in the root \`smtp\`. The same stand in \`database.smtp\` and, for further upstreams, in \`postbearer.upstreams.NAME\`; \`postbearer.upstreams.default\` is the root \`smtp\` under another name.
`;

const EXTRAS = `
## Secrets

A secret in JSON is a text, or \`{"file": "/run/secrets/name"}\`, or \`{"systemdCredential": "name"}\`. It is read at the moment of its use, never shown and never logged.

## Mailboxes

\`postbearer.mailboxes.ADDRESS\` names a mailbox to send as, beside the \`username\` of each upstream:
`;

function code(text: string): string {
  return `\`${text}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}

/** A table whose columns are as wide as their widest cell. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) => row.map(cell));
  const widths = head.map((_, index) => Math.max(3, ...all.map((row) => (row[index] ?? '').length)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, index) => (row[index] ?? '').padEnd(width)).join(' | ')} |`;
  const [first = [], ...others] = all;
  return [line(first), line(widths.map((width) => '-'.repeat(width))), ...others.map(line)].join('\n');
}

function namesOf(path: string, setting: Setting): string[] {
  const environment = setting.environment.map((name) => code(name) + (hasFileVariable(setting) ? '' : ' (no `_FILE`)'));
  return [
    code(path),
    environment.join(', '),
    setting.tfvars.map(code).join(', '),
    setting.xmpro === undefined ? '' : code(`…${setting.xmpro}`),
  ];
}

function meaningOf(path: string, setting: Setting): string[] {
  const fallback = setting.default === undefined ? '' : code(setting.default);
  const derived = setting.derivedFrom === undefined ? '' : `from ${setting.derivedFrom}`;
  return [
    code(path),
    setting.description,
    expectationOf(setting),
    [derived, fallback].filter((text) => text !== '').join(', else '),
  ];
}

const SERVICE = `
## The service

What \`postbearer serve\` is set up with stands in \`postbearer\` of the file, or in a variable of the environment; the options of \`serve\` win over both. Nothing else looks at it. The file and the files of secrets and certificates are followed: a change counts without a restart, but for what says otherwise, and a file with a mistake changes nothing.
`;

const LISTENERS = `
\`postbearer.relay.listeners\` and \`postbearer.api.listeners\` are lists of objects; nothing is listened at where they are left out. An IPv6 address may stand in brackets.
`;

const WEBHOOKS = `
\`postbearer.webhooks.NAME\` names a receiver of events, signed after the Standard Webhooks convention:
`;

function servicePart(): string {
  const settings = SERVICE_KEYS.map((key): [string, Setting] => [key, SERVICE_SETTINGS[key]]);
  const names = table(
    ['JSON', 'Environment', 'What it is', 'Must be', 'If left out'],
    settings.map(([path, setting]) => {
      const [json = '', environment = ''] = namesOf(path, setting);
      const [, ...meaning] = meaningOf(path, setting);
      return [json, environment, ...meaning];
    }),
  );
  const listeners = table(
    ['Key', 'What it is', 'Must be', 'If left out'],
    Object.entries(LISTENER_SETTINGS).flatMap(([name, members]) =>
      Object.entries(members).map(([key, setting]) => meaningOf(`${name}.listeners[].${key}`, setting)),
    ),
  );
  const webhooks = table(
    ['Key', 'What it is', 'Must be', 'If left out'],
    [
      ...Object.entries(WEBHOOK_SETTINGS).map(([key, setting]) => meaningOf(key, setting)),
      [code('events'), WEBHOOK_EVENTS, 'one text or a list', ''],
    ],
  );
  return `${SERVICE}\n${names}\n${LISTENERS}\n${listeners}\n${WEBHOOKS}\n${webhooks}\n`;
}

/** The reference page: every setting with all its names, its type, its default and what it means. */
export function settingsReference(): string {
  const settings: [string, Setting][] = UPSTREAM_KEYS.map((key) => [key, UPSTREAM_SETTINGS[key]]);
  settings.push([`${LOG_LEVEL_KEY} (at the root)`, LOG_LEVEL_SETTING]);
  const names = table(
    ['JSON', 'Environment', 'Terraform', code(`${XMPRO_PREFIX}…`)],
    settings.map(([path, setting]) => namesOf(path, setting)),
  );
  const meanings = table(
    ['JSON', 'What it is', 'Must be', 'If left out'],
    settings.map(([path, setting]) => meaningOf(path, setting)),
  );
  const mailbox = table(
    ['Key', 'What it is'],
    [
      ['`upstream`', 'The upstream to send through; if left out, `default`.'],
      ['`from`', 'Addresses in From that are sent through this mailbox, beside its own: one text or a list.'],
      ...Object.entries(PACE_KEYS).map(([key, text]) => [code(`pace.${key}`), text]),
    ],
  );
  return `${INTRODUCTION}\n${names}\n\n## What each means\n\n${meanings}\n${EXTRAS}\n${mailbox}\n${servicePart()}`;
}
