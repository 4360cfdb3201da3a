/** The messages of a service for the eye. */
import { oneLine } from '@postbearer/core';
import type { MessageDetails, MessageRecord } from '@postbearer/queue';
import type { Terminal } from '../terminal.ts';
import { time } from './duration.ts';
import { presentFault } from './fault.ts';
import { table } from './table.ts';

const MESSAGE_HEADING = ['ID', 'STATE', 'ACCEPTED', 'APP', 'FROM', 'TO', 'SUBJECT', 'WHY'] as const;

/** Messages as rows. */
export function presentMessages(
  messages: readonly MessageRecord[],
  next: string | undefined,
  terminal: Terminal,
): string {
  if (messages.length === 0) return 'No messages.\n';
  const rows = messages.map(({ id, state, acceptedAt, app, from, recipientCount, subject, fault }) => [
    id,
    state,
    time(acceptedAt),
    app,
    from,
    `${recipientCount}`,
    oneLine(subject, 60),
    fault?.code ?? '',
  ]);
  const more = next === undefined ? '' : `More: --after ${next}\n`;
  return table(MESSAGE_HEADING, rows, terminal) + more;
}

/** One message with its recipients and what was tried. */
export function presentMessage(message: MessageDetails, terminal: Terminal): string {
  const { id, state, lane, app, origin, from, sender, messageId, subject, sizeBytes, acceptedAt, attempts } = message;
  const facts = [
    ['Message', `${id} is ${state}`],
    ['Accepted', `${time(acceptedAt)} UTC from ${app} (${origin})`],
    ['Lane', lane],
    ['From', from === sender ? from : `${from}, envelope ${sender}`],
    ['Message-ID', messageId],
    ['Subject', subject],
    ['Size', `${sizeBytes} bytes`],
    ['Attempts', String(attempts)],
  ].map(([label = '', value = '']) => `${label.padEnd(12)}${oneLine(value)}`);
  const recipients = message.recipients.map(({ address, state: of, faultCode = '' }) => [address, of, faultCode]);
  const tried = message.history.map(({ startedAt, node, replies }) => [
    time(startedAt),
    node,
    [...new Set(replies.map(({ verdict }) => verdict.outcome))].join(', '),
  ]);
  return [
    `${facts.join('\n')}\n`,
    table(['RECIPIENT', 'STATE', 'WHY'], recipients, terminal),
    ...(tried.length === 0 ? [] : [table(['TRIED', 'NODE', 'OUTCOME'], tried, terminal)]),
    ...(message.fault === undefined ? [] : [presentFault(message.fault, terminal)]),
  ].join('\n');
}
