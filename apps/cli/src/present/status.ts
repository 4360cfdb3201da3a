/** The state of a service on one screen. */
import { oneLine } from '@postbearer/core';
import type { DayCount, LaneStatus, ServiceFacts, ServiceStatus, TokenFact } from '@postbearer/server';
import type { Terminal } from '../terminal.ts';
import { duration, moment, time } from './duration.ts';
import { presentFault } from './fault.ts';
import { table } from './table.ts';

const LANE_HEADING = ['LANE', 'QUEUED', 'SENDING', 'OLDEST', 'PACE', 'STATE'] as const;
const LABEL_WIDTH = 12;

function count(value: number): string {
  return value.toLocaleString('en');
}

function laneState({ holds, drainsAt }: LaneStatus, now: number): string {
  const held = holds.map(({ sender, kind, fault }) => {
    const whom = sender === '' ? 'held' : `${sender} held`;
    return `${whom} (${kind === 'person' ? 'by an operator' : (fault?.code ?? 'fault')})`;
  });
  if (held.length > 0) return held.join(', ');
  return drainsAt === undefined ? 'ready' : `drains at ${moment(drainsAt, now)}`;
}

/** The lanes as rows. */
export function presentLanes(lanes: readonly LaneStatus[], terminal: Terminal, now: number): string {
  const rows = lanes.map((lane) => [
    lane.lane,
    count(lane.queued),
    count(lane.leased),
    lane.oldestReadyAt === undefined ? '-' : duration(Math.max(0, now - lane.oldestReadyAt)),
    lane.pace === undefined ? '-' : `${lane.pace.messagesPerMinute}/min`,
    laneState(lane, now),
  ]);
  return rows.length === 0 ? 'No lanes.\n' : table(LANE_HEADING, rows, terminal);
}

function fact(label: string, text: string, terminal: Terminal): string {
  return `${terminal.style('bold', label.padEnd(LABEL_WIDTH))}${oneLine(text)}`;
}

function tokenWords({ upstream, state, expiresAt, failingSince, fault }: TokenFact, now: number): string {
  if (state === 'unproven') return `${upstream}: none was needed yet`;
  if (state === 'failing') return `${upstream}: none since ${time(failingSince)} UTC (${fault?.code ?? 'unknown'})`;
  if (expiresAt === undefined) return `${upstream}: there is one`;
  const left = expiresAt - now;
  return `${upstream}: until ${time(expiresAt)} UTC (${left > 0 ? duration(left) : 'over'})`;
}

function todayWords({ accepted, delivered, refused, deferred }: DayCount): string {
  return `${count(accepted)} accepted, ${count(delivered)} delivered, ${count(refused)} refused, ${count(deferred)} deferred`;
}

function bytes(value: number): string {
  return value >= 1e9 ? `${(value / 1e9).toFixed(1)} GB` : `${Math.floor(value / 1e6)} MB`;
}

function databaseWords({ database, disk }: ServiceFacts): string {
  const { kind, isUp, fault } = database;
  const state = isUp ? kind : `${kind} cannot be used (${fault?.code ?? 'unknown'})`;
  if (disk.freeBytes === undefined) return state;
  return `${state}; ${bytes(disk.freeBytes)} free in ${disk.folder}${disk.isNearlyFull ? ', too little to take mail' : ''}`;
}

function serviceLines(facts: ServiceFacts, terminal: Terminal, now: number): string[] {
  const { version, node, startedAt, listeners, relaySessions, upstreamConnections, tokens, webhooks, logDropped } =
    facts;
  const upstreams = Object.entries(upstreamConnections).map(([host, open]) => `${host}: ${open} open`);
  return [
    `Postbearer ${version} runs on node ${oneLine(node)} for ${duration(now - startedAt)}, since ${time(startedAt)} UTC`,
    fact('Takes mail', `${listeners.join(', ') || 'nowhere'}; ${count(relaySessions)} sessions`, terminal),
    fact('Sends', upstreams.join(', ') || 'no connection open', terminal),
    ...tokens.map((token, index) => fact(index === 0 ? 'Token' : '', tokenWords(token, now), terminal)),
    fact('Database', databaseWords(facts), terminal),
    ...webhooks.map(({ name, waiting, parked, reason }) =>
      fact(
        'Webhook',
        `${name}: ${count(waiting)} waiting, ${count(parked)} set aside${reason === undefined ? '' : ` (${reason})`}`,
        terminal,
      ),
    ),
    ...(logDropped === 0 ? [] : [fact('Log', `${count(logDropped)} records were lost`, terminal)]),
  ];
}

/** One screen: the service, its lanes, why messages wait, and what to do about each fault that holds. */
export function presentStatus(status: ServiceStatus, terminal: Terminal, now: number): string {
  const { service, today, lanes, stuck } = status;
  const faults = new Map(
    [...lanes.flatMap(({ holds }) => holds.map(({ fault }) => fault)), service?.database.fault].flatMap((fault) =>
      fault === undefined ? [] : [[fault.code, fault] as const],
    ),
  );
  const rows = stuck.map(({ state, faultCode = '-', lane, count: messages }) => [
    state,
    faultCode,
    lane,
    count(messages),
  ]);
  const head =
    service === undefined
      ? ['No service is running; this is what its database says.']
      : serviceLines(service, terminal, now);
  return [
    `${[...head, ...(today === undefined ? [] : [fact('Today', todayWords(today), terminal)])].join('\n')}\n`,
    presentLanes(lanes, terminal, now),
    ...(rows.length === 0 ? [] : [table(['WAITING', 'WHY', 'LANE', 'MESSAGES'], rows, terminal)]),
    ...[...faults.values()].map((fault) => presentFault(fault, terminal)),
  ].join('\n');
}
