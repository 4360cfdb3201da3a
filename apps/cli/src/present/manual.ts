/** The first page of the manual: what `postbearer --help` says. */
import { COMMANDS, NOUNS } from '../command-table.ts';
import type { Terminal } from '../terminal.ts';

const EXAMPLES: readonly (readonly [string, string])[] = [
  ['postbearer demo', 'see the whole way work, without a tenant'],
  ['postbearer config check --config Global-variables.json', 'find every mistake in the settings'],
  ['postbearer verify', 'prove the way from settings to sign-in'],
  ['postbearer send --to user@example.com --subject Hello --text "It works."', 'send one mail'],
  ['postbearer send --to user@example.com --raw message.eml', 'send a file as it is'],
];

const EXIT_CODES =
  '0 done · 64 usage · 65 wrong message · 69 refused · 70 bug · 75 try again later · 76 perhaps sent · 77 a person must act · 78 settings · 130 interrupted';

/** The manual, or the part of it about one noun. */
export function manual(terminal: Terminal, noun?: string): string {
  const heading = (text: string): string => terminal.style('bold', text);
  const entries = COMMANDS.filter(({ path }) => noun === undefined || path.startsWith(`${noun} `));
  const column = Math.max(...entries.map(({ path }) => path.length)) + 2;
  const rows = entries.map(({ path, summary }) => `  ${terminal.style('cyan', path.padEnd(column))}${summary}`);
  if (noun !== undefined) {
    return `${[`postbearer ${noun}: ${NOUNS[noun] ?? ''}`, '', heading('Commands'), ...rows, '', `See postbearer ${noun} <verb> --help.`].join('\n')}\n`;
  }
  const width = Math.max(...EXAMPLES.map(([line]) => line.length)) + 2;
  return `${[
    'Postbearer carries mail to Microsoft 365, and to any OAuth 2.0 SMTP provider, with bearer tokens instead of passwords.',
    '',
    heading('Usage'),
    '  postbearer <command> [options]',
    '',
    heading('Commands'),
    ...rows,
    '',
    heading('Settings'),
    '  --config FILE, else POSTBEARER_CONFIG, else Global-variables.json in this folder, else the place of the system.',
    '  Environment variables (EMAIL_SERVER, EMAIL_OAUTH_TOKEN_ENDPOINT, …) stand above the file, flags above both.',
    '',
    heading('Examples'),
    ...EXAMPLES.map(([line, why]) => `  ${terminal.style('cyan', line.padEnd(width))}${terminal.style('dim', why)}`),
    '',
    heading('Exit codes'),
    `  ${EXIT_CODES}`,
    '',
    'See postbearer <command> --help for each command, and --json for machines.',
  ].join('\n')}\n`;
}
