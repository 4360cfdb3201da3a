/** The options that choose messages, as `queue list` and `queue export` share them. */
import { MESSAGE_STATES, type MessageFilter, type MessageState } from '@postbearer/queue';
import { InvalidArgumentError, type Command } from 'commander';

/** The values of {@link addFilterOptions}. */
export interface FilterFlags {
  readonly state?: readonly MessageState[];
  readonly lane?: string;
  readonly app?: string;
  readonly to?: string;
  readonly from?: string;
  readonly subject?: string;
  readonly fault?: string;
}

function parseState(text: string, before: readonly MessageState[] = []): readonly MessageState[] {
  if (!Object.hasOwn(MESSAGE_STATES, text))
    throw new InvalidArgumentError(`It must be one of ${Object.keys(MESSAGE_STATES).join(', ')}.`);
  return [...before, text as MessageState];
}

/** Adds the options. */
export function addFilterOptions(command: Command): Command {
  return command
    .option('--state <state>', 'only these states: queued, deferred, held, refused, …; repeat for more', parseState)
    .option('--lane <lane>', 'only this lane')
    .option('--app <name>', 'only what this app handed in')
    .option('--to <address>', 'only with this recipient')
    .option('--from <address>', 'only with this From')
    .option('--subject <words>', 'only with these words in the subject')
    .option('--fault <code>', 'only what met this fault last');
}

/** What the flags choose. */
export function filterOf({ state, lane, app, to, from, subject, fault }: FilterFlags): MessageFilter {
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
