/** The state of a service for the eye: lanes, holds, messages. */
import { oneLine } from '@postbearer/core';
import type { MessageDetails, MessageRecord } from '@postbearer/queue';
import type { LaneStatus, ServiceStatus } from '@postbearer/server';
import type { Terminal } from '../terminal.ts';
import { presentFault } from './fault.ts';
import { table } from './table.ts';

const LANE_HEADING = ['LANE', 'QUEUED', 'SENDING', 'OLDEST', 'STATE'] as const;
const MESSAGE_HEADING = ['ID', 'STATE', 'ACCEPTED', 'APP', 'FROM', 'TO', 'SUBJECT', 'WHY'] as const;

function time(ms: number | undefined): string {
  return ms === undefined ? '-' : new Date(ms).toISOString().replace('T', ' ').slice(0, 19);
}

function laneState({ holds, drainsAt }: LaneStatus): string {
  const held = holds.map(({ sender, kind, fault }) => {
    const whom = sender === '' ? 'held' : `${sender} held`;
    return `${whom} (${kind === 'person' ? 'by an operator' : (fault?.code ?? 'fault')})`;
  });
  if (held.length > 0) return held.join(', ');
  return drainsAt === undefined ? 'ready' : `drains at ${time(drainsAt)} UTC`;
}

/** The lanes as rows. */
export function presentLanes(lanes: readonly LaneStatus[], terminal: Terminal): string {
  const rows = lanes.map((lane) => [
    lane.lane,
    String(lane.queued),
    String(lane.leased),
    time(lane.oldestReadyAt),
    laneState(lane),
  ]);
  return rows.length === 0 ? 'No lanes.\n' : table(LANE_HEADING, rows, terminal);
}

/** One screen: whether a service runs, its lanes, why messages wait, and what to do about each fault that holds. */
export function presentStatus(status: ServiceStatus, terminal: Terminal): string {
  const faults = new Map(
    status.lanes.flatMap(({ holds }) =>
      holds.flatMap(({ fault }) => (fault === undefined ? [] : [[fault.code, fault]])),
    ),
  );
  const stuck = status.stuck.map(({ state, faultCode = '-', lane, count }) => [state, faultCode, lane, String(count)]);
  return [
    status.isRunning ? 'The service is running.\n' : 'No service is running; this is what its database says.\n',
    presentLanes(status.lanes, terminal),
    ...(stuck.length === 0 ? [] : [table(['WAITING', 'WHY', 'LANE', 'MESSAGES'], stuck, terminal)]),
    ...[...faults.values()].map((fault) => presentFault(fault, terminal)),
  ].join('\n');
}

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
