/**
 * Blanks what may be a secret in a piece of a foreign text. Where it is not known which bytes are a credential, everything that
 * looks like one goes: tokens, values of fields that are named like a secret, what follows AUTH and Bearer.
 */

const BLANK = '[secret]';

const SECRETS: readonly RegExp[] = [
  /\beyJ[\w-]{10,}(?:\.[\w-]*){0,4}/g,
  /(?<=\b(?:bearer|auth (?:plain|login|xoauth2|oauthbearer)) )[\w.~+/=-]{8,}/gi,
  /(?<=\b(?:client_secret|client_assertion|password|passwd|pwd|access_token|refresh_token|id_token|secret|code|assertion)["']{0,2} ?[=:] ?["']{0,2})(?!redacted|\[secret)[^\s"'&,;}]{4,}/gi,
  // Base64 of `user=…^Aauth=…` and of a user name with a password.
  /\bdXNlcj[\w+/=]{8,}/g,
  /\bAHVz[\w+/=]{8,}/g,
];

/** The text with everything blanked that looks like a secret. */
export function maskSecrets(text: string): string {
  return SECRETS.reduce((masked, pattern) => masked.replaceAll(pattern, BLANK), text);
}
