/**
 * What this server offers on a connection, and therefore accepts.
 *
 * Rule: the EHLO lines are the one truth. A parameter, a mechanism or a command of an extension is accepted exactly where its
 * line is listed. AUTH is never listed without TLS, STARTTLS never within it.
 */
import type { AuthMechanism } from './handler.ts';

/** Every mechanism, in the order of the standard AUTH line. */
export const authMechanisms: readonly AuthMechanism[] = ['XOAUTH2', 'OAUTHBEARER', 'PLAIN', 'LOGIN'];

/** What a list of EHLO lines means. */
export interface Offers {
  /** As they are sent. */
  readonly lines: readonly string[];
  readonly mechanisms: ReadonlySet<AuthMechanism>;
  /** Upper-case keywords of all lines. */
  readonly keywords: ReadonlySet<string>;
}

/** What decides on the standard lines and on what may be listed at all. */
export interface OfferConditions {
  readonly isEncrypted: boolean;
  readonly canStartTls: boolean;
  readonly canAuthenticate: boolean;
  readonly messageBytes: number;
}

/** The lines of a server whose handler has no say in it. DSN and BINARYMIME are promises that only a handler can make. */
export function standardExtensions(conditions: OfferConditions): readonly string[] {
  const { isEncrypted, canStartTls, canAuthenticate, messageBytes } = conditions;
  return [
    'PIPELINING',
    `SIZE ${messageBytes}`,
    ...(canStartTls && !isEncrypted ? ['STARTTLS'] : []),
    ...(canAuthenticate && isEncrypted ? [`AUTH ${authMechanisms.join(' ')}`] : []),
    'ENHANCEDSTATUSCODES',
    '8BITMIME',
    'SMTPUTF8',
    'CHUNKING',
  ];
}

function keywordOf(line: string): string {
  return (/^[^ =]*/.exec(line)?.[0] ?? '').toUpperCase();
}

/** Reads a list of lines, leaving out what must not be offered. */
export function readOffers(lines: readonly string[], conditions: OfferConditions): Offers {
  const { isEncrypted, canStartTls, canAuthenticate } = conditions;
  const allowed = lines.filter((line) => {
    const keyword = keywordOf(line);
    if (keyword === 'AUTH') return isEncrypted && canAuthenticate;
    return keyword !== 'STARTTLS' || (canStartTls && !isEncrypted);
  });
  const words = new Set(
    allowed
      .filter((line) => keywordOf(line) === 'AUTH')
      .flatMap((line) => line.slice('AUTH'.length + 1).split(' '))
      .map((word) => word.toUpperCase()),
  );
  return {
    lines: allowed,
    mechanisms: new Set(authMechanisms.filter((mechanism) => words.has(mechanism))),
    keywords: new Set(allowed.map(keywordOf)),
  };
}
