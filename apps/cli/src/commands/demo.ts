/**
 * `postbearer demo`: the whole way, visible, on this machine alone.
 *
 * Nothing is staged: the settings file is the one of the administrators' guide, the token comes over HTTPS, the mail goes through
 * STARTTLS and XOAUTH2, and what arrived is compared byte by byte.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { oneLine } from '@postbearer/core';
import { renderChain } from '@postbearer/diagnosis';
import { startEmulator, type Emulator } from '@postbearer/emulator';
import { createEventLog, createMailer, type Mailer, type MailInput, type SendOutcome } from '@postbearer/mailer';
import { readSettings, writeSettings } from '@postbearer/settings';
import type { DefineCommand } from '../command-table.ts';
import { htmlMail, rawMessage, RECEIVER, textMail } from '../demo/messages.ts';
import { createNarrator, type Narrator } from '../demo/narrator.ts';
import { EXIT } from '../exit-codes.ts';
import { presentFault } from '../present/fault.ts';
import { table } from '../present/table.ts';
import { interrupted, type Terminal } from '../terminal.ts';

interface DemoFlags {
  readonly keep?: true;
  readonly json?: true;
}

/** Three mails at first, and one after the mend. */
const MAILS = 4;

/** What the demo proved, for `--json`. */
interface DemoReport {
  readonly ok: boolean;
  readonly sent: number;
  readonly received: number;
  readonly rawIsIdentical: boolean;
  readonly explainedFault: string;
  readonly folder: string;
}

/** Everything that the steps of the demo share. */
interface Stage {
  readonly emulator: Emulator;
  readonly folder: string;
  readonly settingsFile: string;
  readonly terminal: Terminal;
  readonly tell: Narrator;
}

/** A mailer for the settings file as it is now, whose log lines are quoted. */
async function openMailer({ settingsFile, tell, terminal }: Stage): Promise<Mailer> {
  const reading = await readSettings({ configFile: settingsFile, environment: {} });
  if (reading.settings === undefined)
    throw new Error(
      `the demo's own settings are wrong: ${reading.findings.map(({ fault }) => fault.message).join(' ')}`,
    );
  return createMailer(reading.settings, {
    environment: withoutProxy(terminal),
    // The first line of each record: what stands below it is shown once, laid out, by tellOutcome.
    onEvent: createEventLog({
      level: 'Information',
      write: (record) => tell.quote(terminal.style('cyan', record.split('\n', 1)[0] ?? '')),
    }),
  });
}

/** A proxy of this machine has no business between the demo and its own emulator. */
function withoutProxy({ environment }: Terminal): Record<string, string | undefined> {
  return { ...environment, NO_PROXY: '127.0.0.1,localhost', no_proxy: '127.0.0.1,localhost' };
}

/** The terminal as it is for what is quoted: narrower by the indentation. */
function quoted(terminal: Terminal): Terminal {
  return { ...terminal, width: terminal.width - 5 };
}

function tellOutcome(outcome: SendOutcome, what: string, { tell, terminal }: Stage): void {
  if (outcome.fault === undefined) tell.done(what, oneLine(outcome.messageId));
  else {
    tell.failed(`${what}: ${outcome.fault.title}`);
    tell.quote(presentFault(outcome.fault, quoted(terminal)));
  }
}

async function showSettings(stage: Stage): Promise<void> {
  const { emulator, folder, settingsFile, tell, terminal } = stage;
  await emulator.writeSettings(settingsFile);
  const reading = await readSettings({ configFile: settingsFile, environment: {} });
  tell.done(settingsFile, `${reading.findings.length} findings`);
  const given = reading.values.filter(({ origin }) => origin === 'given');
  tell.quote(
    table(
      ['Setting', 'Value', 'Source'],
      given.map(({ key, value, source }) => [oneLine(key), oneLine(value), oneLine(source.replace(`${folder}/`, ''))]),
      quoted(terminal),
    ),
  );
}

async function sendAll(mailer: Mailer, stage: Stage): Promise<{ sent: number; raw: Buffer }> {
  const rawFile = join(stage.folder, 'message.eml');
  const raw = rawMessage('notifications@contoso.example');
  await writeFile(rawFile, raw);
  const mails: readonly (readonly [string, MailInput])[] = [
    ['a text message', textMail()],
    ['an HTML message with an attachment and an inline picture', htmlMail()],
    [`the file ${rawFile} (${raw.length} raw bytes)`, { to: RECEIVER, raw }],
  ];
  let sent = 0;
  for (const [what, mail] of mails) {
    const outcome = await mailer.send(mail, { signal: stage.terminal.signal });
    tellOutcome(outcome, `sent ${what}`, stage);
    if (outcome.ok) sent += 1;
  }
  return { sent, raw };
}

/** The client secret expires; the failure is explained; a new secret mends it. */
async function breakAndMend(stage: Stage): Promise<{ ok: boolean; code: string }> {
  const { emulator, settingsFile, tell, terminal } = stage;
  const { clientId } = emulator.defaults;
  emulator.state.expireSecret(clientId);
  tell.done('the client secret of the app has now expired, as it does after 12 or 24 months');
  let code = 'none';
  {
    await using mailer = await openMailer(stage);
    const outcome = await mailer.send({ ...textMail(), subject: 'Will not go out' }, { signal: terminal.signal });
    tellOutcome(outcome, 'sending with the old secret', stage);
    code = outcome.fault?.code ?? 'none';
  }
  const secret = emulator.state.addSecret(clientId);
  const written = await writeSettings(settingsFile, [{ key: 'smtp.oauth.clientSecret', value: secret.reveal() }]);
  if (!written.ok) throw new Error(written.fault.message);
  tell.done('a new client secret was created and written to the settings file; everything else in it is as it was');
  await using mailer = await openMailer(stage);
  const outcome = await mailer.send({ ...textMail(), subject: 'Mended' }, { signal: terminal.signal });
  tellOutcome(outcome, 'sent again', stage);
  return { ok: outcome.ok && code !== 'none', code };
}

