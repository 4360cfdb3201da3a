/** The reference page of a fault: what it means, how it looks, why it happens, what to do, where the knowledge comes from. */
import type { FaultCode, FaultDefinition, NextStep } from '@postbearer/core';
import { looksOf } from '@postbearer/microsoft365';
import { causeOfCode, TELL_APART } from './explain/causes.ts';
import { wordsOf } from './explain/find-traces.ts';

const WHO_ACTS: Readonly<Record<NextStep, string>> = {
  retry: 'Nobody has to act: the same may work later, and Postbearer tries again by itself.',
  'needs-person':
    'Somebody has to grant or renew something where mail is administered. Mail waits until then; no attempt is used up.',
  'fix-configuration': 'The settings have to be corrected. Mail waits until then.',
  'fix-message': 'The message or its addresses have to be corrected; trying again does not help.',
  'give-up': 'The other side refused for good; trying again does not help.',
  uncertain: 'The message may have been accepted. Sending it again may double it.',
};
const MOST_WORDS = 12;

/** `{mailbox}` in a template as a manual shows it. */
function shown(template: string): string {
  return template.replaceAll(/\{([a-zA-Z0-9]+)\}/g, '`<$1>`');
}

/** A value of a command, which stands in a fence already. */
function plain(template: string): string {
  return template.replaceAll(/\{([a-zA-Z0-9]+)\}/g, '<$1>');
}

function lookLines(code: string): string[] {
  const lines = [...looksOf(code), ...wordsOf(code)];
  if (lines.length === 0) return [];
  const cut = lines.slice(0, MOST_WORDS);
  return [
    '## What it looks like',
    '',
    '```text',
    ...cut.map((line) => plain(line)),
    ...(lines.length > cut.length ? ['…'] : []),
    '```',
    '',
  ];
}

/** The page as Markdown. `owner` is the package that reports it. */
export function faultPage(code: FaultCode, owner: string, definition: FaultDefinition): string {
  const { title, message, cause, remedy, next, source, read } = definition;
  const slug = causeOfCode(code);
  const check = slug === undefined ? undefined : TELL_APART[slug];
  const lines = [
    `# ${title}`,
    '',
    `\`${code}\`, reported by \`${owner}\`${slug === undefined ? '' : `, cause \`${slug}\` of \`postbearer explain\``}.`,
    '',
    shown(message),
    '',
    ...lookLines(code),
    '## Why',
    '',
    shown(cause),
    '',
    ...(check === undefined ? [] : [`To tell it from what looks alike: ${check}`, '']),
    '## What to do',
    '',
    ...remedy.steps.map((step, index) => `${index + 1}. ${shown(step)}`),
    '',
    ...(remedy.command === undefined ? [] : ['```text', plain(remedy.command), '```', '']),
    WHO_ACTS[next],
    '',
    ...(source === undefined ? [] : [`Source: ${source}${read === undefined ? '' : `, read ${read}`}.`, '']),
  ];
  return lines.join('\n');
}
