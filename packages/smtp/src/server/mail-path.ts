/**
 * The argument of MAIL and RCPT: `FROM:` or `TO:`, a path in angle brackets, parameters (RFC 5321 section 4.1.2).
 *
 * The address is exactly what `parseMailboxAddress` accepts; nothing is repaired. More liberal than the grammar in one point:
 * spaces between the colon and the path are tolerated, as many devices send one. Source routes (`<@relay:user@example.com>`)
 * are refused, as RFC 5321 section 3.6.1 allows: none of them has a right use any more.
 */
import { parseMailboxAddress, type MailboxAddress } from '@postbearer/core';

/** A path and the text of its parameters. */
export interface PathArgument<Path> {
  readonly path: Path;
  /** What follows the path; parsed by `mail-parameters.ts`. */
  readonly parameters: string;
}

/** `address` means that the form is right and the address is not. */
export type PathProblem = 'syntax' | 'address';

/** Where the closing bracket stands: the first one outside of quotes. */
function findClosingBracket(text: string, from: number): number {
  let isQuoted = false;
  for (let index = from; index < text.length; index += 1) {
    const character = text[index];
    if (isQuoted && character === '\\') index += 1;
    else if (character === '"') isQuoted = !isQuoted;
    else if (character === '>' && !isQuoted) return index;
  }
  return -1;
}

/** The text in the brackets and what follows, or `undefined` where the form is wrong. */
function splitPath(argument: string, keyword: 'FROM:' | 'TO:'): PathArgument<string> | undefined {
  if (argument.slice(0, keyword.length).toUpperCase() !== keyword) return undefined;
  const rest = argument.slice(keyword.length).replace(/^ +/, '');
  if (!rest.startsWith('<')) return undefined;
  const end = findClosingBracket(rest, 1);
  if (end < 0) return undefined;
  const behind = rest.slice(end + 1);
  if (behind !== '' && !behind.startsWith(' ')) return undefined;
  return { path: rest.slice(1, end), parameters: behind };
}

/** Reads the argument of MAIL; the path is empty for the null sender. */
export function parseReversePath(argument: string): PathArgument<MailboxAddress | ''> | PathProblem {
  const split = splitPath(argument, 'FROM:');
  if (split === undefined) return 'syntax';
  if (split.path === '') return { path: '', parameters: split.parameters };
  const address = parseMailboxAddress(split.path);
  return address.ok ? { path: address.value, parameters: split.parameters } : 'address';
}

/**
 * Reads the argument of RCPT.
 *
 * @param postmaster - stands for `<Postmaster>` without a domain, in any case (RFC 5321 section 4.1.1.3).
 */
export function parseForwardPath(
  argument: string,
  postmaster: MailboxAddress,
): PathArgument<MailboxAddress> | PathProblem {
  const split = splitPath(argument, 'TO:');
  if (split === undefined) return 'syntax';
  if (split.path.toLowerCase() === 'postmaster') return { path: postmaster, parameters: split.parameters };
  const address = parseMailboxAddress(split.path);
  return address.ok ? { path: address.value, parameters: split.parameters } : 'address';
}
