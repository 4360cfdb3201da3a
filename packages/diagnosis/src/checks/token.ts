/** The token endpoint gives a token, asked for just now: a cached one would prove nothing. The token itself is never shown. */
import { requestToken, type AccessToken } from '@postbearer/oauth';
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
    const { tokenRequest, http } = state.access;
    if (tokenRequest === undefined) return skipped(reasonToSkip(state));
    const { environment, onSecret, signal } = state.options;
    const token = await requestToken(tokenRequest, {
      http,
      clock: state.clock,
      ...(environment === undefined ? {} : { environment }),
      ...(signal === undefined ? {} : { signal }),
    });
    const { endpoint, clientId, scope } = tokenRequest;
    if (!token.ok) {
      state.tell({ name: 'token.failed', endpoint, clientId, fault: state.refine(token.fault) });
      return failed(token.fault);
    }
    onSecret?.('token', token.value.value.reveal());
    state.token = token.value;
    state.tell({ name: 'token.acquired', endpoint, clientId, scope, expiresAt: token.value.expiresAt });
    return passed(describe(token.value, endpoint));
  },
};
