/** The types of `@postbearer/smtp` as its users see them. Compiled by `tsconfig.tests.json`, never run. */
import type { Envelope, MailboxAddress, Message, Result, Secret, Verdict } from '@postbearer/core';
import {
  connectSmtp,
  createSmtpPool,
  type CallOptions,
  type ConnectOptions,
  type SmtpConnection,
  type SmtpCredentials,
  type SmtpPool,
  type SmtpPoolOptions,
  type SmtpSecurity,
} from '@postbearer/smtp/client';
import { replyText, type ReplyBatch, type ReplyParser, type SmtpReply } from '@postbearer/smtp/reply';
import { createSmtpServer, type AuthAttempt, type IncomingMessage, type SmtpServer } from '@postbearer/smtp/server';
import { expectTypeOf } from 'vitest';

expectTypeOf(connectSmtp).toEqualTypeOf<(options: ConnectOptions) => Promise<Result<SmtpConnection>>>();
expectTypeOf(createSmtpPool).toEqualTypeOf<(options: SmtpPoolOptions) => SmtpPool>();
expectTypeOf<SmtpPool['send']>().toEqualTypeOf<
  (message: Message, options?: CallOptions) => Promise<readonly Verdict[]>
>();
expectTypeOf<SmtpConnection['checkEnvelope']>().toEqualTypeOf<
  (envelope: Envelope, options?: CallOptions) => Promise<Result<void>>
>();
expectTypeOf<SmtpSecurity>().toEqualTypeOf<'starttls' | 'tls' | 'none'>();
expectTypeOf<Extract<SmtpCredentials, { kind: 'bearer' }>['token']>().toEqualTypeOf<Secret>();
expectTypeOf<Extract<SmtpCredentials, { kind: 'password' }>['password']>().toEqualTypeOf<Secret>();

// How a connection is encrypted is always said, and no option weakens the check of a certificate.
// @ts-expect-error -- security is missing
await connectSmtp({ host: 'smtp.example', port: 587 });
// @ts-expect-error -- no such option
await connectSmtp({ host: 'smtp.example', port: 587, security: 'starttls', tls: { rejectUnauthorized: false } });
// @ts-expect-error -- a text is not an address
void ({ sender: 'a@example.com', recipients: [] } satisfies Envelope);

expectTypeOf<ReplyParser['feed']>().toEqualTypeOf<(chunk: Uint8Array) => ReplyBatch>();
expectTypeOf(replyText).toEqualTypeOf<(reply: SmtpReply) => string>();

const server = createSmtpServer({ hostname: 'mx.example', security: 'plain', handler: {} });
expectTypeOf(server).toEqualTypeOf<SmtpServer>();
expectTypeOf<AuthAttempt['mechanism']>().toEqualTypeOf<'XOAUTH2' | 'OAUTHBEARER' | 'PLAIN' | 'LOGIN'>();
expectTypeOf<IncomingMessage['envelope']['sender']>().toEqualTypeOf<MailboxAddress | ''>();
expectTypeOf<IncomingMessage['content']>().toEqualTypeOf<AsyncIterable<Uint8Array>>();
