/**
 * The outside ledger: what was accepted, as the client heard it, and what was delivered, as the sink saw it.
 *
 * Both are files, written before anybody goes on: the client writes a line before it sends the next message, the sink
 * before it answers. The verdict compares the two and never asks the service how it stands, but for messages that are
 * neither delivered nor told of: those it has to show in its queue.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A message that was accepted: 250 was heard, or 202. */
export interface AcceptedLine {
  readonly id: string;
  readonly sha: string;
  /** The name that the service gave it. */
  readonly queueId?: string;
}

/** A message that reached the sink. */
export interface DeliveredLine {
  readonly at: number;
  /** The name that the client gave it; empty for mail of the service's own. */
  readonly id: string;
  readonly sha: string;
  /** The message that it tells of, where it is a notice. */
  readonly about?: string;
  readonly messageId: string;
  readonly sender: string;
  readonly recipients: readonly string[];
}

/** What became of everything that was accepted. */
export interface Verdict {
  readonly accepted: number;
  /** Accepted, and neither delivered nor told of nor in the queue. */
  readonly lost: readonly string[];
  /** Delivered, and not as it was handed in. */
  readonly altered: readonly string[];
  /** Delivered more than once: how often. */
  readonly doubled: ReadonlyMap<string, number>;
  /** Not delivered, and told of by a notice. */
  readonly told: readonly string[];
  /** Delivered without having been accepted, as far as the client heard. */
  readonly unheard: readonly string[];
}

const RECEIVED_FIELD = /^Received:[^\r]*\r\n(?:[ \t][^\r]*\r\n)*/;

/** The digest of a message without the one field that the service adds at its top. */
export function digestOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1');
  return createHash('sha256').update(text.replace(RECEIVED_FIELD, ''), 'latin1').digest('hex');
}

function linesOf<Line>(file: string): Line[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

/** The two files of one test. */
export class Ledger {
  readonly acceptedFile: string;
  readonly deliveredFile: string;

  constructor(folder: string) {
    this.acceptedFile = join(folder, 'accepted.jsonl');
    this.deliveredFile = join(folder, 'delivered.jsonl');
  }

  /** Writes down that a message was accepted. */
  accept(line: AcceptedLine): void {
    appendFileSync(this.acceptedFile, `${JSON.stringify(line)}\n`);
  }

  get accepted(): AcceptedLine[] {
    return linesOf(this.acceptedFile);
  }

  get delivered(): DeliveredLine[] {
    return linesOf(this.deliveredFile);
  }

  /** Compares. `stillQueued` names messages that the service shows as not ended, or as held for a person. */
  verdict(stillQueued: ReadonlySet<string> = new Set()): Verdict {
    const delivered = this.delivered;
    const accepted = new Map(this.accepted.map((line) => [line.id, line]));
    const copies = Map.groupBy(
      delivered.filter(({ id }) => id !== ''),
      ({ id }) => id,
    );
    const told = new Set(delivered.flatMap(({ about }) => about ?? []));
    const missing = [...accepted.keys()].filter((id) => !copies.has(id) && !stillQueued.has(id));
    return {
      accepted: accepted.size,
      lost: missing.filter((id) => !told.has(id)),
      told: missing.filter((id) => told.has(id)),
      altered: [...copies].flatMap(([id, lines]) => {
        const whole = accepted.get(id)?.sha;
        return whole === undefined || lines.every(({ sha }) => sha === whole) ? [] : [id];
      }),
      doubled: new Map([...copies].filter(([, lines]) => lines.length > 1).map(([id, { length }]) => [id, length])),
      unheard: [...copies.keys()].filter((id) => !accepted.has(id)),
    };
  }
}
