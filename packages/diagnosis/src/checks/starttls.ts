/** The connection is encrypted. */
import type { Check } from './check.ts';

/** The check. */
export const starttlsCheck: Check = {
  name: 'starttls',
  needs: ['name-resolution'],
  async run(state) {
    const session = await state.session();
    return session.outcomeOf('starttls', ({ tls }) => (tls === undefined ? '' : `${tls.protocol}, ${tls.cipher}`));
  },
};
