/** Checks of one upstream: is it on, where is it, is it encrypted, who sends. Checks of signing in stand in `check-sign-in.ts`. */
import { parseMailboxAddress } from '@postbearer/core';
import { cloudOfSmtpHost } from '@postbearer/microsoft365/clouds';
import { checkOAuth, checkPassword, missing, placeholder } from './check-sign-in.ts';
import type { Draft } from './draft.ts';
import { mailDisabledValues } from './mail-disabled.ts';
import { mistake, remark } from './place.ts';
import { isPlaceholder } from './placeholder.ts';
import type { Finding } from './settings.ts';

/** Everything that is wrong with, or worth knowing of, an upstream whose values were derived. */
export function* checkUpstream(draft: Draft): Generator<Finding> {
  // What is switched off may be incomplete: nothing is sent with it.
  if (draft.text('enabled') === 'false') {
    yield mailDisabled(draft);
    return;
  }
  yield* checkServer(draft);
  yield* checkEncryption(draft);
  yield* checkAddresses(draft);
  // Where the switch itself could not be read, nothing is known of what it asks for.
  if (draft.has('oauth.enabled')) yield* draft.isOn('oauth.enabled') ? checkOAuth(draft) : checkPassword(draft);
}

function mailDisabled(draft: Draft): Finding {
  const place = draft.place('enabled');
  const values = mailDisabledValues(draft.name, { key: place.key, source: place.label });
  return remark('CONFIG_MAIL_DISABLED', place, values);
}

function* checkServer(draft: Draft): Generator<Finding> {
  const server = draft.text('server');
  yield* missing(draft, 'server', 'mail has to be handed to a server');
  yield* placeholder(draft, 'server');
  const port = draft.text('port');
  const isMicrosoft = server !== undefined && cloudOfSmtpHost(server) !== undefined;
  if (port === '465' && isMicrosoft) yield mistake('CONFIG_PORT_NOT_SERVED', draft.place('port'), { server });
  if (port === '25') yield remark('CONFIG_PORT_25', draft.place('port'));
}

function* checkEncryption(draft: Draft): Generator<Finding> {
  if (draft.text('enableSsl') !== 'false') return;
  const isOAuth = draft.isOn('oauth.enabled');
  if (isOAuth || draft.has('username') || draft.has('password'))
    yield mistake('CONFIG_UNENCRYPTED', draft.place('enableSsl'), { what: isOAuth ? 'the token' : 'the password' });
}

function* checkAddresses(draft: Draft): Generator<Finding> {
  const username = draft.text('username');
  const from = draft.text('fromAddress');
  yield* placeholder(draft, 'username');
  yield* placeholder(draft, 'fromAddress');
  const isMicrosoft = cloudOfSmtpHost(draft.text('server') ?? '') !== undefined;
  if (username === undefined || isPlaceholder(username) || !isMicrosoft) return;
  if (!parseMailboxAddress(username).ok) yield mistake('CONFIG_USERNAME_FORM', draft.place('username'));
  else if (from !== undefined && from.toLowerCase() !== username.toLowerCase())
    yield remark('CONFIG_FROM_DIFFERS', draft.place('fromAddress'), { from, username });
}
