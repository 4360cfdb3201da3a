/**
 * A part of the service: one feature, wired to what it needs of the others.
 *
 * New settings are taken into use in two steps, so that they come into force as a whole or not at all: every part prepares
 * what may fail (a listener to open, a certificate to read) while the old settings are in force, and only where each could,
 * all of them change over.
 */
import { success, type Clock, type EventSink, type Result } from '@postbearer/core';
import type { Snapshot } from './snapshot.ts';
import type { Store } from './store.ts';

/** A change that is prepared. One of its two ends comes. */
export interface Change {
  /** Takes it into use; cannot fail any more. */
  commit(): Promise<void> | void;
  /** Undoes what was prepared. */
  abandon(): Promise<void> | void;
}

/** One part of the service. */
export interface Part {
  /** Prepares other settings; the first ones at the start. Where it fails, everything is as before. */
  prepare(next: Snapshot): Promise<Result<Change>>;
  /** Ends it: takes nothing more, and lets what was begun end for `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** What every part works with. */
export interface PartContext {
  readonly dataFolder: string;
  /** For proxies, certificate authorities and systemd credentials. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly store: Store;
  readonly clock: Clock;
  readonly onEvent: EventSink;
  /** Whether anybody wants the lines of SMTP dialogues now. */
  readonly wantsDialogue: () => boolean;
  readonly onError: (error: unknown) => void;
  /** The settings in force. */
  readonly current: () => Snapshot;
  readonly isClosing: () => boolean;
}

/** A change that needs no preparation. */
export function changeBy(commit: Change['commit']): Result<Change> {
  return success({ commit, abandon: () => undefined });
}

/** Prepares all parts and changes over with `begin` and the commits in order, or changes nothing. */
export async function changeAll(parts: readonly Part[], next: Snapshot, begin: () => void): Promise<Result<void>> {
  const prepared: Change[] = [];
  for (const part of parts) {
    const change = await part.prepare(next);
    if (!change.ok) {
      for (const earlier of prepared.toReversed()) await earlier.abandon();
      return change;
    }
    prepared.push(change.value);
  }
  begin();
  for (const change of prepared) await change.commit();
  return success(undefined);
}
