/** The numbers that a text holds: AADSTS codes, SMTP replies with their enhanced status codes, error codes of Microsoft Graph. */
import { GRAPH_CODES, type ReplyInText } from '@postbearer/microsoft365';

/** A number with its place in the flattened text. */
export interface EntraNumber {
  readonly aadsts: number;
  readonly at: number;
}

/** So many numbers are looked at; a log of one fault repeats them. */
const MOST_NUMBERS = 2000;

/** Numbers after AADSTS, also where only the list `error_codes` holds them. */
export function entraNumbers(flat: string): readonly EntraNumber[] {
  const found: EntraNumber[] = [];
  for (const match of flat.matchAll(/aadsts[ :#-]{0,2}(\d{4,8})|error_?codes"?[ :=[]{1,6}(\d{5,8})/g)) {
    found.push({ aadsts: Number(match[1] ?? match[2]), at: match.index });
    if (found.length === MOST_NUMBERS) break;
  }
  return found;
}

/**
 * Replies: `535 5.7.139`, `535-5.7.139`, `(550, b'5.7.60`, `code "550", with message "550 5.7.60`, `smtp;550 5.1.1`, and an
 * enhanced status code that stands alone. The number of a version or of a network address is none.
 */
const REPLY = /(?<![\d.])(?:([245]\d\d)(?:[ \-:;,'"=#b(]{1,5}|: ))?([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)/g;
/** A reply without an enhanced status code, where the words around say that it is a reply. */
const BARE_REPLY =
  /(?:responsecode["' :=]{1,4}|smtp code[ :]{1,2}|said: |smtp;|response code[^\d]{1,40}code "|error[ :]{1,2}|<\*\* |s: |r:)([245]\d\d)\b/g;

/** Every reply of the text, with its place. */
export function replyNumbers(flat: string): readonly ReplyInText[] {
  const found: ReplyInText[] = [];
  for (const match of flat.matchAll(REPLY)) {
    const [, code, enhanced] = match;
    // A reply and its enhanced code are of one class (RFC 3463 section 2), but for 430 4.x and the like, which agree as well.
    const agrees = code === undefined || code[0] === enhanced?.[0] || code[0] === '5' || code[0] === '4';
    if (enhanced !== undefined && agrees) {
      found.push({ enhanced, at: match.index, ...(code === undefined ? {} : { code }) });
    }
    if (found.length === MOST_NUMBERS) return found;
  }
  for (const match of flat.matchAll(BARE_REPLY)) {
    const code = match[1];
    if (code !== undefined) found.push({ code, at: match.index });
    if (found.length === 2 * MOST_NUMBERS) break;
  }
  return found;
}

/** Error codes of Microsoft Graph that stand in the text. */
export function graphCodes(flat: string): readonly { readonly code: string; readonly at: number }[] {
  return GRAPH_CODES.flatMap((code) => {
    // A code of JSON: `smtpauthenticationerror` of Python is not `AuthenticationError` of Graph.
    const match = new RegExp(String.raw`(?<!\w)${code.toLowerCase()}(?!\w)`).exec(flat);
    return match === null ? [] : [{ code, at: match.index }];
  });
}
