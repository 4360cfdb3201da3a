/** Lengths of time as people type them. */
import { CommandFailure } from './command-failure.ts';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `90s`, `30m`, `2h`, `3d` or `0`; anything else is a mistake of usage. */
export function durationOf(option: string, text: string): number {
  const [, digits, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (text === '0') return 0;
  if (digits === undefined) throw CommandFailure.usage(`${option} is a time such as 30m, 2h or 3d, not "${text}".`);
  return Number(digits) * (UNIT_MS[unit] ?? 0);
}
