/** `postbearer key add`: a key for programs that send or look over HTTP. */
import { FROM_RULES, KEY_SCOPES, type FromRule, type KeyInput, type KeyScope } from '@postbearer/server';
import { InvalidArgumentError, Option } from 'commander';
import { CommandFailure } from '../../command-failure.ts';
import type { DefineCommand } from '../../command-table.ts';
import { actorOf, addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { durationOf } from '../../duration.ts';
import { EXIT } from '../../exit-codes.ts';

interface AddFlags extends ControlFlags {
  readonly scope: readonly KeyScope[];
  readonly mailbox?: readonly string[];
  readonly from?: readonly string[];
  readonly fromRule?: FromRule;
  readonly expires?: string;
  readonly perMinute?: number;
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function parseScope(text: string, before: readonly KeyScope[] = []): readonly KeyScope[] {
  const scope = KEY_SCOPES.find((each) => each === text);
  if (scope === undefined) throw new InvalidArgumentError(`It must be one of ${KEY_SCOPES.join(', ')}.`);
  return [...before, scope];
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('It must be a number from 1 to 1,000,000.');
  return Number(text);
}

/** A day (its end in UTC) or a length of time from now. */
function endOf(text: string): number {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return Date.now() + durationOf('--expires', text);
  const end = Date.parse(`${text}T23:59:59Z`);
  if (Number.isNaN(end)) throw CommandFailure.usage(`--expires is no day: ${text}.`);
  return end;
}

function inputOf(name: string, flags: AddFlags): KeyInput {
  const { scope, mailbox = [], from = [], fromRule, expires, perMinute } = flags;
  return {
    name,
    scopes: scope,
    mailboxes: mailbox,
    from,
    ...(fromRule === undefined ? {} : { fromRule }),
    ...(perMinute === undefined ? {} : { requestsPerMinute: perMinute }),
    ...(expires === undefined ? {} : { expiresAt: endOf(expires) }),
  };
}

/** Adds the options and the action of `postbearer key add`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Adds a key for the HTTP API, and shows it: this once, for it is not kept.')
    .argument('<name>', 'its name, which says in lists and records who it was')
    .requiredOption(
      '--scope <scope>',
      'what it is for: send, read, manage (also retry, hold, discard) or admin; repeat for more',
      parseScope,
    )
    .option('--mailbox <address>', 'mailbox that it sends as and whose messages it sees; repeat for more', collect)
    .option('--from <address>', 'another address that it may have in From; repeat for more', collect)
    .addOption(
      new Option('--from-rule <rule>', 'what happens to another From: refuse, rewrite or keep').choices([
        ...FROM_RULES,
      ]),
    )
    .option('--expires <when>', 'when it ends: a day such as 2027-12-31, or a time from now such as 90d')
    .option('--per-minute <number>', 'requests that it may make in a minute; 6,000 where left out', parseCount)
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer key add shop --scope send --mailbox notifications@example.com\n  postbearer key add dashboard --scope read --expires 90d\n  postbearer key add operations --scope admin\n',
    );
  addControlOptions(command).action(async (name: string, flags: AddFlags) => {
    const input = { key: inputOf(name, flags), actor: actorOf() };
    const { key, secret } = await withControl(flags, terminal, async (control) => need(await control.addKey(input)));
    answer(
      flags,
      terminal,
      { ok: true, key, secret },
      () => `Added ${name}.\nKey  ${secret}\nWrite it down now: it is not shown again.\n`,
    );
    finish(EXIT.ok);
  });
};
