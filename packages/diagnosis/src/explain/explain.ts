/**
 * From any text to the causes it can be traced to, the most likely first.
 *
 * The rules of this file:
 * - a cause is as sure as its surest trace, and a little surer where an independent trace agrees;
 * - near a trace that says why, traces that only say what followed count little;
 * - nothing is called sure (0.8 and more) that rests on words which may mean something else;
 * - where nothing is known, nothing is said.
 */
import { oneLine, type Fault, type FaultCode, type Remedy } from '@postbearer/core';
import {
  faultOfText,
  microsoft365Faults,
  type Microsoft365Context,
  type Microsoft365FaultCode,
} from '@postbearer/microsoft365';
import { allFaults } from '../all-faults.ts';
import { fillFault } from './fill-fault.ts';
import { TELL_APART, type Cause } from './causes.ts';
import { findTraces, type Trace } from './find-traces.ts';
import { maskSecrets } from './mask-secrets.ts';
import { readText, type PlainText } from './read-text.ts';
import { valuesInText } from './values-in-text.ts';

/** A piece of the text that an answer rests on. */
export interface Excerpt {
  /** The line of the text, from 1. */
  readonly line: number;
  /** The words, secrets blanked. */
  readonly text: string;
  /** How often the same stands in the text. */
  readonly times: number;
}

/** A cause that the text can be traced to. */
export interface ExplainedCause {
  readonly cause: Cause;
  /** The code of the fault that explains it. */
  readonly code: FaultCode;
  /** From 0 to 1. */
  readonly confidence: number;
  readonly title: string;
  /** One plain sentence: what happened. */
  readonly message: string;
  /** Why it happens. */
  readonly why: string;
  /** The best pieces of the text for it, at most three. */
  readonly evidence: readonly Excerpt[];
  readonly remedy: Remedy;
  /** Whether the same may work later by itself, or who has to act. */
  readonly next: Fault['next'];
}

/** What is known of a text. */
export interface Explanation {
  /** The most likely first, at most five; empty where the text is not known. */
  readonly causes: readonly ExplainedCause[];
  /** The one check that would tell the causes apart, where the text cannot. */
  readonly tellApart?: string;
  /** How many lines were read. */
  readonly lines: number;
  /** Whether the text was longer than is read, and its middle left out. */
  readonly isCut: boolean;
}

/** What may be known beside the text. */
export interface ExplainOptions {
  /** The reader's own values, for the wording of remedies; those that stand in the text are used where they are left out. */
  readonly context?: Microsoft365Context;
}

const LEAST_CONFIDENCE = 0.3;
const SURE = 0.8;
const MOST_CAUSES = 5;
const MOST_EXCERPTS = 3;
const AGREEING = 0.25;
const MOST_CONFIDENCE = 0.98;
/** So near, in characters, traces belong to one story. */
const ONE_STORY = 2500;
/** What a consequence keeps beside its reason. */
const CONSEQUENCE = 0.3;
const LONGEST_SECRET = 8000;
const EXCERPT_BEFORE = 30;
const EXCERPT_AFTER = 120;

interface Weighed {
  readonly cause: Cause;
  readonly traces: readonly Trace[];
  readonly confidence: number;
  readonly rank: number;
}

function weigh(cause: Cause, traces: readonly Trace[]): Weighed {
  const sorted = traces.toSorted((a, b) => b.certainty - a.certainty || b.rank - a.rank);
  const [first] = sorted;
  const places = new Set<number>();
  let confidence = 0;
  for (const { certainty, at } of sorted) {
    if (places.size === 0) confidence = certainty;
    // Words that stand in one place are one trace.
    else if (confidence >= SURE && ![...places].some((place) => Math.abs(place - at) < 60)) {
      confidence += (1 - confidence) * certainty * AGREEING;
    }
    places.add(at);
  }
  const rank = Math.max(
    ...sorted.filter(({ certainty }) => certainty >= (first?.certainty ?? 0) - 0.2).map((trace) => trace.rank),
  );
  return { cause, traces: sorted, confidence: Math.min(MOST_CONFIDENCE, confidence), rank };
}

/** Whether a trace has a better reason near it. */
function isConsequence(weighed: Weighed, others: readonly Weighed[]): boolean {
  return others.some(
    (other) =>
      other !== weighed &&
      other.rank > weighed.rank &&
      other.confidence >= 0.5 &&
      weighed.traces.every(({ at }) => other.traces.some((trace) => Math.abs(trace.at - at) < ONE_STORY)),
  );
}

