/**
 * The parameters of MAIL and RCPT (RFC 5321 section 4.1.2, esmtp-param), each checked by the RFC that defines it.
 *
 * A parameter is known only where its extension is offered; others are refused as unknown, never ignored, because a client
 * that asks for something must be told that it will not get it. The same keyword twice is a mistake.
 */
import type { MailParameters, RecipientParameters } from './handler.ts';

/** Why parameters were refused. */
export type ParameterProblem = 'unknown' | 'invalid';

/** Reads the value of one parameter into what is known so far; `false` where the value is wrong. */
type Reader<Known> = (known: Known, value: string) => boolean;

interface Definition<Known> {
  /** The EHLO keyword that makes it known. */
  readonly extension: string;
  readonly read: Reader<Known>;
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

const KEYWORD = /^[A-Za-z0-9][A-Za-z0-9-]*$/;
/** esmtp-value, with the UTF-8 that RFC 6531 section 3.3 adds. */
const VALUE = /^[!-<>-~\u0080-\u{10ffff}]+$/u;
/** RFC 3461 section 4: printable ASCII but `+` and `=`, and hexadecimal pairs. */
const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})+$/;

/** Decodes xtext; `undefined` where it is not xtext or does not decode to printable text. */
function decodeXtext(text: string): string | undefined {
  if (!XTEXT.test(text)) return undefined;
  const bytes = text.replaceAll(/\+([0-9A-F]{2})/g, (_, pair: string) =>
    String.fromCharCode(Number.parseInt(pair, 16)),
  );
  return /^[ -~]+$/.test(bytes) ? bytes : undefined;
}

const mailDefinitions: Readonly<Record<string, Definition<Writable<MailParameters>>>> = {
  SIZE: {
    extension: 'SIZE',
    read(known, value) {
      // RFC 1870 section 3: up to 20 digits. What is beyond exact numbers is too large by any limit.
      if (!/^\d{1,20}$/.test(value)) return false;
      known.sizeBytes = Number(value);
      return true;
    },
  },
  BODY: {
    extension: '8BITMIME',
    read(known, value) {
      const body = value.toUpperCase();
      if (body !== '7BIT' && body !== '8BITMIME' && body !== 'BINARYMIME') return false;
      known.body = body;
      return true;
    },
  },
  SMTPUTF8: {
    extension: 'SMTPUTF8',
    read(known, value) {
      known.smtpUtf8 = true;
      return value === '';
    },
  },
  RET: {
    extension: 'DSN',
    read(known, value) {
      const what = value.toUpperCase();
      if (what !== 'FULL' && what !== 'HDRS') return false;
      known.return = what === 'FULL' ? 'full' : 'headers';
      return true;
    },
  },
  ENVID: {
    extension: 'DSN',
    read(known, value) {
      const envelopeId = value.length <= 100 ? decodeXtext(value) : undefined;
      if (envelopeId === undefined) return false;
      known.envelopeId = envelopeId;
      return true;
    },
  },
  AUTH: {
    extension: 'AUTH',
    // RFC 4954 section 5: a server that does not trust the client to vouch for others checks the form and leaves it at that.
    read: (_, value) => value === '<>' || decodeXtext(value) !== undefined,
  },
};

const NOTIFY = { SUCCESS: 'success', FAILURE: 'failure', DELAY: 'delay' } as const;

function parseNotify(value: string): RecipientParameters['notify'] | undefined {
  const words = value.toUpperCase().split(',');
  if (words.length === 1 && words[0] === 'NEVER') return [];
  if (new Set(words).size !== words.length) return undefined;
  const notify = words.flatMap((word) => (Object.hasOwn(NOTIFY, word) ? [NOTIFY[word as keyof typeof NOTIFY]] : []));
  return notify.length === words.length ? notify : undefined;
}

const recipientDefinitions: Readonly<Record<string, Definition<Writable<RecipientParameters>>>> = {
  NOTIFY: {
    extension: 'DSN',
    read(known, value) {
      const notify = parseNotify(value);
      if (notify === undefined) return false;
      known.notify = notify;
      return true;
    },
  },
  ORCPT: {
    extension: 'DSN',
    read(known, value) {
      const [, addressType, xtext] = /^([A-Za-z0-9-]+);(.{1,500})$/.exec(value) ?? [];
      const address = xtext === undefined ? undefined : decodeXtext(xtext);
      if (addressType === undefined || address === undefined) return false;
      known.originalRecipient = { addressType, address };
      return true;
    },
  },
};

function parseParameters<Known extends object>(
  text: string,
  definitions: Readonly<Record<string, Definition<Known>>>,
  offered: ReadonlySet<string>,
  known: Known,
): Known | ParameterProblem {
  const seen = new Set<string>();
  for (const word of text.split(' ')) {
    if (word === '') continue;
    const equals = word.indexOf('=');
    const name = (equals < 0 ? word : word.slice(0, equals)).toUpperCase();
    const value = equals < 0 ? '' : word.slice(equals + 1);
    if (!KEYWORD.test(name) || (equals >= 0 && !VALUE.test(value))) return 'invalid';
    const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
    if (definition === undefined || !offered.has(definition.extension)) return 'unknown';
    if (seen.has(name) || !definition.read(known, value)) return 'invalid';
    seen.add(name);
  }
  return known;
}

/**
 * Reads the parameters of MAIL.
 *
 * @param offered - the EHLO keywords that are offered.
 */
export function parseMailParameters(text: string, offered: ReadonlySet<string>): MailParameters | ParameterProblem {
  const parameters = parseParameters<Writable<MailParameters>>(text, mailDefinitions, offered, {});
  if (typeof parameters === 'string') return parameters;
  return parameters.body === 'BINARYMIME' && !offered.has('BINARYMIME') ? 'unknown' : parameters;
}

/**
 * Reads the parameters of RCPT.
 *
 * @param offered - the EHLO keywords that are offered.
 */
export function parseRecipientParameters(
  text: string,
  offered: ReadonlySet<string>,
): RecipientParameters | ParameterProblem {
  return parseParameters<Writable<RecipientParameters>>(text, recipientDefinitions, offered, {});
}
