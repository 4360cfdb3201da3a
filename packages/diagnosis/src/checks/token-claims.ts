/**
 * What the token says about itself fits the settings.
 *
 * The server has the last word: what is wrong here is a warning, and the sign-in is tried all the same. A token without roles is as it
 * should be under RBAC for Applications.
 */
import { explainClaims } from '@postbearer/microsoft365';
import type { TokenClaims } from '@postbearer/oauth';
import type { ChainState } from '../chain-state.ts';
import { passed, skipped, warned, type Check } from './check.ts';

function describe({ aud, appid, azp, tid, roles, scp }: TokenClaims): string {
  const app = appid ?? azp;
  const parts = [
    scp === undefined ? `roles ${roles === undefined || roles.length === 0 ? 'none' : roles.join(' ')}` : `scp ${scp}`,
    aud === undefined ? undefined : `for ${[aud].flat().join(' ')}`,
    app === undefined ? undefined : `app ${app}`,
    tid === undefined ? undefined : `tenant ${tid}`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

/** Only Entra's tokens have these claims in this sense. */
function isOfEntra(state: ChainState): boolean {
  const { tenant, cloud } = state.context();
  const method = state.access.tokenRequest?.authentication.method;
  return tenant !== undefined || cloud !== undefined || method === 'managed_identity';
}

/** The check. */
export const tokenClaimsCheck: Check = {
  name: 'token-claims',
  needs: ['token'],
  run(state) {
    const { token } = state;
    if (token === undefined) return Promise.resolve(skipped('no token'));
    if (token.claims === undefined) return Promise.resolve(skipped('the token is opaque: it says nothing of itself'));
    const detail = describe(token.claims);
    const fault = isOfEntra(state) ? explainClaims(state.context()) : undefined;
    return Promise.resolve(fault === undefined ? passed(detail) : warned(detail, fault));
  },
};
