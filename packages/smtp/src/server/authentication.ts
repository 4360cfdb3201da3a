/**
 * AUTH (RFC 4954): obtains the responses of a mechanism, decodes them and asks the handler.
 *
 * Rules: never without TLS; only what is offered; once for a session; not within a transaction. The first response may stand on the
 * command line or come after an empty challenge. `*` cancels. LOGIN is old and never specified: its prompts are those that
 * every client knows, and the user name may stand on the command line.
 */
import { Secret } from '@postbearer/core';
import { withoutEndSpaces } from './command-line.ts';
import type { Conversation } from './conversation.ts';
import { decodeBase64, isUsername, readCredentials } from './credentials.ts';
import type { AuthAttempt, AuthMechanism, AuthOutcome } from './handler.ts';
import { authMechanisms } from './offers.ts';
import { checkReply, isRefusal, type ServerReply, type SpokenReply } from './reply.ts';

const USERNAME_PROMPT = 'Username:';
const PASSWORD_PROMPT = 'Password:';
/** RFC 7628 section 3.2.2. */
const OAUTHBEARER_FAILURE = '{"status":"invalid_token"}';

/** Why AUTH cannot begin, or `undefined`. */
function obstacleTo(conversation: Conversation): SpokenReply | undefined {
  const { session, setup, offers, transaction } = conversation;
  const { replies } = setup;
  if (session.identity !== undefined) return replies.authAlready;
  if (offers === undefined) return replies.helloFirst;
  if (transaction !== undefined) return replies.badSequence;
  if (session.tls === undefined)
    return offers.keywords.has('STARTTLS') ? replies.encryptionRequired : replies.commandNotOffered;
  return offers.keywords.has('AUTH') ? undefined : replies.commandNotOffered;
}

/** Sends a challenge and gives the line that answers it; `undefined` where there is none, which the client was then told. */
async function exchange(conversation: Conversation, challenge: string): Promise<string | undefined> {
  await conversation.reply({ code: 334, text: Buffer.from(challenge).toString('base64') });
  const line = await conversation.readLine(true);
  if (line === undefined) return undefined;
  if (line !== 'too-long' && line.length + 2 <= conversation.setup.limits.authLineBytes)
    return withoutEndSpaces(line.toString('latin1'));
  await conversation.reply(conversation.setup.replies.authLineTooLong);
  return undefined;
}

/** Sends a challenge and gives the decoded response. */
async function respond(conversation: Conversation, text: string): Promise<string | undefined> {
  const line = await exchange(conversation, text);
  return line === undefined ? undefined : decode(conversation, line);
}

/** Decodes a response; the client is told where it cannot be. */
async function decode(conversation: Conversation, text: string): Promise<string | undefined> {
  const { replies } = conversation.setup;
  const decoded = text === '*' ? undefined : decodeBase64(text);
  if (decoded === undefined) await conversation.reply(text === '*' ? replies.authCancelled : replies.authUndecodable);
  return decoded;
}

async function login(conversation: Conversation, initial: string | undefined): Promise<AuthAttempt | undefined> {
  const username =
    initial === undefined ? await respond(conversation, USERNAME_PROMPT) : await decode(conversation, initial);
  if (username === undefined) return undefined;
  if (!isUsername(username)) {
    await conversation.reply(conversation.setup.replies.authUndecodable);
    return undefined;
  }
  const password = await respond(conversation, PASSWORD_PROMPT);
  return password === undefined ? undefined : { mechanism: 'LOGIN', username, password: Secret.of(password) };
}

async function singleResponse(
  conversation: Conversation,
  mechanism: Exclude<AuthMechanism, 'LOGIN'>,
  initial: string | undefined,
): Promise<AuthAttempt | undefined> {
  const response = initial === undefined ? await respond(conversation, '') : await decode(conversation, initial);
  if (response === undefined) return undefined;
  const attempt = readCredentials(mechanism, response);
  if (attempt === undefined) await conversation.reply(conversation.setup.replies.authUndecodable);
  return attempt;
}

/** What the handler decided. */
interface Decision {
  readonly identity?: string;
  readonly challenge?: string;
  readonly reply: ServerReply;
}

function readOutcome(outcome: AuthOutcome, attempt: AuthAttempt, authenticated: SpokenReply): Decision {
  if ('identity' in outcome) {
    const reply = checkReply(outcome.reply ?? authenticated);
    if (isRefusal(reply)) throw new Error('A handler signed a client in with a refusal');
    return { identity: outcome.identity, reply };
  }
  const decision: Decision = 'challenge' in outcome ? outcome : { reply: outcome };
  if (!isRefusal(checkReply(decision.reply))) throw new Error('A handler accepted credentials without an identity');
  const needsChallenge = attempt.mechanism === 'OAUTHBEARER' && !('drop' in decision.reply);
  return needsChallenge ? { challenge: OAUTHBEARER_FAILURE, ...decision } : decision;
}

async function decide(conversation: Conversation, attempt: AuthAttempt): Promise<Decision> {
  const { setup, session } = conversation;
  const { replies } = setup;
  const decided = await conversation.guard(async () => {
    const outcome = await setup.handler.authenticate?.(session, attempt);
    return readOutcome(outcome ?? replies.commandNotOffered, attempt, replies.authenticated);
  });
  return decided?.value ?? { reply: replies.internalError };
}

/** AUTH. */
export async function authenticate(conversation: Conversation, argument: string): Promise<void> {
  const { session, setup } = conversation;
  const obstacle = obstacleTo(conversation);
  if (obstacle !== undefined) return conversation.reply(obstacle);
  const [name = '', initial, ...more] = argument.split(' ').filter((word) => word !== '');
  if (name === '' || more.length > 0) return conversation.reply(setup.replies.argumentsInvalid);
  const mechanism = authMechanisms.find((known) => known === name.toUpperCase());
  if (mechanism === undefined || conversation.offers?.mechanisms.has(mechanism) !== true)
    return conversation.reply(setup.replies.authMechanismNotOffered);

  const attempt =
    mechanism === 'LOGIN' ? await login(conversation, initial) : await singleResponse(conversation, mechanism, initial);
  if (attempt === undefined) return;
  const decision = await decide(conversation, attempt);
  // RFC 7628 section 3.2.3: the client answers the challenge with a dummy; whatever it says, the reply follows.
  if (decision.challenge !== undefined && (await exchange(conversation, decision.challenge)) === undefined) return;
  session.identity = decision.identity;
  await conversation.reply(decision.reply);
}
