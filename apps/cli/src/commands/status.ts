/** `postbearer status`: how the service stands, on one screen; once, or again each second. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandFailure } from '../command-failure.ts';
import type { DefineCommand } from '../command-table.ts';
import { addControlOptions, answer, need, withControl, type ControlFlags } from '../control-options.ts';
import { EXIT } from '../exit-codes.ts';
import { presentChanges } from '../present/changes.ts';
import { EMPTY_SCREEN, redrawn } from '../present/redraw.ts';
import { presentStatus } from '../present/status.ts';
import type { Terminal } from '../terminal.ts';

interface StatusFlags extends ControlFlags {
  readonly watch?: true;
  readonly changes?: true;
}

const REDRAW_MS = 1000;

async function once(flags: ControlFlags, terminal: Terminal): Promise<void> {
  const status = await withControl(flags, terminal, async (control) => need(await control.status({})));
  answer(flags, terminal, { ok: true, ...status }, () => presentStatus(status, terminal, Date.now()));
}

async function changes(flags: ControlFlags, terminal: Terminal): Promise<void> {
  const records = await withControl(flags, terminal, async (control) => need(await control.listAudit({ limit: 500 })));
  answer(flags, terminal, { ok: true, changes: records }, () => presentChanges(records, terminal));
}

/** The screen, or why there is none now: the service may be starting again. */
async function screen(flags: ControlFlags, terminal: Terminal): Promise<string> {
  try {
    const status = await withControl(flags, terminal, async (control) => need(await control.status({})));
    return flags.json === true ? JSON.stringify({ ok: true, ...status }) : presentStatus(status, terminal, Date.now());
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.fault === undefined) throw error;
    return flags.json === true ? JSON.stringify({ ok: false, fault: error.fault }) : `${error.message}\n`;
  }
}

async function watch(flags: ControlFlags, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  if (terminal.isTerminal && flags.json !== true) terminal.out(EMPTY_SCREEN);
  while (!signal.aborted) {
    const text = await screen(flags, terminal);
    const isDrawn = terminal.isTerminal && flags.json !== true;
    terminal.out(isDrawn ? redrawn(text, terminal.width) : `${text}\n`);
    await sleep(REDRAW_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Adds the options and the action of `postbearer status`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Shows on one screen how the service is, its lanes with what is queued and held in them, why messages wait, and what to do about it.',
    )
    .option('-w, --watch', 'show it anew each second, until Ctrl+C; with --json one line each')
    .option('--changes', 'in place of that: what operators changed, the latest first')
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer status\n  postbearer status --watch\n  postbearer status --data /srv/postbearer --json\n  postbearer status --changes\n',
    );
  addControlOptions(command).action(async (flags: StatusFlags) => {
    if (flags.changes === true) await changes(flags, terminal);
    else await (flags.watch === true ? watch(flags, terminal) : once(flags, terminal));
    finish(EXIT.ok);
  });
};
