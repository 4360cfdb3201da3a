/**
 * The causes that a text can be traced to, by the names that the results carry.
 *
 * Rule: a name is never changed and never used for something else; scripts read them. Those of Microsoft's faults stand in
 * `@postbearer/microsoft365`; here are those of everything before it.
 */
import { causeOf } from '@postbearer/microsoft365';

/** The name of a cause: `client-secret-expired`. */
export type Cause = string;

const BEFORE_MICROSOFT: Readonly<Record<string, Cause>> = {
  SMTP_HOST_NOT_FOUND: 'dns-name-not-found',
  SMTP_NAME_LOOKUP_FAILED: 'dns-temporary-failure',
  SMTP_CONNECTION_REFUSED: 'connection-refused',
  SMTP_UNREACHABLE: 'connection-timeout',
  SMTP_CONNECTION_LOST: 'connection-reset',
  NETWORK_PROXY_UNREACHABLE: 'proxy-unreachable',
  NETWORK_PROXY_SIGN_IN: 'proxy-auth-required',
  SMTP_CERTIFICATE_UNKNOWN_AUTHORITY: 'tls-untrusted-certificate',
  SMTP_CERTIFICATE_WRONG_HOST: 'tls-certificate-name-or-date',
  SMTP_CERTIFICATE_EXPIRED: 'tls-certificate-name-or-date',
  SMTP_TLS_VERSION_UNSUPPORTED: 'tls-version-mismatch',
  SMTP_STARTTLS_NOT_OFFERED: 'starttls-not-offered',
  DIAGNOSIS_TLS_MODE: 'tls-mode-mismatch',
  DIAGNOSIS_NO_GREETING: 'greeting-timeout',
  DIAGNOSIS_CREDENTIALS_EMPTY: 'smtp-credentials-missing',
  DIAGNOSIS_CLIENT_WITHOUT_TOKEN: 'client-token-unavailable',
  DIAGNOSIS_NOT_THE_TOKEN_ENDPOINT: 'token-endpoint-wrong',
};

const CAUSE_OF: ReadonlyMap<string, Cause> = new Map(Object.entries({ ...causeOf, ...BEFORE_MICROSOFT }));

/** The cause that a fault means; `undefined` of one that no text is traced to. */
export function causeOfCode(code: string): Cause | undefined {
  return CAUSE_OF.get(code);
}

/** The codes of all faults that mean a cause. */
export const CAUSE_CODES: readonly string[] = [...CAUSE_OF.keys()];

/**
 * What tells apart the causes that look alike, for the reader: by the cause that comes first.
 *
 * Only where a text names no reason is there something to tell apart.
 */
export const TELL_APART: Readonly<Record<Cause, string>> = {
  'auth-rejected':
    'Run postbearer verify: it reads the token (audience, roles, app, tenant, end) and tries the sign-in, which leaves one of these causes.',
  'basic-credentials-wrong':
    'Sign in once at outlook.office.com with the same user name and password: if that works, the password is right and something refuses its use for SMTP.',
  'client-not-authenticated':
    'Look a few lines further up in the same log for the reply to AUTH: if there is none, no sign-in was tried; if it is a 535, its words name the reason.',
  'connection-timeout':
    'Run postbearer verify on the same machine: it tries name, connection and encryption one by one and names the first that fails.',
  'connection-reset':
    'Run postbearer verify on the same machine: it shows whether the line breaks before the greeting, at STARTTLS or later.',
  'connection-refused': 'Look which host and port the program really uses: localhost means that no server is set.',
  'tls-version-mismatch':
    'Run openssl s_client -starttls smtp -connect smtp.office365.com:587 -tls1_2 on the same machine: if that works, the program is too old, not the way.',
  'tls-untrusted-certificate':
    'Run postbearer verify on the same machine: it shows who issued the certificate; an issuer that is your own company or a security product means inspection.',
  'client-token-unavailable':
    "Look for the reply of the token endpoint in the same program's log, and explain that text.",
  'greeting-timeout':
    'Connect with openssl s_client -connect HOST:PORT: if certificates appear at once, the port wants TLS from the first byte.',
};
