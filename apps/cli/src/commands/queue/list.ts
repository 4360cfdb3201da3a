/** `postbearer queue list`: messages, the newest first, page by page. */
import { MESSAGE_STATES, type MessageFilter, type MessageState } from '@postbearer/queue';
import { InvalidArgumentError } from 'commander';
import type { DefineCommand } from '../../command-table.ts';
import { addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { presentMessages } from '../../present/service.ts';

interface ListFlags extends ControlFlags {
  readonly state?: readonly MessageState[];
  readonly lane?: string;
  readonly app?: string;
  readonly to?: string;
  readonly from?: string;
  readonly subject?: string;
  readonly fault?: string;
  readonly limit: number;
  readonly after?: string;
}

function parseState(text: string, before: readonly MessageState[] = []): readonly MessageState[] {
  if (!Object.hasOwn(MESSAGE_STATES, text))
    throw new InvalidArgumentError(`It must be one of ${Object.keys(MESSAGE_STATES).join(', ')}.`);
  return [...before, text as MessageState];
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > 500)
    throw new InvalidArgumentError('It must be a number from 1 to 500.');
  return limit;
}

function filterOf({ state, lane, app, to, from, subject, fault }: ListFlags): MessageFilter {
  return {
    ...(state === undefined ? {} : { states: state }),
    ...(lane === undefined ? {} : { lane }),
    ...(app === undefined ? {} : { app }),
    ...(to === undefined ? {} : { recipient: to }),
    ...(from === undefined ? {} : { from }),
    ...(subject === undefined ? {} : { subject }),
    ...(fault === undefined ? {} : { faultCode: fault }),
  };
}

/** Adds the options and the action of `postbearer queue list`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Lists messages, the newest first, page by page; those that were delivered are among them.')
    .option('--state <state>', 'only these states: queued, deferred, held, refused, …; repeat for more', parseState)
    .option('--lane <lane>', 'only this lane')
    .option('--app <name>', 'only what this app handed in')
    .option('--to <address>', 'only with this recipient')
    .option('--from <address>', 'only with this From')
    .option('--subject <words>', 'only with these words in the subject')
    .option('--fault <code>', 'only what met this fault last')
    .option('--limit <number>', 'messages on a page', parseLimit, 50)
    .option('--after <id>', 'the page after this message')
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer queue list --state deferred --state held\n  postbearer queue list --to user@example.com\n',
    );
  addControlOptions(command).action(async (flags: ListFlags) => {
    const { limit, after } = flags;
    const input = { filter: filterOf(flags), page: { limit, ...(after === undefined ? {} : { after }) } };
    const page = await withControl(flags, terminal, async (control) => need(await control.listMessages(input)));
    answer(flags, terminal, { ok: true, ...page }, () => presentMessages(page.messages, page.next, terminal));
    finish(EXIT.ok);
  });
};
