/**
 * Small checks that foreign JSON is put through before it is believed.
 *
 * A check gives the first mistake with the path of its key. Unknown keys are refused, not ignored: a misspelt
 * `smtpAuthDisable` would otherwise give a test that proves nothing.
 */
import { X509Certificate } from 'node:crypto';

/** What is wrong, and where. */
export interface Mistake {
  /** The path of the key, such as `tenants[0].apps`. */
  readonly key: string;
  /** The end of a sentence. */
  readonly reason: string;
}

/** Gives the first mistake of a value that stands at a path; nothing where it is as it should be. */
export type Check = (value: unknown, path: string) => Mistake | undefined;

/** A check from a predicate; `reason` completes the sentence of the fault. */
export function must(holds: (value: unknown) => boolean, reason: string): Check {
  return (value, key) => (holds(value) ? undefined : { key, reason });
}

/** A list whose items pass a check. */
export function listOf(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return { key: path, reason: 'a list is expected' };
    for (const [index, item] of value.entries()) {
      const mistake = check(item, `${path}[${index}]`);
      if (mistake !== undefined) return mistake;
    }
    return undefined;
  };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function noObject(path: string): Mistake {
  return { key: path === '' ? 'the top' : path, reason: 'an object is expected' };
}

function below(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** An object with these keys only, those in `needed` present. */
export function record(keys: Readonly<Record<string, Check>>, needed: readonly string[] = []): Check {
  const checks = new Map(Object.entries(keys));
  return (value, path) => {
    if (!isObject(value)) return noObject(path);
    for (const [name, item] of Object.entries(value)) {
      const key = below(path, name);
      const check = checks.get(name);
      if (check === undefined) return { key, reason: 'this key is not known' };
      const mistake = item === undefined ? undefined : check(item, key);
      if (mistake !== undefined) return mistake;
    }
    const absent = needed.find((name) => !Object.hasOwn(value, name));
    return absent === undefined ? undefined : { key: below(path, absent), reason: 'it is missing' };
  };
}

/** An object that says with the text at `member` which of these forms it has. */
export function variant(member: string, forms: Readonly<Record<string, Check>>): Check {
  const known = new Map(Object.entries(forms));
  const reason = `one of ${[...known.keys()].join(', ')} is expected`;
  return (value, path) => {
    if (!isObject(value)) return noObject(path);
    const name: unknown = Reflect.get(value, member);
    const form = typeof name === 'string' ? known.get(name) : undefined;
    return form === undefined ? { key: below(path, member), reason } : form(value, path);
  };
}

/** A check that lets `null` pass. */
export function orNull(check: Check): Check {
  return (value, path) => (value === null ? undefined : check(value, path));
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
/** A JSON Web Key, as far as its form goes: members that are single values or lists of them (RFC 7517 section 4). */
export const jsonWebKey: Check = must(
  (value) =>
    isObject(value) &&
    Object.values(value)
      .flat()
      .every((member) => typeof member !== 'object'),
  'a JSON Web Key is expected',
);

/** One of these texts. */
export function oneOf(...choices: readonly string[]): Check {
  return must((value) => choices.some((choice) => choice === value), `one of ${choices.join(', ')} is expected`);
}
