/**
 * When Microsoft ends passwords (Basic authentication) for SMTP AUTH, as one dated table.
 *
 * Microsoft announced a rejection from 2026-03-01, complete on 2026-04-30, and withdrew that on 2026-01-27; pages that name those
 * days are out of date. What holds since is below. Read 2026-11-24; a change of Microsoft's plan is a change of this table
 * and of nothing else.
 */
import { BASIC_AUTH_END, READ } from './faults/sources.ts';

/** One date of the plan. */
export interface BasicAuthMilestone {
  /** First day on which it holds, `YYYY-MM-DD`. Microsoft named a month or half-year; the day is its last or first. */
  readonly from: string;
  /** How Microsoft named the time. */
  readonly when: string;
  readonly what: string;
  readonly source: string;
  readonly read: string;
}

/** The plan as it stands, earliest first. */
export const BASIC_AUTH_TIMELINE: readonly BasicAuthMilestone[] = [
  {
    from: '2026-01-27',
    when: 'until December 2026',
    what: 'passwords over SMTP work where the organization has them switched on',
    source: BASIC_AUTH_END,
    read: READ,
  },
  {
    from: '2026-12-31',
    when: 'end of December 2026',
    what: 'passwords over SMTP are off by default in existing tenants, and an administrator can switch them on again; in new tenants they are unavailable by default',
    source: BASIC_AUTH_END,
    read: READ,
  },
  {
    from: '2027-07-01',
    when: 'second half of 2027',
    what: 'Microsoft announces the day on which passwords over SMTP are removed for good; no day is known yet',
    source: BASIC_AUTH_END,
    read: READ,
  },
];

/** What holds at a moment, and what comes next. */
export interface BasicAuthOutlook {
  readonly now: BasicAuthMilestone | undefined;
  readonly next: BasicAuthMilestone | undefined;
}

/**
 * The milestone in force at a moment and the one after it.
 *
 * @param at - milliseconds since 1970.
 *
 * @example
 * ```ts
 * import { basicAuthOutlook } from '@postbearer/microsoft365';
 *
 * basicAuthOutlook(Date.UTC(2026, 10, 24)).next?.when; // => 'end of December 2026'
 * ```
 */
export function basicAuthOutlook(at: number): BasicAuthOutlook {
  const day = new Date(at).toISOString().slice(0, 10);
  return {
    now: BASIC_AUTH_TIMELINE.findLast((milestone) => milestone.from <= day),
    next: BASIC_AUTH_TIMELINE.find((milestone) => milestone.from > day),
  };
}
