/**
 * Text of a token endpoint, made fit to be kept and shown: no credential, no token, no line break.
 *
 * An endpoint, or a proxy that answers in its place, may echo the request or cut a reply in the middle of a token. So what was
 * sent as credential is blanked wherever it turns up, and so is whatever looks like a token.
 */
import { createScrubber, oneLine } from '@postbearer/core';

const TOKEN_MEMBER =
  /("(?:access_token|refresh_token|id_token|client_secret|client_assertion)"\s*:\s*")(?:[^"\\]|\\.)*/gi;
const JWT = /\beyJ[\w-]{6,}(?:\.[\w-]*){0,4}/g;
const LONGEST_READ = 8192;

/** Makes one text fit to be shown. */
export type CleanText = (text: string, maxChars?: number) => string;

/** Knows the credentials that went out. */
export function createCleaner(credentials: readonly string[]): CleanText {
  const scrubber = createScrubber();
  for (const [index, credential] of credentials.entries()) scrubber.add(String(index), credential);
  return (text, maxChars = 2000) => {
    const masked = text.slice(0, LONGEST_READ).replaceAll(TOKEN_MEMBER, '$1[token]').replaceAll(JWT, '[token]');
    return oneLine(scrubber.scrub(masked), maxChars);
  };
}

function formDecode(text: string): string {
  return new URLSearchParams(`x=${text}`).get('x') ?? '';
}

/** The credentials in a request as it goes out, each in every form in which it stands there. */
export function credentialsIn(headers: Readonly<Record<string, string>>, body: URLSearchParams): string[] {
  const basic = /^Basic (.+)$/.exec(headers['authorization'] ?? '')?.[1];
  const password = basic === undefined ? undefined : atob(basic).replace(/^[^:]*:/, '');
  const found = [
    body.get('client_secret'),
    body.get('client_assertion'),
    basic,
    password,
    password === undefined ? undefined : formDecode(password),
  ];
  return found.filter((text): text is string => typeof text === 'string' && text !== '');
}
