/** An explanation for the eye: the causes with how sure each is, the words it rests on, and what to do about the first. */
import { oneLine } from '@postbearer/core';
import type { ExplainedCause, Explanation } from '@postbearer/diagnosis';
import type { Terminal } from '../terminal.ts';
import { wrap } from './wrap.ts';

const BAR_CELLS = 10;
const SURE = 0.8;
const LIKELY = 0.5;

function sureness({ confidence }: ExplainedCause): string {
  if (confidence >= SURE) return 'sure';
  return confidence >= LIKELY ? 'likely' : 'possible';
}

function bar({ confidence }: ExplainedCause): string {
  const full = Math.round(confidence * BAR_CELLS);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)}`;
}

function block(label: string, text: string, terminal: Terminal): string {
  const [first = '', ...rest] = wrap(oneLine(text), terminal.width - 9);
  return [`  ${terminal.style('bold', label.padEnd(6))} ${first}`, ...rest.map((line) => `         ${line}`)].join(
    '\n',
  );
}

function heading(cause: ExplainedCause, terminal: Terminal): string {
  const percent = `${Math.round(cause.confidence * 100)} %`;
  const style = cause.confidence >= SURE ? 'green' : 'yellow';
  return `${terminal.style(style, bar(cause))} ${terminal.style('bold', cause.title)}  ${sureness(cause)}, ${percent}  ${terminal.style('dim', cause.code)}`;
}

function evidenceBlocks({ evidence }: ExplainedCause, total: number, terminal: Terminal): string[] {
  return evidence.map(({ line, text, times }, index) => {
    const place = total > 1 ? `line ${line}${times > 1 ? `, ${times} times` : ''}: ` : '';
    return block(index === 0 ? 'Words:' : '', `${place}${text}`, terminal);
  });
}

function whole(cause: ExplainedCause, lines: number, terminal: Terminal): string {
  const { message, why, remedy } = cause;
  const steps = remedy.steps.map((step, index) => (remedy.steps.length === 1 ? step : `${index + 1}. ${step}`));
  return [
    heading(cause, terminal),
    ...wrap(oneLine(message), terminal.width - 2).map((line) => `  ${line}`),
    ...evidenceBlocks(cause, lines, terminal),
    block('Why:', why, terminal),
    ...steps.map((step, index) => block(index === 0 ? 'Next:' : '', step, terminal)),
    ...(remedy.command === undefined
      ? []
      : [`  ${terminal.style('bold', 'Run:  ')} ${terminal.style('cyan', oneLine(remedy.command))}`]),
  ].join('\n');
}

/** The explanation as lines for a terminal, with a final line break. Causes that are as sure as the first are shown whole as well. */
export function presentExplanation({ causes, tellApart, lines, isCut }: Explanation, terminal: Terminal): string {
  const [first, ...others] = causes;
  if (first === undefined) {
    return `${terminal.style('yellow', '?')} I do not know this text.\n${wrap(
      'Nothing in it is an error of Microsoft 365, of SMTP or of a mail program that is known here. Paste more of it, with the lines before it, or run postbearer verify to look at the chain itself.',
      terminal.width - 2,
    )
      .map((line) => `  ${line}`)
      .join('\n')}\n`;
  }
  const alsoSure = others.filter(({ confidence }) => confidence >= SURE);
  const less = others.filter(({ confidence }) => confidence < SURE);
  return `${[
    ...(isCut ? ['The text is longer than 2 MB; its middle was left out.', ''] : []),
    [first, ...alsoSure].map((cause) => whole(cause, lines, terminal)).join('\n\n'),
    ...(less.length === 0 ? [] : ['', 'It may also be:']),
    ...less.map((cause) => `  ${heading(cause, terminal)}`),
    ...(tellApart === undefined ? [] : ['', block('Check:', tellApart, terminal)]),
  ].join('\n')}\n`;
}
