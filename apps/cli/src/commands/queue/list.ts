/** `postbearer queue list`: messages, the newest first, page by page; or why messages are stuck. */
import type { Fault } from '@postbearer/core';
import type { StuckCount } from '@postbearer/queue';
import type { Control } from '@postbearer/server';
import { InvalidArgumentError } from 'commander';
import type { DefineCommand } from '../../command-table.ts';
import { addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { addFilterOptions, filterOf, type FilterFlags } from '../../message-filter.ts';
import { presentMessages } from '../../present/service.ts';
import { presentStuck } from '../../present/stuck.ts';

interface ListFlags extends ControlFlags, FilterFlags {
  readonly limit: number;
  readonly after?: string;
  readonly stuck?: true;
}

/** Messages that wait for one reason, with the fault of one of them. */
interface StuckGroup extends StuckCount {
  readonly fault?: Fault;
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > 500)
    throw new InvalidArgumentError('It must be a number from 1 to 500.');
  return limit;
}

async function stuckGroups(control: Control): Promise<readonly StuckGroup[]> {
  const { stuck } = need(await control.status({}));
  const groups: StuckGroup[] = [];
  for (const group of stuck) {
    const { state, lane, faultCode } = group;
    const filter = { states: [state], lane, ...(faultCode === undefined ? {} : { faultCode }) };
    const { messages } = need(await control.listMessages({ filter, page: { limit: 1 } }));
    const fault = messages[0]?.fault;
    groups.push({ ...group, ...(fault === undefined ? {} : { fault }) });
  }
  return groups;
}

/** Adds the options and the action of `postbearer queue list`. */
export const define: DefineCommand = (command, terminal, finish) => {
  addFilterOptions(
    command.description('Lists messages, the newest first, page by page; those that were delivered are among them.'),
  )
    .option('--limit <number>', 'messages on a page', parseLimit, 50)
    .option('--after <id>', 'the page after this message')
    .option('--stuck', 'in place of messages: what waits, how much of it and why, with what to do')
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer queue list --state deferred --state held\n  postbearer queue list --to user@example.com\n  postbearer queue list --stuck\n',
    );
  addControlOptions(command).action(async (flags: ListFlags) => {
    if (flags.stuck === true) {
      const stuck = await withControl(flags, terminal, stuckGroups);
      answer(flags, terminal, { ok: true, stuck }, () => presentStuck(stuck, terminal));
    } else {
      const { limit, after } = flags;
      const input = { filter: filterOf(flags), page: { limit, ...(after === undefined ? {} : { after }) } };
      const page = await withControl(flags, terminal, async (control) => need(await control.listMessages(input)));
      answer(flags, terminal, { ok: true, ...page }, () => presentMessages(page.messages, page.next, terminal));
    }
    finish(EXIT.ok);
  });
};
