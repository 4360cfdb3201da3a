/**
 * Small checks that foreign JSON is put through before it is believed.
 *
 * A check throws at the first mistake and names the path of the key. Unknown keys are refused, not ignored: a misspelt
 * `smtpAuthDisable` would otherwise give a test that proves nothing.
 */
import { X509Certificate } from 'node:crypto';
import { EmulatorError, emulatorFaults } from '../faults.ts';

/** Throws EmulatorError with `EMULATOR_STATE_INVALID` where `value` is not what it should be. */
export type Check = (value: unknown, path: string) => void;

function mistake(key: string, reason: string): EmulatorError {
  return new EmulatorError(emulatorFaults.make('EMULATOR_STATE_INVALID', { key, reason }));
}

/** A check from a predicate; `reason` completes the sentence of the fault. */
function must(holds: (value: unknown) => boolean, reason: string): Check {
  return (value, path) => {
    if (!holds(value)) throw mistake(path, reason);
  };
}

/** A list whose items pass a check. */
export function listOf(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) throw mistake(path, 'a list is expected');
    for (const [index, item] of value.entries()) check(item, `${path}[${index}]`);
  };
}

/** An object with these keys only, those in `needed` present. */
export function record(keys: Readonly<Record<string, Check>>, needed: readonly string[] = []): Check {
  const checks = new Map(Object.entries(keys));
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw mistake(path === '' ? 'the top' : path, 'an object is expected');
    const prefix = path === '' ? '' : `${path}.`;
    for (const [key, item] of Object.entries(value)) {
      const check = checks.get(key);
      if (check === undefined) throw mistake(`${prefix}${key}`, 'this key is not known');
      if (item !== undefined) check(item, `${prefix}${key}`);
    }
    for (const key of needed) if (!Object.hasOwn(value, key)) throw mistake(`${prefix}${key}`, 'it is missing');
  };
}

/** A check that lets `null` pass. */
export function orNull(check: Check): Check {
  return (value, path) => {
    if (value !== null) check(value, path);
  };
}

/** Whether a text is a GUID as Entra writes them. */
export function isGuid(text: string): boolean {
  return /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text);
}

function isCertificate(value: string): boolean {
  try {
    return new X509Certificate(value).publicKey.type === 'public';
  } catch {
    return false;
  }
}

/** A text. */
export const text: Check = must((value) => typeof value === 'string', 'a text is expected');
/** True or false. */
export const flag: Check = must((value) => typeof value === 'boolean', 'true or false is expected');
/** A GUID. */
export const guid: Check = must((value) => typeof value === 'string' && isGuid(value), 'a GUID is expected');
/** A whole number from 1. */
export const count: Check = must(
  (value) => Number.isSafeInteger(value) && (value as number) > 0,
  'a whole number from 1 is expected',
);
/** An ISO 8601 moment. */
export const moment: Check = must(
  (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value) && !Number.isNaN(Date.parse(value)),
  'a moment such as 2027-01-31T00:00:00Z is expected',
);
/** A mail address, roughly. */
export const address: Check = must(
  (value) => typeof value === 'string' && /^[^@\s]+@[^@\s]+$/.test(value),
  'an address is expected',
);
/** A domain name, roughly. */
export const domain: Check = must(
  (value) => typeof value === 'string' && /^[^@\s/]+\.[^@\s/]+$/.test(value),
  'a domain is expected',
);
/** A certificate that can be read. */
export const pem: Check = must(
  (value) => typeof value === 'string' && isCertificate(value),
  'a certificate in PEM form is expected',
);
/** A JSON Web Key, as far as its form goes. */
export const jsonWebKey: Check = must(
  (value) => typeof value === 'object' && value !== null,
  'a JSON Web Key is expected',
);

/** One of these texts. */
export function oneOf(...choices: readonly string[]): Check {
  return must((value) => choices.some((choice) => choice === value), `one of ${choices.join(', ')} is expected`);
}
