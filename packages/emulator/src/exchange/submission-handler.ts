/**
 * Exchange Online's submission service on top of our own server half: one handler for all its sessions.
 *
 * Each stage first lets a fault on demand happen, then does what Exchange does.
 */
import { randomUUID } from 'node:crypto';
import type {
  AuthAttempt,
  AuthOutcome,
  IncomingMessage,
  ServerReply,
  SmtpServerHandler,
  SmtpSession,
  SpokenReply,
} from '@postbearer/smtp/server';
import type { FaultStage } from '../injected-fault.ts';
import { headerFields } from '../message-header.ts';
import type { NewMessage } from '../messages.ts';
import { pause } from '../pause.ts';
import type { World } from '../world.ts';
import { playFault, spoken } from './played-fault.ts';
import {
  greetingText,
  extensionLines,
  helloText,
  MESSAGE_REPLIES,
  sessionId,
  SIGN_IN_REPLIES,
  withHostname,
  withSessionData,
  type ServerData,
} from './replies.ts';
import type { SendingLimits } from './sending-limits.ts';
import { signInWithPassword, signInWithToken, type SignedIn, type SignIn } from './sign-in.ts';
import { refusalOf } from './submission-check.ts';

/** What the emulator remembers of a connection. */
export interface SubmissionState {
  /** The id in trailing server data. */
  readonly exchangeId: string;
  signedIn: SignedIn | undefined;
  recipients: number;
  isCrowdedOut: boolean;
}

/** The state of a new connection. */
export function newSubmissionState(): SubmissionState {
  return { exchangeId: sessionId(), signedIn: undefined, recipients: 0, isCrowdedOut: false };
}

type Session = SmtpSession<SubmissionState>;

interface Content {
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;
}

/** Reads a message to its end and keeps no more than `limit` bytes of it. */
async function collect(content: AsyncIterable<Uint8Array>, limit: number): Promise<Content> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of content) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes <= limit) chunks.push(Uint8Array.from(chunk));
  }
  return { bytes: Buffer.concat(chunks), sizeBytes };
}

/** Waits until some of a message has arrived. */
async function begun(content: AsyncIterable<Uint8Array>): Promise<void> {
  await content[Symbol.asyncIterator]().next();
}

