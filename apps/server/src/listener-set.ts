/**
 * The listeners of one part, changed by difference: what stays in the settings stays open with its connections, what is new is
 * opened, what is gone is closed after its sessions had time to end.
 *
 * A place that is in use by one of ours which is to go (other encryption, another address on the same port) is taken over when
 * the change is made; nothing else can fail then.
 */
import { success, type Fault, type Result } from '@postbearer/core';
import type { Change } from './part.ts';

/** Where to listen. */
export interface ListenerPlace {
  readonly host?: string;
  readonly port: number;
  readonly security: string;
}

/** A listener that listens. */
export interface OpenListener<Settings, Address> {
  readonly address: Address;
  /** Connections that are open now, where it counts them. */
  readonly connectionCount?: number;
  /** Prepares other settings for whoever connects from then on. */
  prepare(next: Settings): Promise<Result<Change>>;
  close(graceMs: number): Promise<void>;
}

/** What a set works with. */
export interface ListenerSetOptions<Place, Settings, Address> {
  readonly open: (place: Place, settings: Settings) => Promise<Result<OpenListener<Settings, Address>>>;
  /** Whether an address could not be opened because somebody has it. */
  readonly isTaken: (fault: Fault) => boolean;
  /** Hears why a listener that was to take over a place could not. */
  readonly onFault: (fault: Fault) => void;
  /** How long sessions of a listener that goes may last. */
  readonly graceMs: number;
}

interface Held<Place, Settings, Address> {
  readonly place: Place;
  readonly listener: OpenListener<Settings, Address>;
}

function keyOf({ host = '127.0.0.1', port, security }: ListenerPlace): string {
  return `${host} ${port} ${security}`;
}

/** The listeners of one part. */
export class ListenerSet<Place extends ListenerPlace, Settings, Address> {
  readonly #options: ListenerSetOptions<Place, Settings, Address>;
  #held: readonly Held<Place, Settings, Address>[] = [];
  /** Listeners whose sessions end. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(options: ListenerSetOptions<Place, Settings, Address>) {
    this.#options = options;
  }

  /** Where is listened, in the order of the settings. */
  get addresses(): readonly Address[] {
    return this.#held.map(({ listener }) => listener.address);
  }

  /** Connections that are open now. */
  get connectionCount(): number {
    return this.#held.reduce((sum, { listener }) => sum + (listener.connectionCount ?? 0), 0);
  }

  /** Prepares another list of places and other settings. */
  async prepare(places: readonly Place[], settings: Settings): Promise<Result<Change>> {
    const rest = [...this.#held];
    const kept = places.map((place) => {
      const index = rest.findIndex((held) => keyOf(held.place) === keyOf(place));
      return index < 0 ? undefined : rest.splice(index, 1)[0];
    });
    const changes: Change[] = [];
    const opened: (Held<Place, Settings, Address> | undefined)[] = [];
    const abandon = async (): Promise<void> => {
      for (const change of changes.toReversed()) await change.abandon();
      await Promise.all(opened.map(async (held) => await held?.listener.close(0)));
    };
    for (const [index, place] of places.entries()) {
      const held = kept[index];
      const prepared = held === undefined ? await this.#open(place, settings) : await held.listener.prepare(settings);
      if (prepared.ok && 'listener' in prepared.value) opened[index] = prepared.value;
      else if (prepared.ok && 'commit' in prepared.value) changes.push(prepared.value);
      else if (!prepared.ok && !this.#isOurs(prepared.fault, place, rest)) {
        await abandon();
        return prepared;
      }
    }
    return success({
      abandon,
      commit: async () => {
        for (const { listener } of rest) this.#leave(listener);
        for (const change of changes) await change.commit();
        await this.#takeOver(places, kept, opened, settings);
      },
    });
  }

  /** Closes all of them. */
  async close(graceMs: number): Promise<void> {
    for (const { listener } of this.#held) this.#leave(listener, graceMs);
    this.#held = [];
    await Promise.all(this.#leaving);
  }

  async #open(place: Place, settings: Settings): Promise<Result<Held<Place, Settings, Address>>> {
    const opened = await this.#options.open(place, settings);
    return opened.ok ? success({ place, listener: opened.value }) : opened;
  }

  /** Whether a place is taken by a listener of ours that is to go. */
  #isOurs(fault: Fault, { port }: Place, rest: readonly Held<Place, Settings, Address>[]): boolean {
    return this.#options.isTaken(fault) && rest.some((held) => held.place.port === port);
  }

  async #takeOver(
    places: readonly Place[],
    kept: readonly (Held<Place, Settings, Address> | undefined)[],
    opened: readonly (Held<Place, Settings, Address> | undefined)[],
    settings: Settings,
  ): Promise<void> {
    const held: Held<Place, Settings, Address>[] = [];
    for (const [index, place] of places.entries()) {
      const known = kept[index] ?? opened[index];
      const taken = known === undefined ? await this.#open(place, settings) : success(known);
      if (taken.ok) held.push(taken.value);
      else this.#options.onFault(taken.fault);
    }
    this.#held = held;
  }

  #leave(listener: OpenListener<Settings, Address>, graceMs = this.#options.graceMs): void {
    const closed = listener.close(graceMs).finally(() => this.#leaving.delete(closed));
    this.#leaving.add(closed);
  }
}
