/** The types of `@postbearer/smtp/server` as its users see them. Compiled by `tsconfig.tests.json`, never run. */
import type { Result, Secret } from '@postbearer/core';
import {
  createSmtpServer,
  type AuthAttempt,
  type IncomingMessage,
  type ListeningAddress,
  type ServerCertificate,
  type SmtpServer,
  type SpokenReply,
} from '@postbearer/smtp/server';
import { expectTypeOf } from 'vitest';

expectTypeOf<ReturnType<SmtpServer['listen']>>().toEqualTypeOf<Promise<Result<ListeningAddress>>>();
expectTypeOf<SmtpServer['replaceCertificate']>().toEqualTypeOf<(certificate: ServerCertificate) => Result<void>>();
expectTypeOf<IncomingMessage['content']>().toEqualTypeOf<AsyncIterable<Uint8Array>>();
expectTypeOf<IncomingMessage['envelope']['recipients'][number]>().toExtend<string>();
expectTypeOf<Extract<AuthAttempt, { token: Secret }>['mechanism']>().toEqualTypeOf<'XOAUTH2' | 'OAUTHBEARER'>();
expectTypeOf<SpokenReply['then']>().toEqualTypeOf<'close' | undefined>();

const common = { hostname: 'mail.example.com', security: 'plain' } as const;

// A handler without state needs nothing more; its methods may answer now or later, or not at all.
createSmtpServer({ ...common, handler: { mail: () => undefined, quit: async () => ({ code: 221, text: 'Bye' }) } });

// A handler with state has the type of what makes it.
createSmtpServer({
  ...common,
  newState: () => ({ tries: 0 }),
  handler: {
    mail: (session) => {
      expectTypeOf(session.state).toEqualTypeOf<{ tries: number }>();
      session.state.tries += 1;
      return undefined;
    },
  },
});

// @ts-expect-error -- state that nobody makes
createSmtpServer<{ tries: number }>({ ...common, handler: { mail: (session) => void (session.state.tries += 1) } });

// @ts-expect-error -- a reply has a code
createSmtpServer({ ...common, handler: { mail: () => ({ text: 'OK' }) } });