async function showInbox(stage: Stage, raw: Buffer): Promise<boolean> {
  const { emulator, folder, tell, terminal } = stage;
  const rows: string[][] = [];
  let rawIsIdentical = false;
  for (const [index, message] of emulator.messages.entries()) {
    const file = join(folder, `received-${index + 1}.eml`);
    await writeFile(file, message.bytes);
    const identical = raw.equals(message.bytes);
    rawIsIdentical ||= identical;
    const subject = /^Subject: (.*)$/im.exec(Buffer.from(message.bytes).toString('latin1'))?.[1]?.trim() ?? '';
    rows.push([
      oneLine(message.envelope.recipients.join(', ')),
      String(message.bytes.length),
      identical ? 'yes, byte for byte' : '',
      oneLine(subject, 50),
    ]);
  }
  tell.quote(table(['To', 'Bytes', 'Same as the file sent', 'Subject'], rows, quoted(terminal)));
  tell.done(`every message as it arrived: ${folder}`);
  return rawIsIdentical;
}

async function play(stage: Stage): Promise<DemoReport> {
  const { emulator, tell, terminal, folder } = stage;
  tell.step('A local Microsoft 365');
  tell.done(`token endpoint   ${emulator.tokenEndpoint()}`);
  tell.done(`SMTP submission  ${emulator.smtp.host}:${emulator.smtp.port}`, 'STARTTLS required, AUTH LOGIN XOAUTH2');

  tell.step('The settings file of the guide');
  await showSettings(stage);

  tell.step('Does the way stand? (postbearer verify)');
  let first: { sent: number; raw: Buffer } = { sent: 0, raw: Buffer.alloc(0) };
  {
    await using mailer = await openMailer(stage);
    const report = await mailer.verify({ signal: terminal.signal });
    tell.quote(renderChain(report, { color: terminal.isTerminal, width: terminal.width - 5, unicode: true }));
    tell.step('Send three mails (postbearer send)');
    first = await sendAll(mailer, stage);
  }

  tell.step('When it breaks: an expired client secret, explained and mended');
  const mended = await breakAndMend(stage);

  tell.step('What arrived');
  const rawIsIdentical = await showInbox(stage, first.raw);
  const received = emulator.messages.length;
  const sent = first.sent + (mended.ok ? 1 : 0);
  return {
    ok: sent === MAILS && mended.ok && rawIsIdentical && received === sent,
    sent,
    received,
    rawIsIdentical,
    explainedFault: mended.code,
    folder,
  };
}

async function run(flags: DemoFlags, terminal: Terminal): Promise<number> {
  // With --json standard output belongs to the document, so the story goes to standard error.
  const stageTerminal: Terminal = flags.json === true ? { ...terminal, out: (text) => terminal.err(text) } : terminal;
  const folder = await mkdtemp(join(tmpdir(), 'postbearer-demo-'));
  const tell = createNarrator(stageTerminal);
  stageTerminal.out(
    `${stageTerminal.style('bold', 'Postbearer demo')}: real mail with OAuth 2.0 and XOAUTH2 over STARTTLS, on this machine alone.\n`,
  );
  const emulator = await startEmulator();
  try {
    const stage: Stage = {
      emulator,
      folder,
      settingsFile: join(folder, 'Global-variables.json'),
      terminal: stageTerminal,
      tell,
    };
    const report = await play(stage);
    if (flags.json === true) terminal.out(`${JSON.stringify(report, undefined, 2)}\n`);
    stageTerminal.out(
      `\n${report.ok ? stageTerminal.style('green', '✓ All of it worked.') : stageTerminal.style('red', '✗ Something did not work; see above.')}\n`,
    );
    if (flags.keep === true) {
      stageTerminal.out(
        `The emulator keeps running. Inbox: ${emulator.url}  (its certificate authority: ${emulator.certificateAuthorityFile})\n`,
      );
      stageTerminal.out(
        `Send to it:  npx postbearer send --config ${stage.settingsFile} --to ${RECEIVER} --subject Test --text Hello\nCtrl+C ends it.\n`,
      );
      await interrupted(terminal);
    } else {
      stageTerminal.out(`Keep the emulator running to try it yourself:  npm run demo -- --keep\n`);
    }
    return report.ok ? EXIT.ok : EXIT.bug;
  } finally {
    await emulator.close();
    if (terminal.signal.aborted) await rm(folder, { recursive: true, force: true });
  }
}

/** Adds the options and the action of `postbearer demo`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Starts a local Microsoft 365, sends real mail to it through the OAuth path, breaks and mends it, and shows what arrived.',
    )
    .option('--keep', 'leave the emulator running at the end, until Ctrl+C')
    .option('--json', 'print a report as one JSON document; the story goes to standard error')
    .addHelpText(
      'after',
      '\nExamples:\n  npm run demo\n  npm run demo -- --keep      then open the inbox page, or send to it with any mail client\n',
    )
    .action(async (flags: DemoFlags) => finish(await run(flags, terminal)));
};
