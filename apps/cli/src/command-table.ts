/**
 * Every command, with what it is for and where it is. A command's module is loaded only when it runs or shows its own help, so
 * that `--version` and `--help` cost no more than starting Node.
 */
import type { Command } from 'commander';
import type { Terminal } from './terminal.ts';

/** What a command module exports as `define`: adds options, help and action to its command. The action returns the exit code. */
export type DefineCommand = (command: Command, terminal: Terminal, finish: (exitCode: number) => void) => void;

/** What a command exports as `run` that reads its words by itself: those of another program, which follow other rules. */
export type RunCommand = (words: readonly string[], terminal: Terminal) => Promise<number>;

/** One row of the table. */
export interface CommandEntry {
  /** Words as typed: `send`, `config show`. */
  readonly path: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly define: DefineCommand; readonly run?: RunCommand }>;
  /** Whether its module has a `run`. */
  readonly readsItsWords?: true;
}

/** The commands in the order of the manual. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    path: 'demo',
    summary: 'send real mail through the OAuth path, on an embedded emulator',
    load: async () => await import('./commands/demo.ts'),
  },
  {
    path: 'demo service',
    summary: 'the service against an embedded emulator: four ways in, a secret that expires and is mended',
    load: async () => await import('./commands/demo/service.ts'),
  },
  { path: 'send', summary: 'send one mail now', load: async () => await import('./commands/send.ts') },
  {
    path: 'verify',
    summary: 'check every step from settings to sign-in and name the first broken one',
    load: async () => await import('./commands/verify.ts'),
  },
  {
    path: 'sendmail',
    summary: 'take a message from a program, as sendmail does, for the service to send',
    load: async () => await import('./commands/sendmail.ts'),
    readsItsWords: true,
  },
  {
    path: 'explain',
    summary: 'say what an error text means and what to do; sends nothing anywhere',
    load: async () => await import('./commands/explain.ts'),
  },
  {
    path: 'serve',
    summary: 'run the service: take mail by SMTP, keep it, send it with OAuth',
    load: async () => await import('./commands/serve.ts'),
  },
  {
    path: 'status',
    summary: 'show on one screen how the service is, its lanes, and why messages wait',
    load: async () => await import('./commands/status.ts'),
  },
  {
    path: 'trace',
    summary: 'show what the service does as it happens, the SMTP dialogues included',
    load: async () => await import('./commands/trace.ts'),
  },
  {
    path: 'app add',
    summary: 'let an application or device send; shows its password once; or enrols those that call in',
    load: async () => await import('./commands/app/add.ts'),
  },
  { path: 'app list', summary: 'list the apps', load: async () => await import('./commands/app/list.ts') },
  {
    path: 'app allow',
    summary: 'let an app do more than it may already',
    load: async () => await import('./commands/app/allow.ts'),
  },
  {
    path: 'app rotate',
    summary: 'give an app another password',
    load: async () => await import('./commands/app/rotate.ts'),
  },
  {
    path: 'app refused',
    summary: 'show who was turned away, and the command that would admit each',
    load: async () => await import('./commands/app/refused.ts'),
  },
  {
    path: 'app remove',
    summary: 'let an app send no more',
    load: async () => await import('./commands/app/remove.ts'),
  },
  {
    path: 'key add',
    summary: 'add a key for the HTTP API; shows it once',
    load: async () => await import('./commands/key/add.ts'),
  },
  { path: 'key list', summary: 'list the keys', load: async () => await import('./commands/key/list.ts') },
  {
    path: 'key revoke',
    summary: 'let a key do nothing any more',
    load: async () => await import('./commands/key/revoke.ts'),
  },
  {
    path: 'queue list',
    summary: 'list messages, the newest first',
    load: async () => await import('./commands/queue/list.ts'),
  },
  {
    path: 'queue show',
    summary: 'show one message with its recipients and everything that was tried',
    load: async () => await import('./commands/queue/show.ts'),
  },
  {
    path: 'queue retry',
    summary: 'try messages again now',
    load: async () => await import('./commands/queue/retry.ts'),
  },
  {
    path: 'queue release',
    summary: 'let held messages go on',
    load: async () => await import('./commands/queue/release.ts'),
  },
  {
    path: 'queue discard',
    summary: 'never send messages',
    load: async () => await import('./commands/queue/discard.ts'),
  },
  {
    path: 'queue export',
    summary: 'print every message as a line of JSON, also with its source as a file',
    load: async () => await import('./commands/queue/export.ts'),
  },
  { path: 'lane list', summary: 'list the lanes', load: async () => await import('./commands/lane/list.ts') },
  {
    path: 'lane hold',
    summary: 'send nothing of a lane until it is released',
    load: async () => await import('./commands/lane/hold.ts'),
  },
  {
    path: 'lane release',
    summary: 'let a lane send again',
    load: async () => await import('./commands/lane/release.ts'),
  },
  {
    path: 'backup',
    summary: 'copy all data of the service into one file, while it runs or not',
    load: async () => await import('./commands/backup.ts'),
  },
  {
    path: 'restore',
    summary: 'put a backup in the place of the data of a service',
    load: async () => await import('./commands/restore.ts'),
  },
  {
    path: 'setup entra',
    summary: 'register the app in Microsoft Entra, with consent and secret, and write the settings',
    load: async () => await import('./commands/setup/entra.ts'),
  },
  {
    path: 'setup exchange',
    summary: 'write the PowerShell script for Exchange Online, with every value filled in',
    load: async () => await import('./commands/setup/exchange.ts'),
  },
  {
    path: 'setup check',
    summary: 'prove the set-up by a real token and sign-in, and name the step that is missing',
    load: async () => await import('./commands/setup/check.ts'),
  },
  {
    path: 'setup audit',
    summary: 'list what our app registrations may do, and their secrets',
    load: async () => await import('./commands/setup/audit.ts'),
  },
  {
    path: 'setup undo',
    summary: 'take back what setup entra made',
    load: async () => await import('./commands/setup/undo.ts'),
  },
  {
    path: 'secret status',
    summary: 'list the client secrets: whose, where, and when they end',
    load: async () => await import('./commands/secret/status.ts'),
  },
  {
    path: 'secret set',
    summary: 'put a client secret where the settings look for it, after proving it',
    load: async () => await import('./commands/secret/set.ts'),
  },
  {
    path: 'secret rotate',
    summary: 'make a new client secret, prove it, switch to it, and remove the old one later',
    load: async () => await import('./commands/secret/rotate.ts'),
  },
  {
    path: 'secret rollback',
    summary: 'go back to the previous client secret',
    load: async () => await import('./commands/secret/rollback.ts'),
  },
  {
    path: 'config show',
    summary: 'print every setting in effect and the place it came from',
    load: async () => await import('./commands/config/show.ts'),
  },
  {
    path: 'config check',
    summary: 'report all mistakes in the settings at once',
    load: async () => await import('./commands/config/check.ts'),
  },
  {
    path: 'config convert',
    summary: 'turn the settings into JSON, environment or tfvars form',
    load: async () => await import('./commands/config/convert.ts'),
  },
  {
    path: 'config schema',
    summary: 'print the JSON Schema of the settings file for editors',
    load: async () => await import('./commands/config/schema.ts'),
  },
  {
    path: 'emulator',
    summary: 'run a local Microsoft 365 to test against',
    load: async () => await import('./commands/emulator.ts'),
  },
  {
    path: 'completion',
    summary: 'print a completion script for bash, zsh, fish or PowerShell',
    load: async () => await import('./commands/completion.ts'),
  },
];

/** The groups of commands that have a noun, with what the noun is. */
export const NOUNS: Readonly<Record<string, string>> = {
  config: 'look at, check and convert the settings',
  app: 'applications and devices that may send',
  key: 'keys of the HTTP API',
  queue: 'messages on their way',
  lane: 'the queues of mailboxes',
  secret: 'client secrets: how long they last, and changing them',
  setup: 'from nothing to a mail that is accepted, in Entra and in Exchange Online',
};
