/** `postbearer queue retry`: tries messages again now. */
import { defineVerb } from '../../change-messages.ts';
import type { DefineCommand } from '../../command-table.ts';

/** Adds the options and the action of `postbearer queue retry`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command.description('Tries messages again now: what waits, is held, or ended without being delivered.');
  defineVerb('retry', command, terminal, finish);
};
