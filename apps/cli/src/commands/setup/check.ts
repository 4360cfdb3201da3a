/** `postbearer setup check`: proves the set-up by a real token and a real sign-in, and names the step that is missing. */
import type { Fault } from '@postbearer/core';
import { renderChain, type ChainReport } from '@postbearer/diagnosis';
import { createMailer } from '@postbearer/mailer';
import { causeOf, type Microsoft365FaultCode } from '@postbearer/microsoft365';
import type { DefineCommand } from '../../command-table.ts';
import { durationOf } from '../../duration.ts';
import { EXIT, exitCodeOf } from '../../exit-codes.ts';
import { addSettingsOptions, requireSettings, type SettingsFlags } from '../../settings-options.ts';
import type { Terminal } from '../../terminal.ts';

interface CheckFlags extends SettingsFlags {
  readonly upstream: string;
  /** Milliseconds. */
  readonly wait?: number;
}

/** Which step of the set-up a cause points to, and whether it may only not be known yet. */
interface MissingStep {
  readonly step: string;
  readonly command: string;
  readonly maySpread: boolean;
}

const ENTRA: MissingStep = { step: 'the app in Entra', command: 'postbearer setup entra', maySpread: true };
const EXCHANGE: MissingStep = {
  step: 'the registration or the permission in Exchange Online',
  command: 'postbearer setup exchange, then the script with -Mode Apply',
  maySpread: true,
};

const STEPS: Readonly<Record<string, MissingStep>> = {
  'app-not-found-in-tenant': ENTRA,
  'service-principal-missing-in-tenant': ENTRA,
  'client-secret-wrong': { ...ENTRA, step: 'the client secret, or it is a moment old' },
  'client-secret-expired': { ...ENTRA, step: 'a valid client secret', maySpread: false },
  'client-secret-missing': { ...ENTRA, step: 'the client secret', maySpread: false },
  'admin-consent-missing': { ...ENTRA, step: 'the admin consent' },
  'permission-not-declared': { ...ENTRA, step: 'the permission SMTP.SendAsApp' },
  'auth-rejected': EXCHANGE,
  'mailbox-access-missing': EXCHANGE,
  'smtp-auth-disabled-mailbox': { ...EXCHANGE, step: 'SMTP AUTH of the mailbox' },
  'smtp-auth-disabled-tenant': { ...EXCHANGE, step: 'SMTP AUTH of the mailbox' },
  'send-as-denied': { ...EXCHANGE, step: 'the right to send as the From address' },
};

const WIDE = 400;
const LOOK_AGAIN_MS = 30_000;

function missingStep(fault: Fault | undefined): MissingStep | undefined {
  if (fault === undefined || !Object.hasOwn(causeOf, fault.code)) return undefined;
  return STEPS[causeOf[fault.code as Microsoft365FaultCode]];
}

/** Waits, unless it is interrupted. */
async function pause(ms: number, { signal }: Terminal): Promise<void> {
  await new Promise<void>((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), done()), { once: true });
  });
}

async function look(flags: CheckFlags, terminal: Terminal): Promise<ChainReport | undefined> {
  const settings = await requireSettings(flags, terminal);
  if (settings === undefined) return undefined;
  // A mailer of its own each time: a token that was refused must not be used again.
  await using mailer = createMailer(settings, { environment: terminal.environment });
  return await mailer.verify({ signal: terminal.signal, upstream: flags.upstream });
}

/** Looks again until it works or the time is up: what was changed a moment ago may not be known yet. */
async function lookUntil(flags: CheckFlags, terminal: Terminal): Promise<ChainReport | undefined> {
  const { wait = 0 } = flags;
  const until = performance.now() + wait;
  for (;;) {
    const report = await look(flags, terminal);
    const missing = missingStep(report?.firstBroken?.fault);
    const leftMs = until - performance.now();
    if (report === undefined || report.ok || missing?.maySpread !== true || leftMs <= 0 || terminal.signal.aborted)
      return report;
    terminal.err(`… ${missing.step}: not yet; looking again, for ${Math.ceil(leftMs / 60_000)} min more\n`);
    await pause(Math.min(LOOK_AGAIN_MS, leftMs), terminal);
  }
}

function words(report: ChainReport): string {
  if (report.ok)
    return '✓ The set-up works: token, sign-in and sender were accepted.\n  Send a mail: postbearer send --to you@example.com --subject Test --text "It works."\n';
  const missing = missingStep(report.firstBroken?.fault);
  if (missing === undefined) return 'What is broken is no step of the set-up; the remedy above mends it.\n';
  return [
    `Missing: ${missing.step}`,
    `  Do:    ${missing.command}`,
    ...(missing.maySpread
      ? [
          '  If that is done: it may not be known everywhere yet. Operators report 15 minutes to 2 hours. Wait with: postbearer setup check --wait 2h',
        ]
      : []),
    '',
  ].join('\n');
}

async function run(flags: CheckFlags, terminal: Terminal): Promise<number> {
  const report = await lookUntil(flags, terminal);
  if (report === undefined) return EXIT.settings;
  const fault = report.firstBroken?.fault;
  const exitCode = report.ok ? EXIT.ok : fault === undefined ? EXIT.temporary : exitCodeOf(fault);
  if (flags.json === true) {
    const missing = missingStep(fault);
    terminal.out(
      `${JSON.stringify({ ...report, ...(missing === undefined ? {} : { missing }), exitCode }, undefined, 2)}\n`,
    );
    return exitCode;
  }
  const color = terminal.isTerminal && terminal.environment['NO_COLOR'] === undefined;
  const width = terminal.isTerminal ? terminal.width : WIDE;
  terminal.out(`${renderChain(report, { color, width, unicode: true })}\n\n${words(report)}`);
  return exitCode;
}

/** Adds the options and the action of `postbearer setup check`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Proves the set-up by a real token and a real sign-in, without sending a mail, and names the step that is missing or not known everywhere yet.',
    )
    .option('--upstream <name>', 'which upstream of the settings', 'default')
    .option('--wait <time>', 'look again until it works, for so long: 30m, 2h', (text) => durationOf('--wait', text))
    .addHelpText('after', '\nExamples:\n  postbearer setup check\n  postbearer setup check --wait 2h\n');
  addSettingsOptions(command).action(async (flags: CheckFlags) => finish(await run(flags, terminal)));
};
