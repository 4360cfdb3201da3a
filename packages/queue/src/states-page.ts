/** The page about the states of a message, drawn from the table: `docs/explanation/message-states.md`. */
import { MESSAGE_STATES, TRANSITIONS, type Transition } from './states.ts';

const PHASES = {
  hidden: 'not yet accepted',
  waiting: 'nobody works on it',
  working: 'a node works on it',
  ended: 'nothing more happens by itself',
} as const;

function nodeOf(state: string): string {
  return state === 'nothing' ? '[*]' : state;
}

/** One arrow of the diagram for all changes between the same two states. */
function arrows(): string[] {
  const labels = new Map<string, string[]>();
  for (const { trigger, from, to, isManual } of TRANSITIONS) {
    for (const start of from) {
      const arrow = `${nodeOf(start)} --> ${nodeOf(to)}`;
      labels.set(arrow, [...(labels.get(arrow) ?? []), isManual === true ? `${trigger} (by hand)` : trigger]);
    }
  }
  return [...labels].map(([arrow, triggers]) => `  ${arrow}: ${triggers.join(', ')}`);
}

function changeRow({ trigger, because, from, to, isManual }: Transition): string {
  const start = from.map((state) => (state === 'nothing' ? 'nothing' : `\`${state}\``)).join(', ');
  const end = to === 'nothing' ? 'nothing' : `\`${to}\``;
  return `| ${trigger}${isManual === true ? ' (by hand)' : ''} | ${start} | ${end} | ${because} |`;
}

/** The whole page. */
export function messageStatesPage(): string {
  return [
    '# The states of a message',
    '',
    'Drawn from the table in [`states.ts`](../../packages/queue/src/states.ts); a test compares the two.',
    '',
    'A message has one state, and each of its recipients has one. A recipient is open while something may still be sent to it:',
    '`queued`, `deferred` or `uncertain`. The message ends when none is open, with the worst state of its recipients.',
    'Whether a lane is held is no state of its messages: they stay `queued`, and nothing is leased from that lane.',
    '',
    '```mermaid',
    'stateDiagram-v2',
    ...arrows(),
    '```',
    '',
    '## States',
    '',
    '| state | meaning | |',
    '| --- | --- | --- |',
    ...Object.entries(MESSAGE_STATES).map(
      ([state, { phase, meaning }]) => `| \`${state}\` | ${meaning} | ${PHASES[phase]} |`,
    ),
    '',
    '## Changes',
    '',
    '| change | from | to | because |',
    '| --- | --- | --- | --- |',
    ...TRANSITIONS.map(changeRow),
    '',
  ].join('\n');
}
