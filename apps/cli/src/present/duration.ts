/** Times and lengths of time for the eye. */

const SECOND_MS = 1000;
const UNITS = [
  ['d', 86_400 * SECOND_MS],
  ['h', 3600 * SECOND_MS],
  ['min', 60 * SECOND_MS],
  ['s', SECOND_MS],
] as const;

/** `2026-11-24 12:00:00`, UTC; `-` where there is none. */
export function time(ms: number | undefined): string {
  return ms === undefined ? '-' : new Date(ms).toISOString().replace('T', ' ').slice(0, 19);
}

/** A length of time in its two largest units: `3 h 12 min`. */
export function duration(ms: number): string {
  const first = UNITS.findIndex(([, unit]) => ms >= unit);
  if (first < 0) return '0 s';
  let rest = ms;
  const parts: string[] = [];
  for (const [name, unit] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / unit);
    rest -= count * unit;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(' ');
}

/** A moment in the next day as `14:32 UTC`, a later one with its day. */
export function moment(ms: number, now: number): string {
  const text = new Date(ms).toISOString();
  const clock = `${text.slice(11, 16)} UTC`;
  return ms - now < 86_400 * SECOND_MS ? clock : `${text.slice(0, 10)} ${clock}`;
}
