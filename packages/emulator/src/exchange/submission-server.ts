/** Listens for SMTP submission: our own server half, saying what Exchange Online says. */
import type { Clock, Fault } from '@postbearer/core';
import { createSmtpServer, type ReplacedReplies, type SpokenReply } from '@postbearer/smtp/server';
import { EmulatorError, emulatorFaults } from '../faults.ts';
import type { World } from '../world.ts';
import { spoken } from './played-fault.ts';
import {
  ANNOUNCED_SIZE_BYTES,
  MESSAGE_REPLIES,
  sessionId,
  SIGN_IN_REPLIES,
  withSessionData,
  type ServerData,
} from './replies.ts';
import type { SendingLimits } from './sending-limits.ts';
import { createSubmissionHandler, newSubmissionState } from './submission-handler.ts';

/** Where to listen and with which certificate. */
export interface SubmissionSettings {
  readonly host: string;
  readonly port: number;
  readonly keyPem: string;
  readonly chainPem: string;
}

/** A listening server. */
export interface SubmissionFace {
  readonly port: number;
  close(): Promise<void>;
}

// The emulator is there to be hit by tests: what protects a server on the Internet would only disturb them.
const NO_PROTECTION = { errors: 100_000, junkCommands: 100_000, connections: 10_000, connectionsPerAddress: 10_000 };

/** Why listening failed, in the same words as on the HTTPS side, where Node says them. */
function listenReason({ code, message }: Fault): string {
  if (code === 'SMTP_LISTEN_ADDRESS_IN_USE') return 'EADDRINUSE';
  if (code === 'SMTP_LISTEN_NOT_PERMITTED') return 'EACCES';
  return /: \w+ (E[A-Z]+)\b/.exec(message)?.[1] ?? code;
}

/**
 * The replies that our server half gives by itself, in Exchange Online's words where those are known. They are not told which
 * session they are for, so each has an id of its own.
 */
function exchangeReplies(server: ServerData, clock: Clock): ReplacedReplies {
  const withData = (text: string) => (): SpokenReply => spoken(withSessionData(text, server, clock.now(), sessionId()));
  return {
    authMechanismNotOffered: withData(SIGN_IN_REPLIES.unknownMechanism),
    encryptionRequired: withData(SIGN_IN_REPLIES.notAuthenticated),
    messageTooLarge: withData(MESSAGE_REPLIES.tooLarge),
    recipientInvalid: withData('501 5.1.3 Invalid address'),
    senderInvalid: withData('501 5.1.7 Invalid address'),
    noop: spoken('250 2.0.0 OK'),
    reset: spoken('250 2.0.0 Resetting'),
    goodbye: spoken('221 2.0.0 Service closing transmission channel'),
  };
}

/**
 * Starts the server.
 *
 * @throws EmulatorError with `EMULATOR_CANNOT_LISTEN`.
 */
export async function startSubmission(
  world: World,
  limits: SendingLimits,
  data: ServerData,
  settings: SubmissionSettings,
): Promise<SubmissionFace> {
  const { host, port } = settings;
  const server = createSmtpServer({
    hostname: data.greetingHost,
    security: 'starttls',
    certificate: { certificatePem: settings.chainPem, privateKeyPem: settings.keyPem },
    handler: createSubmissionHandler(world, limits, data),
    newState: newSubmissionState,
    limits: { ...NO_PROTECTION, messageBytes: ANNOUNCED_SIZE_BYTES },
    replies: exchangeReplies(data, world.clock),
  });
  const listening = await server.listen({ host, port });
  if (listening.ok) return { port: listening.value.port, close: () => server.close({ graceMs: 0 }) };
  const reason = listenReason(listening.fault);
  throw new EmulatorError(emulatorFaults.make('EMULATOR_CANNOT_LISTEN', { host, port, reason }));
}
