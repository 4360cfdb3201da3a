/** The types of `@postbearer/emulator` as its users see them. Compiled by `tsconfig.tests.json`, never run. */
import {
  startEmulator,
  type Emulator,
  type EmulatorOptions,
  type EmulatorSettings,
  type EmulatorState,
  type InjectedFault,
  type ReceivedMessage,
} from '@postbearer/emulator';
import type { Secret } from '@postbearer/core';
import { expectTypeOf } from 'vitest';

expectTypeOf(startEmulator).toEqualTypeOf<(options?: EmulatorOptions) => Promise<Emulator>>();
expectTypeOf<Emulator['messages']>().toEqualTypeOf<readonly ReceivedMessage[]>();
expectTypeOf<Emulator['settings']>().returns.toEqualTypeOf<EmulatorSettings>();
expectTypeOf<Emulator['close']>().toEqualTypeOf<() => Promise<void>>();
expectTypeOf<ReceivedMessage['bytes']>().toEqualTypeOf<Uint8Array>();

// A new secret is in custody from the first moment.
expectTypeOf<ReturnType<Emulator['state']['addSecret']>>().toEqualTypeOf<Secret>();

// Nothing of a state needs to be written but what is special about it.
const state: EmulatorState = { tenants: [{ domains: ['contoso.example'], apps: [{}], mailboxes: [] }] };
void state;
// @ts-expect-error -- a misspelt key is refused
const misspelt: EmulatorState = { tenants: [{ domains: [], apps: [], mailboxes: [], smtpAuthDisable: true }] };
void misspelt;

// A switch belongs to a tenant or to a mailbox, and only a mailbox can follow.
declare const emulator: Emulator;
void (() => emulator.state.setSmtpAuth({ mailbox: 'a@contoso.example', enabled: null }));
// @ts-expect-error -- a tenant has nothing to follow
void (() => emulator.state.setSmtpAuth({ tenant: 'contoso.example', enabled: null }));

// What a fault does is told apart by its kind.
const fault: InjectedFault = {
  stage: 'token',
  action: { kind: 'aadsts', code: 90033, retryAfterSeconds: 5 },
  times: 2,
};
void fault;
// @ts-expect-error -- a delay says how long
const endless: InjectedFault = { stage: 'mail', action: { kind: 'delay' } };
void endless;
