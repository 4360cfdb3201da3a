/** `postbearer queue release`: lets held messages go on. */
import { defineVerb } from '../../change-messages.ts';
import type { DefineCommand } from '../../command-table.ts';

/** Adds the options and the action of `postbearer queue release`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command.description('Lets held messages go on.');
  defineVerb('release', command, terminal, finish);
};
