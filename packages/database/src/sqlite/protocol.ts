/** What the main thread and the thread of SQLite say to each other. Plain data only: it is copied from thread to thread. */
import type { Fault } from '@postbearer/core';
import type { BatchOutcome } from '../database.ts';
import type { SqlValue } from '../statement.ts';

/** A statement on its way. */
export interface WireStatement {
  readonly text: string;
  readonly values: readonly SqlValue[];
  readonly mustChange?: number;
}

/** Statements that stand or fall together. */
export interface BatchRequest {
  readonly kind: 'batch';
  readonly id: number;
  readonly statements: readonly WireStatement[];
}

/** One thing that the main thread asks for. */
export type Request =
  | BatchRequest
  | { readonly kind: 'query'; readonly id: number; readonly statement: WireStatement }
  | { readonly kind: 'backup'; readonly id: number; readonly file: string }
  | { readonly kind: 'close'; readonly id: number };

/** How a request ended: its value, the fault that is expected at times, or the words of an error that is a bug. */
export type Ending =
  | { readonly value: readonly unknown[] | BatchOutcome | undefined }
  | { readonly fault: Fault }
  | { readonly error: string };

/** The ending of one request. */
export type Answer = Ending & { readonly id: number };

/** The first message of the thread: whether the file is open. */
export interface Opened {
  readonly opened: Fault | true;
}
