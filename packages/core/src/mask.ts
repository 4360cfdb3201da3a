/**
 * The second line of defence against leaks: blanks known secrets wherever they turn up in a text.
 *
 * The first line is position: whoever writes a dialogue knows which bytes are a credential and never records them. This
 * scrubber knows the secrets in use and also their base64, URL-encoded and JSON forms.
 */

const MASK = '[secret]';
const SHORTEST_SECRET = 6;

/** Blanks secrets in texts. */
export interface Scrubber {
  /**
   * From now on `secret` is blanked, in place of an earlier one of the same `name` (a token that was renewed). Values shorter
   * than 6 characters are ignored: they would blank ordinary words.
   */
  add(name: string, secret: string): void;
  /** The text without any known secret, in clear, base64 (at each of the three offsets), URL-encoded or inside a JSON text. */
  scrub(text: string): string;
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
  let ordered: readonly string[] = [];
  return {
    add(name, secret) {
      formsByName.set(name, secret.length < SHORTEST_SECRET ? [] : formsOf(secret));
      // Longest first, so that no part of a longer form is left standing.
      ordered = [...new Set([...formsByName.values()].flat())].toSorted((a, b) => b.length - a.length);
    },
    scrub(text) {
      let clean = text;
      for (const form of ordered) if (clean.includes(form)) clean = clean.replaceAll(form, MASK);
      return clean;
    },
  };
}
