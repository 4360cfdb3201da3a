/** What happens in a service, one line each, for the eye. */
import { levelOf, oneLine, sentenceOf } from '@postbearer/core';
import type { TraceItem } from '@postbearer/server';
import type { Style, Terminal } from '../terminal.ts';

const STYLES: Readonly<Partial<Record<string, Style>>> = { Error: 'red', Warning: 'yellow', Information: 'green' };
const WHO_WIDTH = 24;

/** An item as lines with a final line break: the time, and for a dialogue who speaks with whom. */
export function presentTrace({ at, event, skipped }: TraceItem, terminal: Terminal): string {
  const clock = terminal.style('dim', new Date(at).toISOString().slice(11, 23));
  const gap = skipped === undefined ? '' : `${clock} (${skipped} lines were left out)\n`;
  if (event.name !== 'smtp.dialogue') {
    const style = STYLES[levelOf(event)] ?? 'dim';
    return `${gap}${clock} ${terminal.style(style, sentenceOf(event))}\n`;
  }
  const { client, mailbox, app, connection, from, text } = event;
  const isOutgoing = client === undefined;
  const who = isOutgoing ? (mailbox ?? '') : (app ?? client);
  const heading = `${isOutgoing ? 'up  ' : 'down'} ${connection.padEnd(8)} ${oneLine(who, WHO_WIDTH).padEnd(WHO_WIDTH)}`;
  return `${gap}${clock} ${terminal.style('cyan', heading)} ${from === 'client' ? 'C:' : 'S:'} ${oneLine(text)}\n`;
}
