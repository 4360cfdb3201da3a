/** One call of Microsoft Graph, and what comes of it. */
import type { Caller } from './caller.ts';
import type { GraphRefusal, Json } from './graph-error.ts';

/** A call that was let in. */
export interface GraphCall {
  readonly method: string;
  readonly caller: Caller;
  readonly query: URLSearchParams;
  headers(name: string): string;
  /** The JSON object that came; empty where none did. */
  readonly body: Json;
  /** Wall clock, milliseconds since 1970. */
  readonly now: number;
  /** How long it takes until what was made is known everywhere. */
  readonly propagationMs: number;
}

/** An answer, or a refusal. */
export type GraphOutcome = { readonly status: 200 | 201 | 204; readonly body?: Json } | GraphRefusal;

/** Whether what was made at a time is known everywhere by now. */
export function isKnown({ now, propagationMs }: GraphCall, madeAt: number): boolean {
  return now >= madeAt + propagationMs;
}
