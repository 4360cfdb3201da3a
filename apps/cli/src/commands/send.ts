/** `postbearer send`: one mail, now, with every step in the log and one line for each recipient. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { oneLine, type Verdict } from '@postbearer/core';
import { createMailer, toCrlf, type Attachment, type MailInput, type SendOutcome } from '@postbearer/mailer';
import { InvalidArgumentError } from 'commander';
import { CommandFailure } from '../command-failure.ts';
import type { DefineCommand } from '../command-table.ts';
import { EXIT, exitCodeOf } from '../exit-codes.ts';
import { presentFault } from '../present/fault.ts';
import {
  addLogOptions,
  addSettingsOptions,
  logLevelOf,
  logOf,
  requireSettings,
  wantsDialogue,
  type SettingsFlags,
} from '../settings-options.ts';
import type { Terminal } from '../terminal.ts';

interface SendFlags extends SettingsFlags {
  readonly to?: readonly string[];
  readonly cc?: readonly string[];
  readonly bcc?: readonly string[];
  readonly from?: string;
  readonly replyTo?: readonly string[];
  readonly subject?: string;
  readonly text?: string;
  readonly html?: string;
  readonly textFile?: string;
  readonly htmlFile?: string;
  readonly attach?: readonly string[];
  readonly inline?: readonly string[];
  readonly header?: readonly (readonly [string, string])[];
  readonly raw?: string;
  readonly upstream?: string;
}

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

function collectHeader(
  text: string,
  before: readonly (readonly [string, string])[] = [],
): readonly (readonly [string, string])[] {
  const cut = text.indexOf(':');
  if (cut < 1) throw new InvalidArgumentError('It must have the form "Name: value".');
  return [...before, [text.slice(0, cut).trim(), text.slice(cut + 1).trim()]];
}

/** The values of each field, under its name; without a prototype, so that no name is there before. */
function headersOf(fields: readonly (readonly [string, string])[]): Record<string, string[]> {
  const headers: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const [name, value] of fields) (headers[name] ??= []).push(value);
  return headers;
}

async function readSource(name: string, terminal: Terminal, option: string): Promise<Uint8Array> {
  if (name === '-') return await terminal.readInput();
  try {
    return await readFile(resolve(terminal.workingFolder, name));
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw CommandFailure.usage(`${option}: ${name} cannot be read (${reason}).`);
  }
}

async function textOf(
  inline: string | undefined,
  file: string | undefined,
  option: string,
  terminal: Terminal,
): Promise<string | undefined> {
  if (inline !== undefined && file !== undefined)
    throw CommandFailure.usage(`${option} and ${option}-file: give one of them.`);
  if (inline !== undefined && inline !== '-') return inline;
  const source = inline ?? file;
  return source === undefined ? undefined : Buffer.from(await readSource(source, terminal, option)).toString('utf8');
}

/** `FILE` or `FILE=NAME`; a file whose own name holds an equals sign is taken as it is. */
function inlinePicture(text: string, terminal: Terminal): Attachment {
  const whole = resolve(terminal.workingFolder, text);
  const cut = text.lastIndexOf('=');
  if (cut < 1 || existsSync(whole)) return { path: whole, cid: basename(text) };
  return { path: resolve(terminal.workingFolder, text.slice(0, cut)), cid: text.slice(cut + 1) };
}

function attachmentsOf(flags: SendFlags, terminal: Terminal): Attachment[] {
  return [
    ...(flags.attach ?? []).map((file) => ({ path: resolve(terminal.workingFolder, file) })),
    ...(flags.inline ?? []).map((text) => inlinePicture(text, terminal)),
  ];
}

async function mailOf(flags: SendFlags, terminal: Terminal): Promise<MailInput> {
  const inputs = [flags.text, flags.html, flags.raw, flags.textFile, flags.htmlFile].filter((value) => value === '-');
  if (inputs.length > 1) throw CommandFailure.usage('Standard input (-) can be read only once.');
  const addresses = {
    ...(flags.to === undefined ? {} : { to: flags.to }),
    ...(flags.cc === undefined ? {} : { cc: flags.cc }),
    ...(flags.bcc === undefined ? {} : { bcc: flags.bcc }),
    ...(flags.from === undefined ? {} : { from: flags.from }),
    ...(flags.upstream === undefined ? {} : { upstream: flags.upstream }),
  };
  const text = await textOf(flags.text, flags.textFile, '--text', terminal);
  const html = await textOf(flags.html, flags.htmlFile, '--html', terminal);
  const attachments = attachmentsOf(flags, terminal);
  const composed = {
    ...(flags.replyTo === undefined ? {} : { replyTo: flags.replyTo }),
    ...(flags.subject === undefined ? {} : { subject: flags.subject }),
    ...(text === undefined ? {} : { text }),
    ...(html === undefined ? {} : { html }),
    ...(attachments.length === 0 ? {} : { attachments }),
    ...(flags.header === undefined ? {} : { headers: headersOf(flags.header) }),
  };
  if (flags.raw === undefined) return { ...addresses, ...composed };
  const raw = toCrlf(await readSource(flags.raw, terminal, '--raw'));
  if (!raw.ok) throw CommandFailure.of(raw.fault);
  return { ...addresses, ...composed, raw: raw.value };
}

