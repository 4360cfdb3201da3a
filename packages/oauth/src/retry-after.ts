/** How long a server asks to wait (RFC 9110 section 10.2.3). */

// A date in a wrong year must not stop the mail for ever; a day is more than any provider is known to ask for.
const LONGEST_WAIT_MS = 86_400_000;

/**
 * Milliseconds to wait, at most 24 hours, from seconds or from a date; `undefined` if the header says neither.
 *
 * @param now - milliseconds since 1970.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  const wait = /^\d{1,15}$/.test(text) ? Number(text) * 1000 : dateOf(text) - now;
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), LONGEST_WAIT_MS);
}

function dateOf(text: string): number {
  // Only the form that servers must send; Date.parse would also read "3" as a month.
  return /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text) ? Date.parse(text) : Number.NaN;
}
