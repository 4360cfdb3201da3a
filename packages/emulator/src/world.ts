/** What all parts of one running emulator share. */
import type { Clock } from '@postbearer/core';
import type { Counters } from './counters.ts';
import type { SigningKey } from './entra/access-token.ts';
import type { EmulatorEventSink } from './events.ts';
import type { FaultInjector } from './fault-injection.ts';
import type { MessageStore } from './messages.ts';
import type { Directory } from './state/directory.ts';

/** The shared parts. */
export interface World {
  readonly directory: Directory;
  readonly signingKey: SigningKey;
  readonly messages: MessageStore;
  readonly faults: FaultInjector;
  readonly counters: Counters;
  readonly clock: Clock;
  /** A number from 0 up to 1. */
  readonly random: () => number;
  readonly onEvent: EmulatorEventSink;
}
