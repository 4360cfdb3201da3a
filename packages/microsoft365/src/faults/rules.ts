/**
 * How a reply becomes a fault: tables of rules, first match wins.
 *
 * Rule: a reply is recognised by where it came (stage, or the token endpoint) and its numbers in their own fields (reply
 * code, enhanced code, AADSTS code). Only where one number has several causes does a whole phrase decide. Digits or words found
 * somewhere in a text decide nothing: a message id may hold `500`, a mailbox may be named `tenant`.
 */
import type { SmtpEvidence, SmtpStage, TokenEvidence } from '@postbearer/core';

/** A refusal of the token endpoint. */
export interface TokenRule<Code extends string> {
  readonly fault: Code;
  /** Numbers after AADSTS, any of which is meant. */
  readonly aadsts: readonly number[];
  /** Must stand in the description, whole. */
  readonly phrase?: string;
  readonly source: string;
}

/** A reply of an SMTP server. */
export interface SmtpRule<Code extends string> {
  readonly fault: Code;
  /** `535 5.7.139`: code and enhanced code; `550`: that code whatever its enhanced code. */
  readonly replies: readonly string[];
  readonly stages: readonly SmtpStage[];
  /** Must stand in the reply, whole. */
  readonly phrase?: string;
  readonly source: string;
}

const WORD = /[\p{L}\p{N}]/u;

/** A text as phrases are looked for in it: small letters, every run of white space one space. */
function flatten(text: string): string {
  return text.replaceAll(/\s+/g, ' ').toLowerCase();
}

/** Where a flattened text says a whole phrase, else -1: halves of words do not count. */
export function findPhrase(flat: string, phrase: string): number {
  const wanted = phrase.toLowerCase();
  for (let at = flat.indexOf(wanted); at >= 0; at = flat.indexOf(wanted, at + 1)) {
    const before = flat[at - 1];
    const after = flat[at + wanted.length];
    if ((before === undefined || !WORD.test(before)) && (after === undefined || !WORD.test(after))) return at;
  }
  return -1;
}

function saysPhrase(text: string, phrase: string): boolean {
  return findPhrase(flatten(text), phrase) >= 0;
}

/** The first rule that a token endpoint's refusal fulfils. */
export function findTokenRule<Code extends string>(
  rules: readonly TokenRule<Code>[],
  evidence: TokenEvidence,
): { readonly fault: Code; readonly aadsts: number } | undefined {
  for (const rule of rules) {
    const aadsts = rule.aadsts.find((code) => evidence.errorCodes.includes(code));
    if (aadsts === undefined) continue;
    if (rule.phrase !== undefined && !saysPhrase(evidence.errorDescription ?? '', rule.phrase)) continue;
    return { fault: rule.fault, aadsts };
  }
  return undefined;
}

/** The first rule that an SMTP reply fulfils. */
export function findSmtpRule<Code extends string>(
  rules: readonly SmtpRule<Code>[],
  evidence: SmtpEvidence,
): Code | undefined {
  const forms = new Set([String(evidence.code), `${evidence.code} ${evidence.enhanced ?? ''}`]);
  const text = evidence.lines.join(' ');
  return rules.find(
    (rule) =>
      rule.stages.includes(evidence.stage) &&
      rule.replies.some((reply) => forms.has(reply)) &&
      (rule.phrase === undefined || saysPhrase(text, rule.phrase)),
  )?.fault;
}
