/** What an SMTP server answered. */

/** One complete reply (RFC 5321 section 4.2, RFC 2034). */
export interface SmtpReply {
  /** 200 to 599. */
  readonly code: number;
  /** Enhanced status code (RFC 3463) of the first line that carries one whose class agrees with `code`. */
  readonly enhanced?: string;
  /** The text of each line without code and enhanced code, safe to show. */
  readonly lines: readonly string[];
}

/** The reply as one line of text: `250 2.1.0 Sender OK`. */
export function replyText(reply: SmtpReply): string {
  return [reply.code, reply.enhanced, ...reply.lines].filter((part) => part !== undefined && part !== '').join(' ');
}
