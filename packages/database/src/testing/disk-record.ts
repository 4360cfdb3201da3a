/**
 * What a program did to its files, as strace recorded it, and what a disk may hold after the power was cut.
 *
 * A write is on the disk once its file has been flushed; until then the cut may have lost it, kept it, or kept a part
 * of it, whatever came before or after. Answers of the program stand among its writes.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Something that happened, in the order in which it was done. */
export type DiskEvent =
  | { readonly kind: 'write'; readonly file: string; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly file: string; readonly size: number }
  | { readonly kind: 'flush'; readonly file: string }
  | { readonly kind: 'remove'; readonly file: string }
  | { readonly kind: 'answer'; readonly id: number };

/** What strace has to be asked for. */
export const RECORD_OPTIONS: readonly string[] = [
  '-y',
  '-xx',
  '-s',
  '70000',
  '-e',
  'trace=pwrite64,ftruncate,fsync,fdatasync,unlink,write',
];

function unhex(text: string): Buffer {
  return Buffer.from(text.replaceAll(String.raw`\x`, ''), 'hex');
}

const PATTERNS: readonly (readonly [RegExp, (found: readonly string[]) => DiskEvent])[] = [
  [
    /^pwrite64\(\d+<([^>]+)>, "([^"]*)", \d+, (\d+)\)\s+= \d+/,
    ([, file = '', bytes = '', offset]) => ({
      kind: 'write',
      file: pathOf(file),
      bytes: unhex(bytes),
      offset: Number(offset),
    }),
  ],
  [
    /^ftruncate\(\d+<([^>]+)>, (\d+)\)\s+= 0/,
    ([, file = '', size]) => ({ kind: 'truncate', file: pathOf(file), size: Number(size) }),
  ],
  [/^f(?:data)?sync\(\d+<([^>]+)>\)\s+= 0/, ([, file = '']) => ({ kind: 'flush', file: pathOf(file) })],
  [/^unlink\("([^"]+)"\)\s+= 0/, ([, file = '']) => ({ kind: 'remove', file: unhex(file).toString() })],
];

/** With -xx paths are in hexadecimal too. */
function pathOf(text: string): string {
  return text.startsWith(String.raw`\x`) ? unhex(text).toString() : text;
}

function answersIn(call: string): DiskEvent[] {
  const [, bytes] = /^write\(1<[^>]*>, "([^"]*)"/.exec(call) ?? [];
  if (bytes === undefined) return [];
  return [
    ...unhex(bytes)
      .toString()
      .matchAll(/^ack (\d+)$/gm),
  ].map(([, id]) => ({ kind: 'answer', id: Number(id) }));
}

/** Reads a record. */
export function readRecord(text: string): DiskEvent[] {
  const events: DiskEvent[] = [];
  const unfinished = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (rest.endsWith('<unfinished ...>')) {
      const begun = rest.slice(0, -'<unfinished ...>'.length).trimEnd();
      unfinished.set(thread, begun);
      // An answer counts from when it begins to be heard.
      events.push(...answersIn(begun));
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const call = resumed === null ? rest : `${unfinished.get(thread) ?? ''}${resumed[1] ?? ''}`;
    if (resumed === null) events.push(...answersIn(call));
    for (const [pattern, eventOf] of PATTERNS) {
      const found = pattern.exec(call);
      if (found !== null) events.push(eventOf(found));
    }
  }
  return events;
}

type Pending = Extract<DiskEvent, { kind: 'write' | 'truncate' }>;

/** Bytes that grow as they are written. */
class GrowingBytes {
  #bytes: Buffer;
  #size: number;

  constructor(copied: Buffer = Buffer.alloc(0)) {
    this.#bytes = Buffer.from(copied);
    this.#size = copied.length;
  }

  get content(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }

  apply(event: Pending): void {
    const size = event.kind === 'truncate' ? event.size : Math.max(this.#size, event.offset + event.bytes.length);
    if (size > this.#bytes.length) this.#bytes = Buffer.concat([this.content], size * 2);
    // What lies beyond the end is zero when the file grows again.
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    this.#size = size;
    if (event.kind === 'write') event.bytes.copy(this.#bytes, event.offset);
  }
}

/** One file: what is surely on the disk, and what may be. */
class FileImage {
  readonly #flushed = new GrowingBytes();
  #pending: Pending[] = [];

  add(event: Pending): void {
    this.#pending.push(event);
  }

  flush(): void {
    for (const event of this.#pending) this.#flushed.apply(event);
    this.#pending = [];
  }

  /** What the disk may hold now. */
  cut(keep: Keep): Buffer {
    const bytes = new GrowingBytes(this.#flushed.content);
    for (const event of this.#pending) {
      const part = keep(event);
      if (part !== undefined) bytes.apply(part);
    }
    return bytes.content;
  }
}

/** What of a write that was not flushed is on the disk: it, a part of it, or nothing. */
export type Keep = (event: Pending) => Pending | undefined;

/** The ways in which a cut may treat what was not flushed. `random` draws from 0 up to 1. */
export function waysToKeep(random: () => number): Readonly<Record<string, Keep>> {
  const SECTOR = 512;
  return {
    nothing: () => undefined,
    everything: (event) => event,
    some: (event) => (random() < 0.5 ? event : undefined),
    torn: (event) => {
      if (event.kind === 'truncate') return event;
      const sectors = Math.floor((random() * event.bytes.length) / SECTOR);
      return { ...event, bytes: event.bytes.subarray(0, sectors * SECTOR) };
    },
  };
}

/** A disk on which events happen one after the other. */
export class Disk {
  readonly #files = new Map<string, FileImage>();
  /** The rows that have been confirmed. */
  readonly confirmed: number[] = [];

  /** Lets one more thing happen. */
  happen(event: DiskEvent): void {
    if (event.kind === 'answer') {
      this.confirmed.push(event.id);
      return;
    }
    if (event.kind === 'remove') {
      this.#files.delete(event.file);
      return;
    }
    const image = this.#files.get(event.file) ?? new FileImage();
    this.#files.set(event.file, image);
    if (event.kind === 'flush') image.flush();
    else image.add(event);
  }

  /** Writes what the disk holds if the power is cut now into `folder`. */
  cutPower(keep: Keep, folder: string): void {
    mkdirSync(folder, { recursive: true });
    for (const [file, image] of this.#files) writeFileSync(join(folder, basename(file)), image.cut(keep));
  }
}
