/** `postbearer queue discard`: never sends messages. */
import { defineVerb } from '../../change-messages.ts';
import type { DefineCommand } from '../../command-table.ts';

/** Adds the options and the action of `postbearer queue discard`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command.description('Never sends messages; their records stay.');
  defineVerb('discard', command, terminal, finish);
};
