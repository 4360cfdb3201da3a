/**
 * Every limit and every timeout of the server half, in one table.
 *
 * What a client does beyond a limit costs it a reply or its connection, never our memory. Values are those of RFC 5321
 * section 4.5.3 where it has one, otherwise those Postfix has shipped for many years.
 */

/** How much of anything a client may have. */
export interface SmtpServerLimits {
  /** A command line with its CRLF, before the allowances that extensions give (RFC 5321 section 4.5.3.1.4). */
  readonly commandLineBytes: number;
  /** A line of AUTH or of an exchange of it (RFC 4954 section 4). */
  readonly authLineBytes: number;
  /** A message as it is stored; also what the standard SIZE line announces (RFC 1870). */
  readonly messageBytes: number;
  /** Recipients of one message; the next ones are told 452 (RFC 5321 section 4.5.3.1.8). */
  readonly recipients: number;
  /** Recipients over the limit of one message that are only told 452; then the connection ends (Postfix: smtpd_recipient_overshoot_limit). */
  readonly recipientOvershoot: number;
  /** Replies of 400 and above since the last accepted message; then the connection ends (Postfix: smtpd_hard_error_limit). */
  readonly errors: number;
  /** Commands that send nothing (NOOP, RSET, VRFY, EHLO, HELP) since the last accepted message (Postfix: smtpd_junk_command_limit). */
  readonly junkCommands: number;
  /** Connections at a time. */
  readonly connections: number;
  /** Connections at a time from one IPv4 address or one IPv6 /64 (Postfix: smtpd_client_connection_count_limit). */
  readonly connectionsPerAddress: number;
}

/** How long a client may take, in milliseconds. */
export interface SmtpServerTimeouts {
  /** From a reply to the end of the next command line, however slowly its bytes come (RFC 5321 section 4.5.3.2.7). */
  readonly commandMs: number;
  /** Between two blocks of message content (RFC 5321 section 4.5.3.2.5). */
  readonly dataBlockMs: number;
  /** A whole message, so that one byte a minute does not hold a connection for ever. */
  readonly messageMs: number;
  /** A TLS handshake. */
  readonly tlsHandshakeMs: number;
  /** Until a client that was sent replies has read them. */
  readonly replyMs: number;
  /** After our last reply, until the client closes too; unread input is thrown away meanwhile so that the reply arrives. */
  readonly lingerMs: number;
}

/** The limits where {@link SmtpServerLimits} are not given. */
export const standardLimits: SmtpServerLimits = {
  commandLineBytes: 512,
  authLineBytes: 12_288,
  messageBytes: 50 * 1024 * 1024,
  recipients: 1000,
  recipientOvershoot: 1000,
  errors: 20,
  junkCommands: 100,
  connections: 1000,
  connectionsPerAddress: 50,
};

/** The timeouts where {@link SmtpServerTimeouts} are not given. */
export const standardTimeouts: SmtpServerTimeouts = {
  commandMs: 5 * 60_000,
  dataBlockMs: 3 * 60_000,
  messageMs: 60 * 60_000,
  tlsHandshakeMs: 60_000,
  replyMs: 5 * 60_000,
  lingerMs: 5_000,
};

/**
 * Bytes that the parameters of extensions may add to a command line: each parameter with the space before it, at its own
 * longest.
 */
const ALLOWANCES: Readonly<Record<string, number>> = {
  // SIZE 26 (RFC 1870), BODY 17 (RFC 6152), SMTPUTF8 10 (RFC 6531), AUTH 500 (RFC 4954), RET 9 and ENVID 107 (RFC 3461)
  MAIL: 26 + 17 + 10 + 500 + 9 + 107,
  // SMTPUTF8 10 (RFC 6531), NOTIFY 29 and ORCPT 507 (RFC 3461)
  RCPT: 10 + 29 + 507,
};

/** The longest line of a command, CRLF included. */
export function lineLimit(verb: string, limits: SmtpServerLimits): number {
  return verb === 'AUTH' ? limits.authLineBytes : limits.commandLineBytes + (ALLOWANCES[verb] ?? 0);
}

/** The longest line that any command may have: more than this is never kept. */
export function longestLine(limits: SmtpServerLimits): number {
  return Math.max(limits.authLineBytes, lineLimit('MAIL', limits));
}
