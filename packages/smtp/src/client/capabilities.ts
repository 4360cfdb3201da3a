/**
 * What a server offers, read from its answer to EHLO (RFC 5321 section 4.1.1.1).
 *
 * Offers made before encryption are forgotten: anybody on the way could have written them (RFC 3207 section 4.2).
 */
import type { SmtpReply } from '../reply/index.ts';

/** The extensions that matter to a client, and the rest as the server wrote it. */
export interface SmtpCapabilities {
  /** False where the server knows only HELO. */
  readonly isExtended: boolean;
  readonly startTls: boolean;
  /** SASL mechanisms in upper case, as offered. */
  readonly authMechanisms: readonly string[];
  readonly pipelining: boolean;
  readonly chunking: boolean;
  readonly eightBitMime: boolean;
  readonly smtpUtf8: boolean;
  readonly dsn: boolean;
  readonly enhancedStatusCodes: boolean;
  /** Whether `SIZE=` may be said with MAIL FROM. */
  readonly size: boolean;
  /** The largest message in bytes, where the server states one. */
  readonly sizeLimitBytes?: number;
  /** The lines of the answer without the first. */
  readonly lines: readonly string[];
}

/** Reads the answer to EHLO. */
export function parseCapabilities(reply: SmtpReply): SmtpCapabilities {
  const lines = reply.lines.slice(1);
  const parameters = new Map<string, string[]>();
  for (const line of lines) {
    // Old servers write `AUTH=LOGIN`.
    const [keyword = '', ...words] = line.replace(/^AUTH=/i, 'AUTH ').split(/\s+/);
    const key = keyword.toUpperCase();
    parameters.set(key, [...(parameters.get(key) ?? []), ...words.filter((word) => word !== '')]);
  }
  const limit = /^\d{1,15}$/.test(parameters.get('SIZE')?.[0] ?? '') ? Number(parameters.get('SIZE')?.[0]) : 0;
  return {
    isExtended: true,
    startTls: parameters.has('STARTTLS'),
    authMechanisms: [...new Set((parameters.get('AUTH') ?? []).map((name) => name.toUpperCase()))],
    pipelining: parameters.has('PIPELINING'),
    chunking: parameters.has('CHUNKING'),
    eightBitMime: parameters.has('8BITMIME'),
    smtpUtf8: parameters.has('SMTPUTF8'),
    dsn: parameters.has('DSN'),
    enhancedStatusCodes: parameters.has('ENHANCEDSTATUSCODES'),
    size: parameters.has('SIZE'),
    // SIZE 0 means no fixed limit (RFC 1870 section 3).
    ...(limit > 0 ? { sizeLimitBytes: limit } : {}),
    lines,
  };
}

/** What a server offers that knows only HELO: nothing. */
export const NO_CAPABILITIES: SmtpCapabilities = {
  isExtended: false,
  startTls: false,
  authMechanisms: [],
  pipelining: false,
  chunking: false,
  eightBitMime: false,
  smtpUtf8: false,
  dsn: false,
  enhancedStatusCodes: false,
  size: false,
  lines: [],
};
