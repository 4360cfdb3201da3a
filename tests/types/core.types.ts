/** The types of `@postbearer/core` as its users see them. Compiled by `tsconfig.tests.json`, never run. */
import {
  createScrubber,
  defineFaults,
  parseAddressList,
  parseLogLevel,
  parseMailboxAddress,
  renderText,
  Secret,
  systemClock,
  type Accepted,
  type Clock,
  type Envelope,
  type Fault,
  type LogLevel,
  type MailboxAddress,
  type MessageContent,
  type MessageSource,
  type NamedAddress,
  type NextStep,
  type PostbearerEvent,
  type Result,
  type Scrubber,
  type SecretRef,
  type Verdict,
} from '@postbearer/core';
import { expectTypeOf } from 'vitest';

// Functions
expectTypeOf(parseMailboxAddress).toEqualTypeOf<(text: string) => Result<MailboxAddress>>();
expectTypeOf(parseAddressList).toEqualTypeOf<(text: string) => Result<readonly NamedAddress[]>>();
expectTypeOf(parseLogLevel).toEqualTypeOf<(text: string) => LogLevel | undefined>();
expectTypeOf(renderText).toEqualTypeOf<(event: PostbearerEvent) => string>();
expectTypeOf(createScrubber).toEqualTypeOf<() => Scrubber>();
expectTypeOf(systemClock).toEqualTypeOf<Clock>();

// A result is told apart by `ok`, and nothing else is reachable before.
const parsed = parseMailboxAddress('user@example.com');
// @ts-expect-error -- there is no value before `ok` was looked at
void parsed.value;
if (parsed.ok) expectTypeOf(parsed.value).toEqualTypeOf<MailboxAddress>();
else expectTypeOf(parsed.fault).toEqualTypeOf<Fault>();

// Only what was parsed is an address.
// @ts-expect-error -- a text is not an address
const notParsed: MailboxAddress = 'user@example.com';
void notParsed;
expectTypeOf<MailboxAddress>().toExtend<string>();
expectTypeOf<Envelope['sender']>().toEqualTypeOf<MailboxAddress | ''>();
expectTypeOf<Envelope['recipients']>().toEqualTypeOf<readonly MailboxAddress[]>();
expectTypeOf<MessageContent>().toEqualTypeOf<Uint8Array | MessageSource>();

// Outcomes are unions that the compiler makes one finish.
expectTypeOf<Verdict['outcome']>().toEqualTypeOf<'accepted' | 'deferred' | 'refused' | 'uncertain'>();
expectTypeOf<Extract<Verdict, { outcome: 'accepted' }>>().toEqualTypeOf<Accepted>();
expectTypeOf<NextStep>().toEqualTypeOf<
  'retry' | 'needs-person' | 'fix-configuration' | 'fix-message' | 'give-up' | 'uncertain'
>();
expectTypeOf<SecretRef['kind']>().toEqualTypeOf<'value' | 'file' | 'systemd-credential'>();

// A catalogue knows its codes.
const faults = defineFaults({
  SMTP_EXAMPLE: { title: 't', message: 'm', cause: 'c', remedy: { steps: [] }, next: 'retry' },
});
expectTypeOf(faults.make('SMTP_EXAMPLE')).toEqualTypeOf<Fault>();
// @ts-expect-error -- a code that the catalogue does not have
faults.make('SMTP_OTHER');
// @ts-expect-error -- a code without an owner
defineFaults({ EXAMPLE: { title: 't', message: 'm', cause: 'c', remedy: { steps: [] }, next: 'retry' } });

// A secret is no text.
const secret = Secret.of('x');
// @ts-expect-error -- only reveal() gives it out
const text: string = secret;
void text;
expectTypeOf(secret.reveal()).toEqualTypeOf<string>();
// @ts-expect-error -- made by Secret.of alone
void new Secret('x');

// What is given is not changed.
// @ts-expect-error -- readonly
if (parsed.ok) parsed.value = 'x';
