/** The form of a reply, from a handler or from the server itself, and how it is written. */
import { oneLine } from '@postbearer/core';

/** A reply that is sent (RFC 5321 section 4.2). */
export interface SpokenReply {
  /** 200 to 599. */
  readonly code: number;
  /** Such as `5.7.3`; stands at the beginning of every line. */
  readonly enhanced?: string;
  /** One line, or several. Control characters are shown as escapes, so that no text can break the framing. */
  readonly text: string | readonly string[];
  /** Ends the connection after this reply. */
  readonly then?: 'close';
}

/** Cuts the line without a reply; for servers that play a fault. */
export interface DroppedLine {
  readonly drop: true;
}

/** What a handler may answer with. */
export type ServerReply = SpokenReply | DroppedLine;

/** Whether a reply refuses (4xx, 5xx) or cuts the line. */
export function isRefusal(reply: ServerReply): boolean {
  return 'drop' in reply || reply.code >= 400;
}

/** Gives back what a handler answered; a code that no reply may have is a mistake in the handler. */
export function checkReply<Reply extends ServerReply>(reply: Reply): Reply {
  if ('drop' in reply) return reply;
  const isCode = Number.isInteger(reply.code) && reply.code >= 200 && reply.code <= 599;
  if (!isCode) throw new RangeError(`A handler replied with the code ${reply.code}`);
  return reply;
}

/** The lines of a reply as they are sent, without CRLF. */
export function replyLines(reply: SpokenReply): string[] {
  const texts = typeof reply.text === 'string' ? [reply.text] : reply.text;
  const prefix = reply.enhanced === undefined ? '' : `${reply.enhanced} `;
  return texts.map(
    (text, index) => `${reply.code}${index < texts.length - 1 ? '-' : ' '}${oneLine(`${prefix}${text}`)}`,
  );
}
