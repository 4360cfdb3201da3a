/** The server takes the connection. */
import type { Check } from './check.ts';

/** The check. */
export const tcpCheck: Check = {
  name: 'tcp',
  needs: ['name-resolution'],
  async run(state) {
    const session = await state.session();
    return session.outcomeOf('tcp', ({ host, port }) => `${host}:${port}`);
  },
};
