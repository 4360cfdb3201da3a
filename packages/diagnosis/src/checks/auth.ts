/** The server takes the sign-in. */
import { success, type Result } from '@postbearer/core';
import type { SmtpCredentials } from '@postbearer/smtp/client';
import type { ChainState } from '../chain-state.ts';
import { failed, passed, skipped, type Check } from './check.ts';

async function credentialsOf({ access, token, options }: ChainState): Promise<Result<SmtpCredentials> | undefined> {
  if (token !== undefined) return success({ kind: 'bearer', username: access.mailbox ?? '', token: token.value });
  const { signal } = options;
  return access.credentials?.({ fresh: false, ...(signal === undefined ? {} : { signal }) });
}

/** The check. */
export const authCheck: Check = {
  name: 'auth',
  needs: ['capabilities', 'token-claims'],
  async run(state) {
    const { connection } = await state.session();
    if (connection === undefined) throw new Error('the session was not opened');
    const credentials = await credentialsOf(state);
    if (credentials === undefined) return skipped('takes mail without a sign-in');
    if (!credentials.ok) return failed(credentials.fault);
    const { signal } = state.options;
    const signedIn = await connection.authenticate(credentials.value, signal === undefined ? {} : { signal });
    return signedIn.ok
      ? passed(`${signedIn.value.mechanism} as ${credentials.value.username}`)
      : failed(signedIn.fault);
  },
};