/** Makes the handler. */
export function createSubmissionHandler(
  world: World,
  limits: SendingLimits,
  server: ServerData,
): SmtpServerHandler<SubmissionState> {
  const { counters, clock } = world;

  const fault = (stage: FaultStage, session: Session): Promise<ServerReply | undefined> =>
    playFault(world.faults.next(stage, session.state.signedIn?.mailbox.address), session, clock);

  const setupReply = (text: string, session: Session): SpokenReply =>
    spoken(withSessionData(text, server, clock.now(), session.state.exchangeId));

  const endTransaction = (session: Session): void => {
    const { signedIn } = session.state;
    if (signedIn !== undefined) limits.end(signedIn.mailbox.address, session.id);
    session.state.recipients = 0;
    session.state.isCrowdedOut = false;
  };

  const judge = (attempt: AuthAttempt): SignIn =>
    'token' in attempt
      ? signInWithToken(attempt.username, attempt.token.reveal(), world.directory, world.signingKey, clock.now())
      : signInWithPassword(attempt.username, attempt.password.reveal(), world.directory);

  const reportSignIn = (session: Session, attempt: AuthAttempt, accepted: boolean, reply: string): void => {
    counters[accepted ? 'signInsAccepted' : 'signInsRefused'] += 1;
    const { username: user, mechanism } = attempt;
    world.onEvent({ name: 'emulator.sign-in-answered', connection: session.id, user, mechanism, accepted, reply });
  };

  const signIn = (session: Session, attempt: AuthAttempt): AuthOutcome => {
    const answer = judge(attempt);
    if (answer.outcome === 'refused') {
      reportSignIn(session, attempt, false, answer.reply);
      return setupReply(answer.reply, session);
    }
    session.state.signedIn = answer;
    reportSignIn(session, attempt, true, '235 2.7.0 Authentication successful');
    return { identity: answer.mailbox.address };
  };

  const refuseMessage = (session: Session, mailbox: string, reply: string): SpokenReply => {
    counters.messagesRefused += 1;
    world.onEvent({ name: 'emulator.message-refused', connection: session.id, mailbox, reply });
    return spoken(reply);
  };

  const keep = (message: NewMessage): void => {
    const kept = world.messages.add(message);
    counters.messagesReceived += 1;
    world.onEvent({ name: 'emulator.message-received', message: kept });
  };

  const waitForPace = async (session: Session, mailbox: string): Promise<void> => {
    const waitMs = limits.waitForPace(mailbox);
    if (waitMs <= 0) return;
    counters.messagesPaced += 1;
    await pause(clock, waitMs, session.signal);
  };

  /** Takes a message that passed every check. @returns the reply. */
  const accept = async (
    session: Session,
    signedIn: SignedIn,
    incoming: IncomingMessage,
    bytes: Uint8Array,
  ): Promise<SpokenReply> => {
    const { envelope } = incoming;
    const mailbox = signedIn.mailbox.address;
    await waitForPace(session, mailbox);
    const id = headerFields(bytes, 'message-id')[0] ?? `<${randomUUID()}@${server.dataHost}>`;
    const reply = withHostname(`250 2.0.0 OK ${id}`, server);
    keep({
      tenantId: signedIn.tenantId,
      mailbox,
      ...(signedIn.app === undefined ? {} : { clientId: signedIn.app.clientId }),
      envelope: { sender: envelope.sender, recipients: envelope.recipients },
      parameters: { mail: envelope.parameters, recipients: envelope.recipientParameters },
      bytes,
      connection: session.id,
      reply,
    });
    return spoken(reply);
  };

  /** A fault of stage `final`: a reply comes in place of keeping the message, everything else after it was kept. */
  const receive = async (session: Session, signedIn: SignedIn, incoming: IncomingMessage): Promise<ServerReply> => {
    const { mailbox } = signedIn;
    const { bytes, sizeBytes } = await collect(incoming.content, mailbox.maxMessageBytes);
    const { sender, recipients } = incoming.envelope;
    const { isCrowdedOut } = session.state;
    const action = world.faults.next('final', mailbox.address);
    if (action?.kind === 'reply') return refuseMessage(session, mailbox.address, action.text);
    const submission = { sender, recipientCount: recipients.length, bytes, sizeBytes, isCrowdedOut };
    const refusal = refusalOf(signedIn, submission, (count) => limits.countRecipients(mailbox.address, count));
    const reply =
      refusal === undefined
        ? await accept(session, signedIn, incoming, bytes)
        : refuseMessage(session, mailbox.address, withHostname(refusal, server));
    return (await playFault(action, session, clock)) ?? reply;
  };

  return {
    async connect(session) {
      counters.connections += 1;
      counters.connectionsOpen += 1;
      counters.connectionsMaxOpen = Math.max(counters.connectionsMaxOpen, counters.connectionsOpen);
      const text = greetingText(server, clock.now(), session.state.exchangeId);
      return (await fault('connect', session)) ?? { code: 220, text };
    },
    extensions: (session) => extensionLines(session.tls !== undefined),
    async ehlo(session) {
      endTransaction(session);
      return (await fault('ehlo', session)) ?? { code: 250, text: helloText(server, session.remoteAddress) };
    },
    async startTls(session) {
      return (await fault('starttls', session)) ?? spoken('220 2.0.0 SMTP server ready');
    },
    async authenticate(session, attempt) {
      return (await fault('auth', session)) ?? signIn(session, attempt);
    },
    async mail(session) {
      const { signedIn } = session.state;
      if (signedIn === undefined) return setupReply(SIGN_IN_REPLIES.notAuthenticated, session);
      const injected = await fault('mail', session);
      if (injected !== undefined) return injected;
      endTransaction(session);
      session.state.isCrowdedOut = !limits.begin(signedIn.mailbox.address, session.id);
      return undefined;
    },
    async recipient(session) {
      const { state } = session;
      const injected = await fault('rcpt', session);
      if (injected !== undefined) return injected;
      if (state.recipients >= (state.signedIn?.mailbox.maxRecipients ?? 0))
        return setupReply(MESSAGE_REPLIES.tooManyRecipients, session);
      state.recipients += 1;
      return undefined;
    },
    dataStart: (session) => fault('data', session),
    async message(session, incoming) {
      const { signedIn } = session.state;
      if (signedIn === undefined) return setupReply(SIGN_IN_REPLIES.notAuthenticated, session);
      try {
        const action = world.faults.next('content', signedIn.mailbox.address);
        if (action?.kind === 'cut') await begun(incoming.content);
        return (await playFault(action, session, clock)) ?? (await receive(session, signedIn, incoming));
      } finally {
        endTransaction(session);
      }
    },
    reset(session) {
      endTransaction(session);
      return spoken('250 2.0.0 Resetting');
    },
    quit: () => spoken('221 2.0.0 Service closing transmission channel'),
    closed(session) {
      endTransaction(session);
      counters.connectionsOpen -= 1;
    },
  };
}
