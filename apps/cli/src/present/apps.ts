/** Apps for the eye: those that may send, the networks that are being learnt, and who was turned away. */
import { oneLine } from '@postbearer/core';
import type { AppRecord, Control } from '@postbearer/server';
import type { Terminal } from '../terminal.ts';
import { table } from './table.ts';

type ValueOf<Name extends keyof Control> = Extract<Awaited<ReturnType<Control[Name]>>, { readonly ok: true }>['value'];
type Refused = ValueOf<'listRefused'>[number];
type Learning = ValueOf<'listLearning'>[number];

const HEADING = ['APP', 'MAILBOXES', 'ALSO FROM', 'NETWORKS', 'ACCOUNTS', 'OTHER FROM', 'ADDED'] as const;

function time(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 19);
}

function row(app: AppRecord): string[] {
  const { name, mailboxes, from = [], networks = [], users = [], fromRule = 'refuse', createdAt, learnedAt } = app;
  const lists = [mailboxes, from, networks, users].map((texts) => texts.join(', '));
  return [
    name,
    ...lists,
    fromRule,
    `${time(createdAt).slice(0, 10)}${learnedAt === undefined ? '' : ' by calling in'}`,
  ];
}

/** The apps as rows, and the networks whose devices are being learnt. */
export function presentApps(apps: readonly AppRecord[], learning: readonly Learning[], terminal: Terminal): string {
  const list = apps.length === 0 ? 'No apps: nobody may send.\n' : table(HEADING, apps.map(row), terminal);
  const open = learning.map(
    ({ network, until, mailboxes }) =>
      `Learning the devices of ${network} until ${time(until)} UTC, for ${mailboxes.join(', ')}.\n`,
  );
  return [list, ...open].join('');
}

function presentOne({ address, username, app, sender, why, firstAt, lastAt, count, command }: Refused): string {
  const who = username === undefined ? (app ?? 'no name') : `"${username}"`;
  const times = count === 1 ? `once, ${time(lastAt)}` : `${count} times, ${time(firstAt)} to ${time(lastAt)}`;
  const what = sender === undefined ? why : `${why}: ${sender}`;
  return `${[`${address}  ${who}`, `  ${what} (${times} UTC)`, `  Run: ${command}`].map((line) => oneLine(line)).join('\n')}\n`;
}

/** Who was turned away, each with the one command that would admit it. */
export function presentRefused(refused: readonly Refused[]): string {
  return refused.length === 0 ? 'Nobody was turned away.\n' : refused.map(presentOne).join('\n');
}
