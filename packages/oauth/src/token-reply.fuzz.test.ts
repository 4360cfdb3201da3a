/**
 * 50,000 replies into the reader: whatever comes, a result comes out, what it shows is safe, and what it grants can be used.
 *
 * A seeded generator and not a property library: 50,000 replies take seconds, and a failure prints the reply.
 */
import { describe, expect, it } from 'vitest';
import { oneLine, success } from '@postbearer/core';
import { createCleaner } from './reply-text.ts';
import { readTokenReply } from './token-reply.ts';

const RUNS = 50_000;
const SECRET = 'fuzz-canary-Secret+7/dQ';

/** A small generator with a seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = generator(20_261_124);
const pick = <T>(items: readonly [T, ...T[]]): T => items[Math.floor(random() * items.length)] ?? items[0];
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => Math.floor(random() * 256));

const oddTexts = [
  '',
  ' ',
  'Bearer',
  'bearer',
  'a b',
  'a\r\nb',
  'a\0',
  'ä',
  '\u2028',
  '\uD800',
  '3599',
  '-1',
  '1e9',
  SECRET,
  '__proto__',
  'x'.repeat(300),
] as const;
const oddNumbers = [0, -0, -1, 1, 3599, 3599.5, 1e12, 1e308, -1e308, 2 ** 53] as const;
const statuses = [
  200, 200, 200, 200, 201, 204, 301, 302, 307, 400, 400, 401, 403, 404, 407, 408, 410, 429, 500, 503, 599, 0, 99, 999,
] as const;
const members = [
  'access_token',
  'token_type',
  'expires_in',
  'error',
  'error_description',
  'error_codes',
  'trace_id',
  'id_token',
  'scope',
  'refresh_token',
  'message',
  '__proto__',
  'constructor',
  'toString',
] as const;

function value(depth = 0): unknown {
  const kind = Math.floor(random() * (depth > 2 ? 5 : 7));
  if (kind === 0) return pick(oddNumbers);
  if (kind === 1) return null;
  if (kind === 2) return random() < 0.5;
  if (kind === 3) return [`token-${random()}`, Buffer.from(bytes(8)).toString('latin1')][Math.floor(random() * 2)];
  if (kind === 4) return pick(oddTexts);
  if (kind === 5) return Array.from({ length: Math.floor(random() * 4) }, () => value(depth + 1));
  return Object.fromEntries(Array.from({ length: Math.floor(random() * 4) }, () => [pick(members), value(depth + 1)]));
}

function object(): Record<string, unknown> {
  const good: Record<string, unknown> =
    random() < 0.7 ? { access_token: 'token', token_type: 'Bearer', expires_in: 3599 } : {};
  if (random() < 0.1) good['access_token'] = pick(oddTexts);
  for (let change = Math.floor(random() * 3); change > 0; change -= 1) good[pick(members)] = value();
  return good;
}

/** Damages bytes at a few places: cut, changed, doubled. */
function damaged(whole: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(whole);
  const how = Math.floor(random() * 4);
  if (how === 0) return copy.subarray(0, Math.floor(random() * copy.length));
  if (how === 1) return Buffer.concat([copy, copy]);
  for (let change = 0; change < 3; change += 1) copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
  return copy;
}

function body(): Uint8Array {
  const kind = random();
  if (kind < 0.1) return bytes(Math.floor(random() * 40));
  if (kind < 0.2) return Buffer.from(pick(oddTexts));
  const whole = Buffer.from(JSON.stringify(kind < 0.9 ? object() : value()) ?? '');
  return random() < 0.3 ? damaged(whole) : whole;
}

function headers(): Record<string, string | undefined> {
  const some: Record<string, string | undefined> = Object.create(null);
  if (random() < 0.3)
    some['retry-after'] = pick(['5', '-5', '9'.repeat(30), 'Tue, 24 Nov 2026 10:00:00 GMT', '\r\n', '']);
  if (random() < 0.2) some['www-authenticate'] = pick(['Basic', '', 'Bearer error="x', '\0']);
  if (random() < 0.2)
    some['location'] = pick(['https://other.example.com/', '//x', 'http://[', '', `https://x/?${SECRET}`]);
  return some;
}

describe('the reader of token replies', () => {
  it(`gives a result for each of ${RUNS} replies, and each is safe`, async () => {
    const clean = createCleaner([SECRET]);
    const context = { endpoint: 'https://login.example.com/token', clientId: 'client', scope: 'scope', clean, now: 0 };
    const seen = new Map<string, number>();
    for (let run = 0; run < RUNS; run += 1) {
      const reply = { status: pick(statuses), headers: headers(), body: body() };
      const result = await readTokenReply(success(reply), context);
      const code = result.ok ? 'granted' : result.fault.code;
      seen.set(code, (seen.get(code) ?? 0) + 1);
      const shown = result.ok ? '' : JSON.stringify(result.fault);
      const isSafe = result.ok
        ? reply.status === 200 &&
          /^[!-~]+$/.test(result.value.value.reveal()) &&
          result.value.lifetimeMs >= 60_000 &&
          result.value.lifetimeMs <= 86_400_000
        : code.startsWith('OAUTH_') && !shown.includes(SECRET) && shown === oneLine(shown, shown.length + 1);
      if (!isSafe)
        expect.fail(`${reply.status} ${JSON.stringify(Buffer.from(reply.body).toString('latin1'))} gave ${code}`);
    }
    // The replies reached every branch of the reader; else this would show little.
    for (const code of [
      'granted',
      'OAUTH_TOKEN_MISSING',
      'OAUTH_TOKEN_TYPE_WRONG',
      'OAUTH_TOKEN_UNUSABLE',
      'OAUTH_EXPIRY_INVALID',
      'OAUTH_REPLY_NOT_JSON',
      'OAUTH_REPLY_EMPTY',
      'OAUTH_REDIRECTED',
      'OAUTH_THROTTLED',
      'OAUTH_SERVER_UNAVAILABLE',
      'OAUTH_REQUEST_REFUSED',
      'OAUTH_CLIENT_REFUSED',
    ])
      expect([code, seen.get(code) ?? 0]).toEqual([code, expect.toSatisfy((count: number) => count > 50)]);
  }, 120_000);
});
