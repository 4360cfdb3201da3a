/**
 * What is kept of the passwords of apps.
 *
 * A password that is made here has 160 random bits and cannot be guessed from its hash, so it is kept as SHA-256 and no connection
 * pays for a slow hash. One that somebody chose, because a device cannot be given another, is kept as scrypt (RFC 7914) with a
 * salt of its own. Comparing takes the same time whether it is right or wrong.
 */
import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { failure, Secret, success, type Result } from '@postbearer/core';
import { accessFaults } from './faults.ts';

const RANDOM_BYTES = 20;
/** Crockford's letters without i, l, o and u: a person may have to type it into a printer. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** A new password: 32 characters, 160 random bits. */
export function newPassword(): Secret {
  let bits = BigInt(`0x${randomBytes(RANDOM_BYTES).toString('hex')}`);
  let text = '';
  for (let index = 0; index < (RANDOM_BYTES * 8) / 5; index += 1) {
    text += ALPHABET.charAt(Number(bits & 31n));
    bits >>= 5n;
  }
  return Secret.of(text);
}

/** What is stored of a password that was made here: its SHA-256 as 64 hexadecimal digits. */
export function hashOf(password: Secret): string {
  return createHash('sha256').update(password.reveal(), 'utf8').digest('hex');
}

function areSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Whether a password is the one that was stored. A credential of a chosen password is never met here. */
export function isPassword(password: Secret, stored: string): boolean {
  return areSame(Buffer.from(hashOf(password)), Buffer.from(stored));
}

const SHORTEST = 8;
const LONGEST_BYTES = 256;

/** Checks a password that somebody chose. Fails with `ACCESS_PASSWORD_UNFIT`. */
export function checkChosenPassword(password: Secret, app: string): Result<Secret> {
  const text = password.reveal();
  const unfit = (reason: string): Result<Secret> =>
    failure(accessFaults.make('ACCESS_PASSWORD_UNFIT', { app, reason }));
  if (text.length < SHORTEST) return unfit(`it has fewer than ${SHORTEST} characters`);
  if (Buffer.byteLength(text) > LONGEST_BYTES) return unfit(`it has more than ${LONGEST_BYTES} bytes`);
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  if (/[\u0000-\u001f\u007f]/.test(text)) return unfit('it holds a control character');
  return text.toLowerCase() === app.toLowerCase() ? unfit('it is the name of the app') : success(password);
}

/** 2 to the power of this is the cost; with 8 blocks it takes 32 MiB (OWASP's password storage page, read 2026-11-24). */
const COST_BITS = 15;
const BLOCKS = 8;
const PARALLEL = 3;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
const SCHEME = 'scrypt';

function derive(password: Secret, salt: Buffer, costBits: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const options = { N: 2 ** costBits, r: BLOCKS, p: PARALLEL, maxmem: 2 * 128 * 2 ** costBits * BLOCKS };
  scrypt(password.reveal(), salt, KEY_BYTES, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  return promise;
}

/** What is stored of a password that somebody chose. Slow on purpose; off the main thread. */
export async function slowHashOf(password: Secret): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const key = await derive(password, salt, COST_BITS);
  return [SCHEME, COST_BITS, salt.toString('base64'), key.toString('base64')].join('$');
}

/** Whether what is stored is of a password that somebody chose. */
export function isSlow(stored: string): boolean {
  return stored.startsWith(`${SCHEME}$`);
}

/** Whether a password is the chosen one that was stored. Slow on purpose; off the main thread. */
export async function isChosenPassword(password: Secret, stored: string): Promise<boolean> {
  const [, costBits, salt = '', key = ''] = stored.split('$');
  const derived = await derive(password, Buffer.from(salt, 'base64'), Number(costBits));
  return areSame(derived, Buffer.from(key, 'base64'));
}
