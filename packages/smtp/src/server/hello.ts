/** Greeting, EHLO and HELO, STARTTLS: how a session begins (RFC 5321 sections 3.1 and 4.1.1.1, RFC 3207). */
import type { Conversation } from './conversation.ts';
import { isRefusal } from './reply.ts';
import { abandonTransaction } from './transaction.ts';

/** Longest name of a host, with room for an address literal. */
const LONGEST_NAME = 255;

/** Says the greeting at once; who talks before it is answered after it. */
export async function greet(conversation: Conversation): Promise<void> {
  const { setup, session } = conversation;
  const answer = await conversation.consult(() => setup.handler.connect?.(session));
  if (answer !== undefined && isRefusal(answer) && !('drop' in answer)) return conversation.end(answer);
  await conversation.replyOr(setup.replies.greeting, answer);
}

/** EHLO and HELO; both end an open transaction (RFC 5321 section 4.1.4). */
export async function hello(conversation: Conversation, name: string, isExtended: boolean): Promise<void> {
  const { setup, session } = conversation;
  if (name === '' || name.length > LONGEST_NAME) return conversation.reply(setup.replies.argumentsInvalid);
  const answer = await conversation.consult(() => setup.handler.ehlo?.(session, name));
  if (answer !== undefined && isRefusal(answer)) return conversation.reply(answer);
  await abandonTransaction(conversation);
  session.heloName = name;
  // What a client that says HELO does not see, it may still use: old devices sign in after HELO.
  conversation.offers = undefined;
  const offered = await conversation.guard(() => conversation.makeOffer());
  if (offered === undefined) return conversation.reply(setup.replies.internalError);
  conversation.offers = offered.value;
  const first = answer === undefined || 'drop' in answer ? setup.replies.hello : answer;
  if (!isExtended) return conversation.reply(first);
  const firstLines = typeof first.text === 'string' ? [first.text] : first.text;
  await conversation.reply({ ...first, text: [...firstLines, ...offered.value.lines] });
}

/**
 * STARTTLS (RFC 3207). Anything that came behind it in the clear ends the connection: it may have been put there by somebody on the
 * way, to be executed as if it had come encrypted. After the handshake nothing of the session before it counts.
 */
export async function startTls(conversation: Conversation, argument: string): Promise<void> {
  const { setup, session, wire } = conversation;
  const { replies } = setup;
  if (session.tls !== undefined) return conversation.reply(replies.startTlsActive);
  if (conversation.offers === undefined) return conversation.reply(replies.helloFirst);
  const secureContext = setup.secureContext();
  if (secureContext === undefined || !conversation.offers.keywords.has('STARTTLS'))
    return conversation.reply(replies.commandNotOffered);
  if (wire.hasInput) return conversation.end(replies.startTlsNotLast);
  if (argument !== '') return conversation.reply(replies.argumentsInvalid);
  const answer = await conversation.consult(() => setup.handler.startTls?.(session));
  if (answer !== undefined && isRefusal(answer)) return conversation.reply(answer);
  await conversation.forgetSession();
  // The handler may have taken its time.
  if (wire.hasInput) return conversation.end(replies.startTlsNotLast);
  await conversation.replyOr(replies.startTlsReady, answer);
  if (!conversation.isOver) await conversation.beginTls(secureContext);
}
