/**
 * Replies of SMTP servers: from bytes to values.
 *
 * @packageDocumentation
 */
export { replyFaults } from './faults.ts';
export { ReplyParser, type ReplyBatch, type ReplyLimits } from './parser.ts';
export { replyText, type SmtpReply } from './reply.ts';