/** The words around a place. More is masked than is shown: a secret that is cut would not be known as one. */
function excerptAt(shown: string, at: number, length: number): string {
  const before = maskSecrets(shown.slice(Math.max(0, at - LONGEST_SECRET), at)).slice(-EXCERPT_BEFORE);
  const after = maskSecrets(shown.slice(at, at + LONGEST_SECRET)).slice(0, length + EXCERPT_AFTER);
  return oneLine(`${before}${after}`.trim());
}

function excerptsOf({ traces }: Weighed, plain: PlainText): Excerpt[] {
  const excerpts: Excerpt[] = [];
  const lines = new Set<number>();
  for (const { at, length, times } of traces) {
    const line = plain.lineAt(at);
    if (lines.has(line)) continue;
    lines.add(line);
    excerpts.push({ line, text: excerptAt(plain.shown, at, length), times });
    if (excerpts.length === MOST_EXCERPTS) break;
  }
  return excerpts;
}

const MICROSOFT: ReadonlySet<string> = new Set(Object.keys(microsoft365Faults.definitions));

function faultOf(code: FaultCode, context: Microsoft365Context, aadsts: number | undefined): Fault {
  if (MICROSOFT.has(code)) return faultOfText(code as Microsoft365FaultCode, context, aadsts);
  const owned = allFaults.find((fault) => fault.code === code);
  if (owned === undefined) throw new Error(`No catalogue holds ${code}.`);
  return fillFault(owned.code, owned.definition, context);
}

function explained(weighed: Weighed, plain: PlainText, context: Microsoft365Context): ExplainedCause {
  const [best] = weighed.traces;
  const code = best?.code as FaultCode;
  const { title, message, cause: why, remedy, next } = faultOf(code, context, best?.aadsts);
  return {
    cause: weighed.cause,
    code,
    confidence: Math.round(weighed.confidence * 100) / 100,
    title,
    message,
    why,
    evidence: excerptsOf(weighed, plain),
    remedy,
    next,
  };
}

/**
 * The causes that a text can be traced to. Nothing is sent anywhere; the time it takes grows with the length of the text.
 *
 * @param text - whatever there is: a reply, an exception, JSON, a log, a bounce.
 *
 * @example
 * ```ts
 * import { explain } from '@postbearer/diagnosis';
 *
 * const { causes } = explain(
 *   "smtplib.SMTPAuthenticationError: (535, b'5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.')",
 *   { context: { mailbox: 'notifications@contoso.com' } },
 * );
 * causes[0]?.cause; // => 'smtp-auth-disabled-mailbox'
 * causes[0]?.remedy.command; // => 'Set-CASMailbox -Identity notifications@contoso.com -SmtpClientAuthenticationDisabled $false'
 * explain('The quick brown fox.').causes; // => []
 * ```
 */
export function explain(text: string, options: ExplainOptions = {}): Explanation {
  const plain = readText(text);
  const byCause = Map.groupBy(findTraces(plain.flat), ({ cause }) => cause);
  const all = [...byCause].map(([cause, traces]) => weigh(cause, traces));
  const weighed = all
    .map((each) => (isConsequence(each, all) ? { ...each, confidence: each.confidence * CONSEQUENCE } : each))
    .filter(({ confidence }) => confidence >= LEAST_CONFIDENCE)
    .toSorted((a, b) => b.confidence - a.confidence || b.rank - a.rank || timesOf(b) - timesOf(a))
    .slice(0, MOST_CAUSES);
  const context = { ...valuesInText(plain.flat), ...options.context };
  const causes = weighed.map((each) => explained(each, plain, context));
  const [first, second] = causes;
  const isUnclear =
    first !== undefined && (first.confidence < SURE || (second !== undefined && second.confidence >= SURE));
  const tellApart = first === undefined || !isUnclear ? undefined : TELL_APART[first.cause];
  return {
    causes,
    ...(tellApart === undefined ? {} : { tellApart }),
    lines: plain.lines,
    isCut: plain.isCut,
  };
}

function timesOf({ traces }: Weighed): number {
  return traces.reduce((most, { times }) => Math.max(most, times), 0);
}
