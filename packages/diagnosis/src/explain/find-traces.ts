/**
 * Finds every trace of a cause in a text: numbers first, then words.
 *
 * Rule: a number with the words that belong to it is as sure as anything can be; the same number alone, or the words alone, are
 * less so. `535 5.7.3` names no reason, so nothing makes it sure.
 */
import type { FaultCode } from '@postbearer/core';
import {
  recogniseEntraNumber,
  recogniseGraphCode,
  recogniseReplies,
  type RecognisedBy,
  type ReplyInText,
} from '@postbearer/microsoft365';
import { causeOfCode, type Cause } from './causes.ts';
import { entraNumbers, graphCodes, replyNumbers } from './read-numbers.ts';
import { encryptionSigns } from './signs/encryption.ts';
import { networkSigns } from './signs/network.ts';
import { panelSigns } from './signs/panels.ts';
import { sendingSigns } from './signs/sending.ts';
import { signInSigns } from './signs/sign-in.ts';
import { RANKS, type Rank, type Sign } from './signs/sign.ts';
import { OTHER_ENTRA_NUMBERS, tokenSigns } from './signs/token.ts';
import { translatedSigns } from './signs/translated.ts';

/** One place that points to a cause. */
export interface Trace {
  readonly cause: Cause;
  readonly code: FaultCode;
  readonly certainty: number;
  /** As a number, the higher the more of a reason. */
  readonly rank: number;
  readonly at: number;
  readonly length: number;
  /** How often the same stands there. */
  readonly times: number;
  readonly aadsts?: number;
}

/** Every sign that is looked for. */
export const SIGNS: readonly Sign[] = [
  ...networkSigns,
  ...encryptionSigns,
  ...tokenSigns,
  ...signInSigns,
  ...sendingSigns,
  ...panelSigns,
  ...translatedSigns,
];

const SURE: Readonly<Record<RecognisedBy, number>> = {
  'reply-and-phrase': 0.97,
  phrase: 0.9,
  reply: 0.9,
  enhanced: 0.78,
};
/** One or two words belong to several replies. */
const LOOSE_PHRASE = 0.5;
/** Replies that many servers give for many reasons; alone they say less. */
const VAGUE: Readonly<Record<string, { readonly certainty: number; readonly rank: Rank }>> = {
  M365_SIGN_IN_REFUSED: { certainty: 0.75, rank: 'refusal' },
  M365_NOT_AUTHENTICATED: { certainty: 0.88, rank: 'symptom' },
  M365_SERVER_BUSY: { certainty: 0.82, rank: 'reason' },
  M365_CONTENT_INVALID: { certainty: 0.85, rank: 'reason' },
  M365_AUTH_DATA_MALFORMED: { certainty: 0.85, rank: 'reason' },
};
/** Words that the numbers of Entra outweigh. */
const NUMBER_CERTAINTY = 0.96;
const MOST_TIMES = 10_000;
/** 70002 and 50012 stand beside a number that says more; 70001 and 90023 are said of several things. */
const LOOSE_NUMBERS: ReadonlyMap<number, number> = new Map([
  [70_002, 0.6],
  [50_012, 0.75],
  [70_001, 0.88],
  [70_000, 0.88],
]);

function traceOf(code: FaultCode, certainty: number, rank: Rank, at: number, length: number, times = 1): Trace[] {
  const cause = causeOfCode(code);
  return cause === undefined ? [] : [{ cause, code, certainty, rank: RANKS[rank], at, length, times }];
}

function entraTraces(flat: string): Trace[] {
  const counted = new Map<number, { at: number; times: number }>();
  for (const { aadsts, at } of entraNumbers(flat)) {
    const known = counted.get(aadsts);
    if (known === undefined) counted.set(aadsts, { at, times: 1 });
    else known.times += 1;
  }
  return [...counted].flatMap(([aadsts, { at, times }]) => {
    const length = 6 + String(aadsts).length;
    const known = recogniseEntraNumber(aadsts, flat);
    const certainty = LOOSE_NUMBERS.get(aadsts) ?? NUMBER_CERTAINTY;
    if (known !== undefined) {
      return traceOf(known, certainty, 'reason', at, length, times).map((trace) => ({ ...trace, aadsts }));
    }
    const other = OTHER_ENTRA_NUMBERS.find(({ numbers }) => numbers.includes(aadsts));
    return other === undefined
      ? []
      : traceOf(other.code, other.certainty, 'reason', at, length, times).map((trace) => ({ ...trace, aadsts }));
  });
}

