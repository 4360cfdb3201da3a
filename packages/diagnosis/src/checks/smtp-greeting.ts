/** The server greets as a mail server does. */
import type { Check } from './check.ts';

/** The check. */
export const smtpGreetingCheck: Check = {
  name: 'smtp-greeting',
  needs: ['name-resolution'],
  async run(state) {
    const session = await state.session();
    return session.outcomeOf('smtp-greeting', () => session.greeting ?? '220');
  },
};
