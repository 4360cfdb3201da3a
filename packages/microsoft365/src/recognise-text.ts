/**
 * What Microsoft's words mean where nothing but a text is left of them: a line of a log, a screenshot typed off, a bounce.
 *
 * The same tables decide as for a reply that was received (`faults/`), but a text has lost its stage, and often the first of
 * its two numbers. So a match also says what it rests on; how much that is worth is for the caller to judge.
 */
import { valuesOf, type Microsoft365Context } from './context.ts';
import { smtpRules, tokenRules } from './faults/all-rules.ts';
import { graphErrors } from './faults/graph.ts';
import { findPhrase } from './faults/rules.ts';
import { microsoft365Faults, type Microsoft365FaultCode } from './faults.ts';
import type { Fault } from '@postbearer/core';

/** A reply of an SMTP server as a text may hold it. */
export interface ReplyInText {
  /** The three digits, where they stand there. */
  readonly code?: string;
  /** The enhanced status code (RFC 3463), where it stands there. */
  readonly enhanced?: string;
  /** Where in the text. */
  readonly at: number;
}

/** What a text was recognised by: both numbers and a phrase is the most. */
export type RecognisedBy = 'reply-and-phrase' | 'phrase' | 'reply' | 'enhanced';

/** A fault that a text speaks of. */
export interface RecognisedReply {
  readonly code: Microsoft365FaultCode;
  readonly by: RecognisedBy;
  /** Where in the text. */
  readonly at: number;
  /** The phrase of the table that the text says, where the table has one. */
  readonly phrase?: string;
  /** The reply that it was recognised by, where it was one. */
  readonly reply?: ReplyInText;
}

function meets(
  rule: { readonly replies: readonly string[] },
  { code, enhanced }: ReplyInText,
): RecognisedBy | undefined {
  const both = `${code} ${enhanced}`;
  if (rule.replies.some((reply) => reply === both || (reply.length === 3 && reply === code))) return 'reply';
  if (code !== undefined || enhanced === undefined) return undefined;
  return rule.replies.some((reply) => reply.endsWith(` ${enhanced}`)) ? 'enhanced' : undefined;
}

/**
 * The faults that a text with these replies may speak of, each with what it was recognised by.
 *
 * @param flat - the words in small letters, every run of white space one space.
 */
export function recogniseReplies(flat: string, replies: readonly ReplyInText[]): readonly RecognisedReply[] {
  const found: RecognisedReply[] = [];
  const decided = new Set<ReplyInText>();
  for (const rule of smtpRules) {
    const saidAt = rule.phrase === undefined ? undefined : findPhrase(flat, rule.phrase);
    if (saidAt === -1) continue;
    const met = replies.flatMap((reply) => {
      const by = meets(rule, reply);
      return by === undefined || decided.has(reply) ? [] : [{ reply, by }];
    });
    const best = met.find(({ by }) => by === 'reply') ?? met[0];
    if (rule.phrase !== undefined && saidAt !== undefined) {
      const { phrase } = rule;
      found.push(
        best === undefined
          ? { code: rule.fault, by: 'phrase', at: saidAt, phrase }
          : { code: rule.fault, by: 'reply-and-phrase', at: saidAt, phrase, reply: best.reply },
      );
    } else if (best !== undefined) {
      found.push({ code: rule.fault, by: best.by, at: best.reply.at, reply: best.reply });
    }
    for (const { reply } of met) decided.add(reply);
  }
  return found;
}

/** The fault that a number after AADSTS means, in a flattened text; `undefined` where the tables do not know it. */
export function recogniseEntraNumber(aadsts: number, flat: string): Microsoft365FaultCode | undefined {
  return tokenRules.find(
    (rule) => rule.aadsts.includes(aadsts) && (rule.phrase === undefined || findPhrase(flat, rule.phrase) >= 0),
  )?.fault;
}

/** The fault that an error code of Microsoft Graph means. */
export function recogniseGraphCode(code: string): Microsoft365FaultCode | undefined {
  return Object.hasOwn(graphErrors, code) ? graphErrors[code] : undefined;
}

/** The error codes of Microsoft Graph that {@link recogniseGraphCode} knows. */
export const GRAPH_CODES: readonly string[] = Object.keys(graphErrors);

/** A fault of this package with the reader's own values in its wording, where nothing was received that could be its evidence. */
export function faultOfText(code: Microsoft365FaultCode, context: Microsoft365Context, aadsts?: number): Fault {
  return microsoft365Faults.make(code, { ...valuesOf(context), aadsts });
}

/** How a fault shows itself in a reply of the token endpoint, of Exchange Online or of Graph: `AADSTS7000222`, `535 5.7.139 … for the Tenant`. */
export function looksOf(code: string): readonly string[] {
  const numbers = tokenRules
    .filter(({ fault }) => fault === code)
    .flatMap((rule) =>
      rule.aadsts.map((aadsts) => `AADSTS${aadsts}${rule.phrase === undefined ? '' : `: ${rule.phrase}`}`),
    );
  const replies = smtpRules
    .filter(({ fault }) => fault === code)
    .flatMap((rule) => rule.replies.map((reply) => `${reply}${rule.phrase === undefined ? '' : ` ${rule.phrase}`}`));
  const graph = GRAPH_CODES.filter((each) => graphErrors[each] === code);
  return [...numbers, ...replies, ...graph];
}
