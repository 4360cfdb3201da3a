/** A fault for the eye: heading, what was said, cause, numbered steps, the line to run. */
import { evidenceLine, oneLine, type Fault } from '@postbearer/core';
import type { Terminal } from '../terminal.ts';
import { wrap } from './wrap.ts';

/**
 * The fault as lines for a terminal, with a final line break.
 *
 * ```text
 * ✗ Client secret expired  M365_CLIENT_SECRET_EXPIRED
 *   The client secret of … expired.
 *   Said:  https://… said: HTTP 401 AADSTS7000222 …
 *   Why:   …
 *   Next:  1. …
 *          2. …
 *   Run:   postbearer …
 * ```
 */
export function presentFault(fault: Fault, terminal: Terminal): string {
  const said = evidenceLine(fault);
  const width = terminal.width - 9;
  const block = (label: string, text: string): string => {
    const [first = '', ...rest] = wrap(text, width);
    return [`  ${terminal.style('bold', label.padEnd(6))} ${first}`, ...rest.map((line) => `         ${line}`)].join(
      '\n',
    );
  };
  const steps = fault.remedy.steps.map((step, index) =>
    fault.remedy.steps.length === 1 ? step : `${index + 1}. ${step}`,
  );
  return `${[
    `${terminal.style('red', '✗')} ${terminal.style('bold', oneLine(fault.title))}  ${terminal.style('dim', fault.code)}`,
    ...wrap(oneLine(fault.message), terminal.width - 2).map((line) => `  ${line}`),
    ...(fault.during === undefined ? [] : [block('While:', oneLine(fault.during))]),
    ...(said === undefined ? [] : [block('Said:', said)]),
    block('Why:', oneLine(fault.cause)),
    ...steps.map((step, index) => block(index === 0 ? 'Next:' : '', oneLine(step))),
    // A command is copied, so it is never wrapped.
    ...(fault.remedy.command === undefined
      ? []
      : [`  ${terminal.style('bold', 'Run:  ')} ${terminal.style('cyan', oneLine(fault.remedy.command))}`]),
  ].join('\n')}\n`;
}
