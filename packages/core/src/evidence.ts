/**
 * What the other side really said, kept whole beside a fault so that diagnosis can read it later.
 *
 * Evidence never holds a secret or a token: whoever records it masks by position first (the client knows which bytes
 * of a dialogue are a credential), and the scrubber of `mask.ts` is a second line of defence.
 */

/** Where in an SMTP session something happened, in the order of a session (RFC 5321, RFC 3207, RFC 4954). */
export type SmtpStage =
  | 'connect'
  | 'tls'
  | 'greeting'
  | 'ehlo'
  | 'starttls'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'content'
  | 'final'
  | 'rset'
  | 'quit';

/** A reply of an SMTP server, whole. */
export interface SmtpEvidence {
  readonly kind: 'smtp';
  readonly stage: SmtpStage;
  /** Host name or address that was connected to. */
  readonly host: string;
  /** Three-digit reply code (RFC 5321 section 4.2); 0 where the line broke before a reply came. */
  readonly code: number;
  /** Enhanced status code such as `5.7.139` (RFC 3463), where the reply carried one. */
  readonly enhanced?: string;
  /** The text of each line without its code, in order, control characters replaced. */
  readonly lines: readonly string[];
  /** The reason a server gave in a SASL challenge (base64 JSON of Google's XOAUTH2, RFC 7628), decoded. */
  readonly challenge?: string;
}

/** A reply of a token endpoint, as far as it could be read (RFC 6749 section 5.2 and Entra's additions). */
export interface TokenEvidence {
  readonly kind: 'token';
  /** The endpoint without query or user information. */
  readonly endpoint: string;
  /** HTTP status, where a reply came. */
  readonly status?: number;
  /** The `error` member. */
  readonly error?: string;
  /** The `error_description` member. */
  readonly errorDescription?: string;
  /** Entra's numbers, from `error_codes` or, where absent, from the AADSTS numbers in the description. */
  readonly errorCodes: readonly number[];
  readonly traceId?: string;
  readonly correlationId?: string;
  /** The server's own `timestamp` member. */
  readonly timestamp?: string;
  /** The beginning of a reply that was not the JSON it should be, control characters replaced. */
  readonly excerpt?: string;
}

/** A failure below the protocol: name resolution, TCP, TLS, a proxy. */
export interface NetworkEvidence {
  readonly kind: 'network';
  readonly host: string;
  readonly port: number;
  /** The error code of Node or OpenSSL, such as `ECONNREFUSED` or `CERT_HAS_EXPIRED`. */
  readonly errorCode?: string;
  readonly detail: string;
}

/** A reply of a web service that is no token endpoint, such as Microsoft Graph. */
export interface HttpEvidence {
  readonly kind: 'http';
  readonly method: string;
  /** Without query and user information. */
  readonly url: string;
  readonly status: number;
  /** The service's own code of the error, where it gave one. */
  readonly code?: string;
  /** What it said, control characters replaced. */
  readonly message?: string;
  /** The name under which the service knows this request. */
  readonly requestId?: string;
}

/** A place in a configuration. */
export interface SettingsEvidence {
  readonly kind: 'settings';
  /** Path of the key as its own form writes it: `smtp.oauth.clientId`, `EMAIL_OAUTH_TOKEN_CLIENT_ID`. */
  readonly key: string;
  /** The file it stands in, where there is one. */
  readonly file?: string;
  /** Line in that file, from 1. */
  readonly line?: number;
}

/** Everything that a fault can rest on. */
export type Evidence = SmtpEvidence | TokenEvidence | NetworkEvidence | HttpEvidence | SettingsEvidence;
