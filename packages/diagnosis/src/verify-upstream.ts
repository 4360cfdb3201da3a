/**
 * Walks the chain from settings to sender and says where it breaks.
 *
 * Every check starts as soon as those that it needs are done, so the way to the server and the way to a token are walked side by
 * side. A failure stops what needs it and nothing else. Whatever happens, the session is ended before the report is given.
 */
import { oneLine } from '@postbearer/core';
import type { Settings } from '@postbearer/settings';
import { ChainState, type VerifyOptions } from './chain-state.ts';
import { authCheck } from './checks/auth.ts';
import { capabilitiesCheck } from './checks/capabilities.ts';
import { certificateCheck } from './checks/certificate.ts';
import type { Check, CheckOutcome } from './checks/check.ts';
import { nameResolutionCheck } from './checks/name-resolution.ts';
import { senderCheck } from './checks/sender.ts';
import { settingsCheck } from './checks/settings.ts';
import { smtpGreetingCheck } from './checks/smtp-greeting.ts';
import { starttlsCheck } from './checks/starttls.ts';
import { tcpCheck } from './checks/tcp.ts';
import { tokenCheck } from './checks/token.ts';
import { tokenClaimsCheck } from './checks/token-claims.ts';
import { CHECK_NAMES, CHECK_TITLES, type ChainReport, type CheckName, type CheckResult } from './report.ts';

const CHECKS: Readonly<Record<CheckName, Check>> = {
  settings: settingsCheck,
  'name-resolution': nameResolutionCheck,
  tcp: tcpCheck,
  'smtp-greeting': smtpGreetingCheck,
  starttls: starttlsCheck,
  certificate: certificateCheck,
  capabilities: capabilitiesCheck,
  token: tokenCheck,
  'token-claims': tokenClaimsCheck,
  auth: authCheck,
  sender: senderCheck,
};

/** A greeting or a claim may be as long as its sender likes. */
const LONGEST_DETAIL = 300;

/** Tenths of a millisecond are more than anybody needs. */
function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

function resultOf(name: CheckName, outcome: CheckOutcome, tookMs: number, state: ChainState): CheckResult {
  const { status } = outcome;
  const durationMs = rounded(tookMs);
  const detail = oneLine(outcome.detail, LONGEST_DETAIL);
  const title = CHECK_TITLES[name];
  if (outcome.fault === undefined) return { name, title, status, durationMs, detail };
  const fault = state.refine(outcome.fault);
  return { name, title, status, durationMs, detail: status === 'failed' ? fault.title : detail, fault };
}

async function walk(check: Check, needed: Promise<readonly CheckResult[]>, state: ChainState): Promise<CheckResult> {
  const { name } = check;
  const { onProgress } = state.options;
  const isHeldUp = (await needed).some(({ status }) => status === 'failed' || status === 'not-reached');
  if (isHeldUp) return resultOf(name, { status: 'not-reached', detail: 'not reached' }, 0, state);
  onProgress?.({ kind: 'started', name, title: CHECK_TITLES[name] });
  const startedMs = state.clock.monotonicMs();
  const outcome = await check.run(state);
  const result = resultOf(name, outcome, outcome.durationMs ?? state.clock.monotonicMs() - startedMs, state);
  onProgress?.({ kind: 'finished', result });
  return result;
}

async function walkAll(state: ChainState): Promise<readonly CheckResult[]> {
  const walked = new Map<CheckName, Promise<CheckResult>>();
  for (const name of CHECK_NAMES) {
    const check = CHECKS[name];
    // The names stand in order: whatever is needed is on its way already.
    const needed = Promise.all(check.needs.flatMap((need) => walked.get(need) ?? []));
    walked.set(name, walk(check, needed, state));
  }
  // All of them end before one that threw is heard of: the session must not be closed under a check.
  const settled = await Promise.allSettled(walked.values());
  return settled.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

function reportOf(results: readonly CheckResult[], totalMs: number, state: ChainState): ChainReport {
  const upstream = state.settings.upstreams[state.upstreamName];
  const firstBroken = results.find(({ status }) => status === 'failed');
  const mailbox = state.options.mailbox ?? upstream?.username;
  return {
    upstream: state.upstreamName,
    ...(mailbox === undefined ? {} : { mailbox }),
    ...(upstream === undefined || upstream.server === '' ? {} : { server: `${upstream.server}:${upstream.port}` }),
    results,
    ok: firstBroken === undefined,
    ...(firstBroken === undefined ? {} : { firstBroken }),
    totalMs: rounded(totalMs),
  };
}

/**
 * Checks every step that a message takes through an upstream, without sending one.
 *
 * A token is asked for anew, so that it is proven now. Works for any server and any provider with a token endpoint, with passwords,
 * and without a sign-in; what does not apply is skipped.
 *
 * @returns a report in every case that can be expected.
 * @throws `options.signal.reason` when the caller cancels.
 *
 * @example
 * ```ts
 * import { verifyUpstream } from '@postbearer/diagnosis';
 *
 * const settings = { logLevel: 'Information', upstreams: {}, mailboxes: {} } as const;
 * const report = await verifyUpstream(settings, 'default');
 * report.firstBroken?.name; // => 'settings'
 * ```
 */
export async function verifyUpstream(
  settings: Pick<Settings, 'file' | 'upstreams'>,
  upstream: string,
  options: VerifyOptions = {},
): Promise<ChainReport> {
  options.signal?.throwIfAborted();
  const state = new ChainState(settings, upstream, options);
  const startedMs = state.clock.monotonicMs();
  try {
    const results = await walkAll(state);
    return reportOf(results, state.clock.monotonicMs() - startedMs, state);
  } finally {
    await state.close();
  }
}
