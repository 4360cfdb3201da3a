/**
 * The server half of SMTP: protocol, limits and safety; what it is for is said by a handler.
 *
 * @packageDocumentation
 */
export { MessageContentError, type ContentEnd } from './content-channel.ts';
export { smtpServerFaults } from './faults.ts';
export type {
  Answer,
  AuthAttempt,
  AuthMechanism,
  AuthOutcome,
  Awaitable,
  IncomingMessage,
  MailParameters,
  ReceivedEnvelope,
  RecipientParameters,
  SmtpServerHandler,
} from './handler.ts';
export { standardLimits, standardTimeouts, type SmtpServerLimits, type SmtpServerTimeouts } from './limits.ts';
export type { DroppedLine, ServerReply, SpokenReply } from './reply.ts';
export {
  createSmtpServer,
  type ListeningAddress,
  type ServerCertificate,
  type SmtpServer,
  type SmtpServerChanges,
  type SmtpServerOptions,
} from './server.ts';
export type { Peer, SmtpSession, TlsInfo } from './session.ts';
export { standardReplies, type ReplacedReplies, type StandardReplies } from './standard-replies.ts';