function verdictLine(verdict: Verdict, terminal: Terminal): string {
  const recipient = oneLine(verdict.recipient);
  if (verdict.outcome === 'accepted') {
    const { code, enhanced, lines } = verdict.reply;
    const said = oneLine([code, enhanced, ...lines].filter(Boolean).join(' '));
    return `${terminal.style('green', '✓')} ${terminal.style('bold', recipient)}  accepted  ${terminal.style('dim', said)}\n`;
  }
  const mark = verdict.outcome === 'uncertain' ? terminal.style('yellow', '?') : terminal.style('red', '✗');
  return `${mark} ${terminal.style('bold', recipient)}  ${verdict.outcome}  ${verdict.fault.title}\n`;
}

/** The outcome for the eye: a line for each recipient, then the fault once. */
export function presentOutcome(outcome: SendOutcome, terminal: Terminal): string {
  const lines = outcome.recipients.map((verdict) => verdictLine(verdict, terminal)).join('');
  const id =
    outcome.messageId === '' || outcome.recipients.length === 0
      ? ''
      : `  ${terminal.style('dim', `Message-ID ${oneLine(outcome.messageId)}`)}\n`;
  return lines + id + (outcome.fault === undefined ? '' : `\n${presentFault(outcome.fault, terminal)}`);
}

async function run(flags: SendFlags, terminal: Terminal): Promise<number> {
  const mail = await mailOf(flags, terminal);
  const settings = await requireSettings(flags, terminal);
  if (settings === undefined) return EXIT.settings;
  const level = logLevelOf(flags, settings);
  await using mailer = createMailer(settings, {
    environment: terminal.environment,
    onEvent: logOf(flags, level, terminal),
    dialogue: wantsDialogue(level),
  });
  const outcome = await mailer.send(mail, { signal: terminal.signal });
  const exitCode = outcome.fault === undefined ? EXIT.ok : exitCodeOf(outcome.fault);
  if (flags.json === true) terminal.out(`${JSON.stringify({ ...outcome, exitCode }, undefined, 2)}\n`);
  else terminal.out(presentOutcome(outcome, terminal));
  return exitCode;
}

const EXAMPLES = `
Examples:
  postbearer send --to user@example.com --subject Hello --text "It works."
  date | postbearer send --to user@example.com --subject "What time is it" --text -
  postbearer send --to a@example.com --cc "B <b@example.com>" --subject Report --html-file report.html --inline logo.png --attach report.pdf
  postbearer send --raw message.eml --to user@example.com

A raw file goes out byte for byte; if all its lines end with LF they are sent with CRLF, mixed line endings are refused. A last line
without line end gets one, since SMTP ends a message with a line.
Inline pictures are shown by <img src="cid:NAME"> in the HTML, where NAME is the file name, or the part after = in --inline FILE=NAME.
Several recipients: the worst result decides the exit code.`;

/** Adds the options and the action of `postbearer send`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Sends one mail now, through the upstream of the settings, and says what became of it for each recipient.',
    )
    .option('-t, --to <addresses>', 'receivers; repeat or separate with commas', collect)
    .option('--cc <addresses>', 'receivers of a copy', collect)
    .option('--bcc <addresses>', 'receivers that the others do not see', collect)
    .option('-f, --from <address>', 'sender; smtp.fromAddress of the settings where left out')
    .option('--reply-to <addresses>', 'where answers go', collect)
    .option('-s, --subject <text>', 'subject')
    .option('--text <text>', 'plain text; - reads standard input')
    .option('--text-file <file>', 'plain text from a file')
    .option('--html <html>', 'HTML; - reads standard input')
    .option('--html-file <file>', 'HTML from a file')
    .option('-a, --attach <file>', 'attachment; repeat for more', collect)
    .option('--inline <file[=cid]>', 'picture that the HTML shows; repeat for more', collect)
    .option('-H, --header <"Name: value">', 'further header field; repeat for more', collectHeader)
    .option('--raw <file>', 'a whole message (header and body) to send as it is; - reads standard input')
    .option('--upstream <name>', 'which upstream of the settings sends it')
    .addHelpText('after', EXAMPLES);
  addLogOptions(addSettingsOptions(command)).action(async (flags: SendFlags) => finish(await run(flags, terminal)));
};
