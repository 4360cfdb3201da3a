/**
 * Whether OAuth does as well as the password did, from what both delivered.
 *
 * The rule, in plain words. A message counts once for each way, by its latest attempt on it; messages and addresses that are
 * wrong in themselves count for neither. Then:
 * - *failing*: OAuth is stopped by a set-up fault now; or it fails more often than the password, and chance alone would bring
 *   that about less than once in a hundred times (Fisher's exact test, one-sided). Where nothing went with the password, it is
 *   held against a way that fails for 2 messages in 100;
 * - *safe*: with 95 % confidence (Clopper and Pearson, one-sided) fewer than 10 in 100 messages more fail with OAuth than with
 *   the password. Without any failure that takes 29 messages;
 * - *inconclusive*: neither. More messages tell.
 *
 * The tests are exact, not approximations for large numbers: a canary is small.
 */

/** What came of the messages of one way. */
export interface WayCounts {
  readonly delivered: number;
  readonly failed: number;
}

/** What is judged. */
export interface Observed {
  readonly oauth: WayCounts;
  readonly password: WayCounts;
  /** Whether a set-up fault stops OAuth now. */
  readonly isHeld: boolean;
}

/** The judgement. */
export interface MigrationVerdict {
  readonly verdict: 'safe' | 'failing' | 'inconclusive';
  /** Why, in a sentence. */
  readonly reason: string;
  /** How many more messages, if all of them are delivered, would show that it is safe; only where that is open. */
  readonly needed?: number;
}

const CHANCE = 0.01;
const CONFIDENCE = 0.95;
const MARGIN = 0.1;
/** How often a way fails that works, where nothing went with the password to tell. */
const USUAL_SHARE = 0.02;
const STEPS = 60;
const MOST_NEEDED = 10_000;

function logFactorials(most: number): Float64Array {
  const logs = new Float64Array(most + 1);
  for (let index = 2; index <= most; index += 1) logs[index] = (logs[index - 1] ?? 0) + Math.log(index);
  return logs;
}

function logChoose(logs: Float64Array, n: number, k: number): number {
  return (logs[n] ?? 0) - (logs[k] ?? 0) - (logs[n - k] ?? 0);
}

/** The chance of at most `failed` failures among `n` where each fails with the chance `share`. */
function atMost(failed: number, n: number, share: number, logs: Float64Array): number {
  let sum = 0;
  for (let k = 0; k <= failed; k += 1)
    sum += Math.exp(logChoose(logs, n, k) + k * Math.log(share) + (n - k) * Math.log1p(-share));
  return Math.min(1, sum);
}

/**
 * The largest share of failures that is still likely enough after `failed` of `n`: the upper end of the one-sided interval
 * of Clopper and Pearson (Biometrika 26, 1934).
 */
export function largestLikelyShare(failed: number, n: number): number {
  if (failed >= n) return 1;
  const logs = logFactorials(n);
  let [low, high] = [failed / n, 1];
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low + high) / 2;
    if (atMost(failed, n, middle, logs) > 1 - CONFIDENCE) low = middle;
    else high = middle;
  }
  return high;
}

/** The chance that so many failures or more fall to OAuth if both ways are alike (Fisher, one-sided). */
export function chanceIfAlike(oauth: WayCounts, password: WayCounts): number {
  const n = oauth.delivered + oauth.failed;
  const others = password.delivered + password.failed;
  if (others === 0) {
    const logs = logFactorials(n);
    return oauth.failed === 0 ? 1 : 1 - atMost(oauth.failed - 1, n, USUAL_SHARE, logs);
  }
  const failed = oauth.failed + password.failed;
  const logs = logFactorials(n + others);
  const all = logChoose(logs, n + others, failed);
  let sum = 0;
  for (let k = oauth.failed; k <= Math.min(n, failed); k += 1)
    if (failed - k <= others) sum += Math.exp(logChoose(logs, n, k) + logChoose(logs, others, failed - k) - all);
  return Math.min(1, sum);
}

function shareOf({ delivered, failed }: WayCounts): number {
  return failed === 0 ? 0 : failed / (delivered + failed);
}

function isSafe({ delivered, failed }: WayCounts, password: WayCounts): boolean {
  return delivered + failed > 0 && largestLikelyShare(failed, delivered + failed) < shareOf(password) + MARGIN;
}

/** How many more deliveries would show that it is safe. */
function neededFor({ delivered, failed }: WayCounts, password: WayCounts): number | undefined {
  let [low, high] = [0, MOST_NEEDED];
  if (!isSafe({ delivered: delivered + high, failed }, password)) return undefined;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isSafe({ delivered: delivered + middle, failed }, password)) high = middle;
    else low = middle;
  }
  return high;
}

/** In percent, with a digit behind the point where it is small. */
function percent(share: number): string {
  const value = share * 100;
  return `${value === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} %`;
}

/**
 * Judges what was observed; pure.
 *
 * @example
 * `judge({ oauth: { delivered: 29, failed: 0 }, password: { delivered: 0, failed: 0 }, isHeld: false }).verdict` is `safe`.
 */
export function judge({ oauth, password, isHeld }: Observed): MigrationVerdict {
  const n = oauth.delivered + oauth.failed;
  if (isHeld) return { verdict: 'failing', reason: 'a set-up fault stops OAuth now; its messages wait' };
  const [own, other] = [percent(shareOf(oauth)), percent(shareOf(password))];
  const chance = n === 0 ? 1 : chanceIfAlike(oauth, password);
  if (chance < CHANCE) {
    const odds = chance < 0.0001 ? 'less than 1 in 10000' : `about 1 in ${Math.round(1 / chance)}`;
    const hasOther = password.delivered + password.failed > 0;
    const against = hasOther ? `${other} with the password` : '2 % of a way that works';
    return { verdict: 'failing', reason: `${own} fail with OAuth against ${against}; chance alone: ${odds}` };
  }
  if (isSafe(oauth, password)) {
    const bound = percent(largestLikelyShare(oauth.failed, n));
    return {
      verdict: 'safe',
      reason: `${oauth.failed} of ${n} fail with OAuth, so with 95 % confidence fewer than ${bound} do; with the password ${other}`,
    };
  }
  const needed = neededFor(oauth, password);
  const more = needed === undefined ? 'many more messages' : `${needed} more, all delivered,`;
  return {
    verdict: 'inconclusive',
    reason: `${n} ${n === 1 ? 'message' : 'messages'} with OAuth are too few to tell; ${more} would show that it is safe`,
    ...(needed === undefined ? {} : { needed }),
  };
}
