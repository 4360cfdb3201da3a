/**
 * The token endpoint gives a token, asked for anew: an old one would prove nothing. The token itself is never shown.
 *
 * Where tokens are shared, the new one serves everybody from now on, and the rules of the cache hold here as well: a minute at least
 * lies between two such requests, and the fault of a request that failed a moment ago is given again.
 */
import type { AccessToken } from '@postbearer/oauth';
import type { ChainState } from '../chain-state.ts';
import { failed, passed, skipped, type Check } from './check.ts';

const MINUTE_MS = 60_000;

function describe(token: AccessToken, endpoint: string): string {
  const minutes = Math.round((token.expiresAt - token.obtainedAt) / MINUTE_MS);
  const host = URL.parse(endpoint)?.host ?? endpoint;
  return `from ${host}, valid for ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`;
}

function reasonToSkip({ access }: ChainState): string {
  return access.upstream.authentication === 'password' ? 'signs in with a password' : 'takes mail without a sign-in';
}

/** The check. */
export const tokenCheck: Check = {
  name: 'token',
  needs: ['settings'],
  async run(state) {
    const { token: ask, tokenRequest } = state.access;
    if (ask === undefined || tokenRequest === undefined) return skipped(reasonToSkip(state));
    const { signal } = state.options;
    const token = await ask({ fresh: true, ...(signal === undefined ? {} : { signal }) });
    if (!token.ok) return failed(token.fault);
    state.token = token.value;
    return passed(describe(token.value, tokenRequest.endpoint));
  },
};
