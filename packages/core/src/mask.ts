/**
 * The second line of defence against leaks: blanks known secrets wherever they turn up in a text.
 *
 * The first line is position: whoever writes a dialogue knows which bytes are a credential and never records them. This
 * scrubber knows the secrets in use and also their base64, URL-encoded and JSON forms, each whole and in pieces of 16
 * characters or more, since others cut and divide what they repeat.
 */

const MASK = '[secret]';
const SHORTEST_SECRET = 6;
const PIECE = 16;

/** Blanks secrets in texts. */
export interface Scrubber {
  /**
   * From now on `secret` is blanked, in place of an earlier one of the same `name` (a token that was renewed). Values shorter
   * than 6 characters are ignored: they would blank ordinary words.
   */
  add(name: string, secret: string): void;
  /**
   * The text without any known secret, in clear, base64 (at each of the three offsets), URL-encoded or inside a JSON text,
   * and without any 16 characters in a row of one.
   */
  scrub(text: string): string;
  /** As `scrub`, for the lines of one text: what is divided over lines is blanked in each of them. */
  scrubLines(lines: readonly string[]): readonly string[];
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function utf8Bytes(text: string): number[] {
  const bytes: number[] = [];
  for (const part of encodeURIComponent(text.toWellFormed()).matchAll(/%([0-9A-F]{2})|([^%])/g)) {
    bytes.push(part[1] === undefined ? (part[2] ?? '').charCodeAt(0) : Number.parseInt(part[1], 16));
  }
  return bytes;
}

/** The characters of base64 that depend on nothing but the secret when it starts at byte `offset` modulo 3. */
function base64Core(bytes: readonly number[], offset: number): string {
  const bits = [...Array.from({ length: offset }, () => 0), ...bytes]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('');
  const start = Math.ceil((offset * 8) / 6);
  const end = Math.floor(bits.length / 6);
  let text = '';
  for (let index = start; index < end; index += 1)
    text += BASE64[Number.parseInt(bits.slice(index * 6, index * 6 + 6), 2)] ?? '';
  return text;
}

/** Percent-encoded as `encodeURIComponent` does it and as HTML forms do it (WHATWG URL, which also encodes `!'()~`). */
function percentForms(secret: string): string[] {
  const encoded = encodeURIComponent(secret.toWellFormed());
  const form = encoded
    .replaceAll(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
  // Some programs write the hexadecimal digits in lower case.
  return [encoded, form].flatMap((text) => [text, text.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())]);
}

function formsOf(secret: string): string[] {
  const bytes = utf8Bytes(secret);
  const base64 = [0, 1, 2].map((offset) => base64Core(bytes, offset)).filter((form) => form.length >= SHORTEST_SECRET);
  const base64url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  const inJson = JSON.stringify(secret).slice(1, -1);
  return [secret, inJson, ...percentForms(secret), ...base64, ...base64url];
}

/** Where a secret stands: from the first position up to the second. */
type Span = readonly [from: number, to: number];

function piecesOf(forms: readonly string[]): ReadonlySet<string> {
  const pieces = new Set<string>();
  for (const form of forms) for (let at = 0; at + PIECE <= form.length; at += 1) pieces.add(form.slice(at, at + PIECE));
  return pieces;
}

function wholeIn(text: string, forms: readonly string[]): Span[] {
  const spans: Span[] = [];
  for (const form of forms)
    for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + form.length))
      spans.push([at, at + form.length]);
  return spans;
}

function piecesIn(text: string, pieces: ReadonlySet<string>): Span[] {
  const spans: Span[] = [];
  for (let at = 0; at + PIECE <= text.length; at += 1)
    if (pieces.has(text.slice(at, at + PIECE))) spans.push([at, at + PIECE]);
  return spans;
}

/** In order, those that overlap as one. */
function merged(spans: readonly Span[]): readonly Span[] {
  const result: Span[] = [];
  for (const [from, to] of spans.toSorted((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last === undefined || from >= last[1]) result.push([from, to]);
    else if (to > last[1]) result[result.length - 1] = [last[0], to];
  }
  return result;
}

/** `text`, which begins at position `start` of what `spans` count, with each of them blanked. */
function blank(text: string, start: number, spans: readonly Span[]): string {
  let clean = '';
  let done = 0;
  for (const [from, to] of spans) {
    const first = Math.max(from - start, 0);
    const end = Math.min(to - start, text.length);
    if (first >= end) continue;
    clean += text.slice(done, first) + MASK;
    done = end;
  }
  return clean + text.slice(done);
}

/**
 * Makes a scrubber that knows no secret yet.
 *
 * @example
 * ```ts
 * import { createScrubber } from '@postbearer/core';
 *
 * const scrubber = createScrubber();
 * scrubber.add('password', 'hunter2-hunter2');
 * scrubber.scrub('password=hunter2-hunter2;'); // => 'password=[secret];'
 * ```
 */
export function createScrubber(): Scrubber {
  const formsByName = new Map<string, readonly string[]>();
  let forms: readonly string[] = [];
  // Made when they are first needed: many a secret is never looked for.
  let pieces: ReadonlySet<string> | undefined;
  const find = (text: string): readonly Span[] => {
    if (forms.length === 0) return [];
    pieces ??= piecesOf(forms);
    return merged([...wholeIn(text, forms), ...piecesIn(text, pieces)]);
  };
  return {
    add(name, secret) {
      formsByName.set(name, secret.length < SHORTEST_SECRET ? [] : formsOf(secret));
      forms = [...new Set([...formsByName.values()].flat())];
      pieces = undefined;
    },
    scrub: (text) => blank(text, 0, find(text)),
    scrubLines(lines) {
      // Spaces around a line would keep the parts of a secret apart.
      const trimmed = lines.map((line) => line.trim());
      const spans = find(trimmed.join(''));
      if (spans.length === 0) return lines;
      let start = 0;
      return trimmed.map((line) => {
        const clean = blank(line, start, spans);
        start += line.length;
        return clean;
      });
    },
  };
}
