/** The types of `@postbearer/emulator` as its users see them. Compiled by `tsconfig.tests.json`, never run. */
import type { Secret } from '@postbearer/core';
import { startEmulator, type Emulator, type EmulatorOptions, type ReceivedMessage } from '@postbearer/emulator';
import { createMailer } from '@postbearer/mailer';
import { expectTypeOf } from 'vitest';

expectTypeOf(startEmulator).toEqualTypeOf<(options?: EmulatorOptions) => Promise<Emulator>>();
expectTypeOf<Emulator['messages']>().toEqualTypeOf<readonly ReceivedMessage[]>();
expectTypeOf<Emulator['close']>().toEqualTypeOf<() => Promise<void>>();
expectTypeOf<ReturnType<Emulator['state']['addSecret']>>().toEqualTypeOf<Secret>();

// What the emulator writes is what a mailer reads.
const emulator = await startEmulator();
createMailer(emulator.settings());
// @ts-expect-error -- the list of messages is read, never written
emulator.messages = [];
