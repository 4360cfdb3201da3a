/** The types of `@postbearer/mailer` and `@postbearer/diagnosis` as their users see them. Compiled by `tsconfig.tests.json`, never run. */
import type { Fault, Verdict } from '@postbearer/core';
import { renderChain, verifyUpstream, type ChainReport, type CheckStatus } from '@postbearer/diagnosis';
import {
  createEventLog,
  createMailer,
  loadSettings,
  type Mailer,
  type MailerOptions,
  type SendOutcome,
  type SettingsInput,
} from '@postbearer/mailer';
import { createNodemailerTransport } from '@postbearer/mailer/nodemailer';
import { expectTypeOf } from 'vitest';

expectTypeOf(createMailer).toEqualTypeOf<(settings: SettingsInput, options?: MailerOptions) => Mailer>();
expectTypeOf<Mailer['send']>().returns.toEqualTypeOf<Promise<SendOutcome>>();
expectTypeOf<Mailer['verify']>().returns.toEqualTypeOf<Promise<ChainReport>>();
expectTypeOf<Mailer['close']>().toEqualTypeOf<() => Promise<void>>();
expectTypeOf<SendOutcome['recipients']>().toEqualTypeOf<readonly Verdict[]>();
expectTypeOf<SendOutcome['fault']>().toEqualTypeOf<Fault | undefined>();
expectTypeOf(createNodemailerTransport).parameter(0).toEqualTypeOf<Mailer>();
expectTypeOf(verifyUpstream).returns.toEqualTypeOf<Promise<ChainReport>>();
expectTypeOf(renderChain).parameter(0).toEqualTypeOf<ChainReport>();
expectTypeOf<CheckStatus>().toEqualTypeOf<'passed' | 'warning' | 'failed' | 'not-reached' | 'skipped'>();

// The few lines of the README
const settings = await loadSettings();
if (settings.ok) {
  const mailer = createMailer(settings.value, { onEvent: createEventLog() });
  await mailer.send({
    to: ['user@example.com', { name: 'Ann', address: 'ann@example.com' }],
    subject: 'Hello',
    text: 'It works.',
  });
  // @ts-expect-error -- a field that is not there, such as a misspelt one
  await mailer.send({ to: 'user@example.com', subjekt: 'Hello' });
  await mailer.close();
}
createMailer({ smtp: { server: 'smtp.example', port: '587' } });
// @ts-expect-error -- neither settings nor of the shape of Global-variables.json
createMailer({ server: 'smtp.example' });
