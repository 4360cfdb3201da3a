/** What a sign is: words by which a cause shows itself in a text. */
import type { FaultCode } from '@postbearer/core';

/**
 * How much of the story a sign tells. Where a text holds a sign of a higher rank near one of a lower rank, the lower one is only
 * its consequence: a program says "not authenticated" because the server said why before.
 */
export const RANKS = { symptom: 1, refusal: 2, reason: 3 } as const;

/** `reason`: says why; `refusal`: says what was refused and not why; `symptom`: says what went wrong afterwards. */
export type Rank = keyof typeof RANKS;

/** Words that point to a cause. */
export interface Sign {
  readonly code: FaultCode;
  /** How sure the words alone make, from 0 to 1: from 0.8 only where they can mean nothing else. */
  readonly certainty: number;
  readonly rank: Rank;
  /** Any of these, whole words, in small letters; or a pattern where words alone cannot say it. */
  readonly says: readonly (string | RegExp)[];
  /** Where given, one of these must stand in the text too. */
  readonly beside?: readonly string[];
  /** Where given, none of these may stand in the text. */
  readonly not?: readonly string[];
}
