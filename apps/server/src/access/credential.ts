/**
 * Passwords of apps: made here, shown once, kept as SHA-256.
 *
 * A password of 160 random bits cannot be guessed from its hash, so a fast hash is enough, and no connection pays for a slow
 * one. Comparing takes the same time whether it is right or wrong.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Secret } from '@postbearer/core';

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

/** What is stored of a password: its SHA-256 as 64 hexadecimal digits. */
export function hashOf(password: Secret): string {
  return createHash('sha256').update(password.reveal(), 'utf8').digest('hex');
}

/** Whether a password is the one that was stored. */
export function isPassword(password: Secret, stored: string): boolean {
  const [given, known] = [Buffer.from(hashOf(password)), Buffer.from(stored)];
  return given.length === known.length && timingSafeEqual(given, known);
}