function replyTraces(flat: string): Trace[] {
  const counted = new Map<string, { readonly reply: ReplyInText; times: number }>();
  for (const reply of replyNumbers(flat)) {
    const key = `${reply.code} ${reply.enhanced}`;
    const known = counted.get(key);
    if (known === undefined) counted.set(key, { reply, times: 1 });
    else known.times += 1;
  }
  const replies = [...counted.values()].map(({ reply }) => reply);
  return recogniseReplies(flat, replies).flatMap(({ code, by, at, phrase, reply }) => {
    const vague = VAGUE[code];
    const isLoose = by === 'phrase' && phrase !== undefined && phrase.split(' ').length < 3;
    const certainty = Math.min(isLoose ? LOOSE_PHRASE : SURE[by], vague?.certainty ?? 1);
    const times = reply === undefined ? 1 : (counted.get(`${reply.code} ${reply.enhanced}`)?.times ?? 1);
    return traceOf(code, certainty, vague?.rank ?? 'reason', at, 40, times);
  });
}

const WORD = /[\p{L}\p{N}]/u;

/** Where whole words stand in a text, and how often; also between letters of a script that has no spaces. */
function placesOf(flat: string, words: string): { readonly at: number; readonly times: number } | undefined {
  let first = -1;
  let times = 0;
  for (let at = flat.indexOf(words); at >= 0 && times < MOST_TIMES; at = flat.indexOf(words, at + words.length)) {
    const before = flat[at - 1];
    const after = flat[at + words.length];
    const isWhole =
      (before === undefined || !WORD.test(before) || !WORD.test(words[0] ?? '') || before > '\u2E80') &&
      (after === undefined || !WORD.test(after) || !WORD.test(words.at(-1) ?? '') || after > '\u2E80');
    if (!isWhole) continue;
    if (first < 0) first = at;
    times += 1;
  }
  return first < 0 ? undefined : { at: first, times };
}

function signTraces(flat: string): Trace[] {
  return SIGNS.flatMap((sign) => {
    const { code, certainty, rank, says, beside, not } = sign;
    if (beside !== undefined && !beside.some((words) => flat.includes(words))) return [];
    const found = says.flatMap((words) => {
      if (typeof words === 'string') {
        const place = placesOf(flat, words);
        return place === undefined ? [] : [{ ...place, length: words.length }];
      }
      const match = words.exec(flat);
      return match === null ? [] : [{ at: match.index, times: 1, length: match[0].length }];
    });
    const [best] = found.toSorted((a, b) => b.times - a.times || a.at - b.at);
    if (best === undefined) return [];
    if (not !== undefined && not.some((words) => flat.includes(words))) return [];
    return traceOf(code, certainty, rank, best.at, best.length, best.times);
  });
}

/** Every trace in a flattened text. */
export function findTraces(flat: string): readonly Trace[] {
  const graph = graphCodes(flat).flatMap(({ code, at }) => {
    const known = recogniseGraphCode(code);
    return known === undefined ? [] : traceOf(known, 0.95, 'reason', at, code.length);
  });
  return [...entraTraces(flat), ...replyTraces(flat), ...graph, ...signTraces(flat)];
}

/** The words by which a fault is known in a text, whole phrases only, the surest first. */
export function wordsOf(code: string): readonly string[] {
  return SIGNS.filter((sign) => sign.code === code)
    .toSorted((a, b) => b.certainty - a.certainty)
    .flatMap(({ says }) => says.filter((words) => typeof words === 'string'));
}
