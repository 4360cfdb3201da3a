/**
 * The server takes the sender: MAIL FROM, then RSET. No message is sent.
 *
 * Exchange Online takes any sender here and looks at Send As only when a message is there, so a sender that is not the mailbox
 * itself is not proven by this.
 */
import { parseMailboxAddress, type MailboxAddress } from '@postbearer/core';
import { isExchangeOnline } from '@postbearer/microsoft365';
import type { ChainState } from '../chain-state.ts';
import { failed, passed, skipped, type Check } from './check.ts';

function senderOf({ access }: ChainState): MailboxAddress | undefined {
  if (access.upstream.fromAddress !== undefined) return access.upstream.fromAddress;
  const parsed = parseMailboxAddress(access.mailbox ?? '');
  return parsed.ok ? parsed.value : undefined;
}

function describe(sender: MailboxAddress, state: ChainState): string {
  const { mailbox, connect } = state.access;
  const isOwn = mailbox === undefined || mailbox.toLowerCase() === sender.toLowerCase();
  if (isOwn || !isExchangeOnline(connect.host, state.context())) return `${sender} taken`;
  return `${sender} taken; whether ${mailbox} may send as it shows only with a message`;
}

/** The check. */
export const senderCheck: Check = {
  name: 'sender',
  needs: ['auth'],
  async run(state) {
    const { connection } = await state.session();
    const sender = senderOf(state);
    if (connection === undefined) throw new Error('the session was not opened');
    if (sender === undefined) return skipped('the settings name no sender');
    const { signal } = state.options;
    const envelope = { sender, recipients: [] };
    const taken = await connection.checkEnvelope(envelope, signal === undefined ? {} : { signal });
    return taken.ok ? passed(describe(sender, state)) : failed(taken.fault);
  },
};
