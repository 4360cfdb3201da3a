/** The dialogue of one connection from its greeting to its end: reads a command, finds who answers it, goes on. */
import type { SecureContext } from 'node:tls';
import { authenticate } from './authentication.ts';
import { decodeLine, parseCommand, type Command } from './command-line.ts';
import type { Conversation } from './conversation.ts';
import { greet, hello, startTls } from './hello.ts';
import { lineLimit } from './limits.ts';
import { bdat } from './message-chunks.ts';
import { data } from './message-data.ts';
import { authMechanisms } from './offers.ts';
import type { SpokenReply } from './reply.ts';
import { abandonTransaction, mail, recipient } from './transaction.ts';

type CommandHandler = (conversation: Conversation, argument: string) => Promise<void>;

async function reset(conversation: Conversation, argument: string): Promise<void> {
  const { setup, session } = conversation;
  if (argument !== '') return conversation.reply(setup.replies.argumentsInvalid);
  const answer = await conversation.consult(() => setup.handler.reset?.(session));
  await abandonTransaction(conversation);
  await conversation.replyOr(setup.replies.reset, answer);
}

async function quit(conversation: Conversation, argument: string): Promise<void> {
  const { setup, session } = conversation;
  // RFC 5321 section 4.1.1: a command without parameters is refused where it has some.
  if (argument !== '') return conversation.reply(setup.replies.argumentsInvalid);
  const answer = await conversation.consult(() => setup.handler.quit?.(session));
  const reply = answer ?? setup.replies.goodbye;
  await ('drop' in reply ? conversation.reply(reply) : conversation.end(reply));
}

const commands: ReadonlyMap<string, CommandHandler> = new Map<string, CommandHandler>([
  ['EHLO', (conversation, argument) => hello(conversation, argument, true)],
  ['HELO', (conversation, argument) => hello(conversation, argument, false)],
  ['STARTTLS', startTls],
  ['AUTH', authenticate],
  ['MAIL', mail],
  ['RCPT', recipient],
  ['DATA', data],
  ['BDAT', bdat],
  ['RSET', reset],
  ['QUIT', quit],
  ['NOOP', (conversation) => conversation.reply(conversation.setup.replies.noop)],
  ['HELP', (conversation) => conversation.reply(conversation.setup.replies.help)],
  ['VRFY', (conversation) => conversation.reply(conversation.setup.replies.verifyNotTold)],
  ['EXPN', (conversation) => conversation.reply(conversation.setup.replies.commandNotOffered)],
]);

/** Commands that send nothing by themselves. */
const JUNK: ReadonlySet<string> = new Set(['EHLO', 'HELO', 'RSET', 'NOOP', 'HELP', 'VRFY', 'EXPN']);

/** A command as an event shows it: see the rules of `conversation.ts`. */
function shown(text: string, { verb, argument }: Command): string {
  if (!commands.has(verb)) return `[${text.length} characters that are no command]`;
  if (verb !== 'AUTH') return text;
  // What stands where a mechanism should be may be a token as well.
  const [name, response] = argument.split(' ').filter((word) => word !== '');
  const mechanism = authMechanisms.find((known) => known === name?.toUpperCase());
  return `AUTH ${mechanism ?? '[unknown mechanism]'}${response === undefined ? '' : ' [secret]'}`;
}

/** Refuses a line. Behind one that looks like BDAT comes content, nobody knows how much: the connection ends. */
async function refuseLine(conversation: Conversation, line: Buffer, reply: SpokenReply): Promise<void> {
  const start = line.subarray(0, 'BDAT'.length).toString('latin1').toUpperCase();
  await (start === 'BDAT' ? conversation.end(reply) : conversation.reply(reply));
}

async function answerLine(conversation: Conversation, line: Buffer): Promise<void> {
  const { replies, limits } = conversation.setup;
  const text = decodeLine(line);
  if (text === undefined) {
    conversation.tell('client', '[line with a control character or not UTF-8]');
    return refuseLine(conversation, line, replies.charactersInvalid);
  }
  const parsed = parseCommand(text);
  const { verb, argument } = parsed;
  conversation.tell('client', shown(text, parsed));
  const command = commands.get(verb);
  if (command === undefined) return refuseLine(conversation, line, replies.unknownCommand);
  if (line.length + 2 > lineLimit(verb, limits)) return refuseLine(conversation, line, replies.lineTooLong);
  if (JUNK.has(verb)) await conversation.countJunk();
  if (!conversation.isOver) await command(conversation, argument);
}

async function answerCommands(conversation: Conversation): Promise<void> {
  while (!conversation.isOver) {
    const line = await conversation.readLine(false);
    if (line === 'too-long') await conversation.reply(conversation.setup.replies.lineTooLong);
    else if (line !== undefined) await answerLine(conversation, line);
  }
}

/**
 * Speaks with one client until one of the two has had enough. Never rejects.
 *
 * @param implicitTls - the certificate where TLS comes before the greeting (RFC 8314 section 3.3).
 */
export async function converse(conversation: Conversation, implicitTls: SecureContext | undefined): Promise<void> {
  const { setup, session, wire } = conversation;
  if (implicitTls !== undefined) await conversation.beginTls(implicitTls);
  if (conversation.isOver) return;
  // What is caught here and not by whom it concerns is a mistake of ours: it costs one connection and no more.
  await conversation.guard(async () => {
    await greet(conversation);
    await answerCommands(conversation);
  });
  await conversation.guard(() => wire.close());
  await conversation.guard(() => abandonTransaction(conversation));
  await conversation.guard(() => setup.handler.closed?.(session));
}
