/**
 * The lanes: each is one upstream and one mailbox, with its pace.
 *
 * Lanes come from the settings, and from apps that name a mailbox which the settings do not mention; those go through the
 * default upstream. A lane's name says both, so that a message in the queue finds its lane whatever the settings say later.
 *
 * New settings change what a lane says and never which object says it: whoever sends in a lane follows by itself.
 */
import type { MailboxAddress } from '@postbearer/core';
import { EXCHANGE_ONLINE_LIMITS } from '@postbearer/microsoft365';
import type { MailboxSettings, Settings } from '@postbearer/settings';
import { laneUpstreamFor, settingsUpstreamOf, type WayRequest } from './ways.ts';

/** How fast a mailbox sends. */
export interface LanePace {
  readonly connections: number;
  readonly messagesPerMinute: number;
  readonly recipientsPerDay: number;
}

/** One upstream and one mailbox. */
export interface Lane {
  /** `upstream/mailbox`, the mailbox in lower case. */
  readonly name: string;
  readonly upstream: string;
  readonly mailbox: string;
  /** Addresses that the settings send through this mailbox, beside its own. */
  readonly from: readonly MailboxAddress[];
  readonly pace: LanePace;
}

type Changeable<T> = { -readonly [K in keyof T]: T[K] };

interface KnownLane extends Omit<Changeable<Lane>, 'pace'> {
  readonly pace: Changeable<LanePace>;
}

const DEFAULT_UPSTREAM = 'default';

const EXCHANGE_PACE: LanePace = {
  connections: EXCHANGE_ONLINE_LIMITS.connectionsPerMailbox.value,
  messagesPerMinute: EXCHANGE_ONLINE_LIMITS.messagesPerMinute.value,
  recipientsPerDay: EXCHANGE_ONLINE_LIMITS.recipientsPerDay.value,
};

/** Every lane that is known. */
export class LaneBook {
  #settings: Settings;
  #pace: LanePace;
  readonly #lanes = new Map<string, KnownLane>();
  /** Found once for each mailbox: every message asks, and there may be hundreds. */
  readonly #byMailbox = new Map<string, Lane>();

  /** @param pace - for mailboxes whose settings name none; Exchange Online's where left out. */
  constructor(settings: Settings, pace: Partial<LanePace> = {}) {
    this.#settings = settings;
    this.#pace = { ...EXCHANGE_PACE, ...pace };
    this.#addNamed(settings);
  }

  /** Follows new settings. Lanes that they do not name stay: messages may be in them. */
  replace(settings: Settings, pace: Partial<LanePace> = {}): void {
    this.#settings = settings;
    this.#pace = { ...EXCHANGE_PACE, ...pace };
    this.#byMailbox.clear();
    this.#addNamed(settings);
    for (const lane of this.#lanes.values()) {
      const own = this.#settingsOf(lane.mailbox);
      const settingsHere = own?.upstream === settingsUpstreamOf(lane.upstream) ? own : undefined;
      lane.from = settingsHere?.from ?? [];
      Object.assign(lane.pace, this.#pace, settingsHere?.pace);
    }
  }

  #addNamed(settings: Settings): void {
    for (const { username } of Object.values(settings.upstreams)) if (username !== undefined) this.ofMailbox(username);
    for (const mailbox of Object.keys(settings.mailboxes)) this.ofMailbox(mailbox);
  }

  /** The names of all lanes. */
  get names(): readonly string[] {
    return [...this.#lanes.keys()];
  }

  /** The lane of a mailbox; it is made where it is asked for the first time. */
  ofMailbox(mailbox: string): Lane {
    const wanted = mailbox.toLowerCase();
    const known = this.#byMailbox.get(wanted);
    if (known !== undefined) return known;
    const settings = this.#settingsOf(wanted);
    const upstream = settings?.upstream ?? this.#upstreamSigningInAs(wanted) ?? DEFAULT_UPSTREAM;
    const lane = this.#lane(upstream, wanted, settings);
    this.#byMailbox.set(wanted, lane);
    return lane;
  }

  /** The lane in which a message of a mailbox goes: another one where a migration takes it with OAuth. */
  forMessage(lane: Lane, request: WayRequest): Lane {
    const upstream = laneUpstreamFor(lane.upstream, this.#settings, request);
    return upstream === lane.upstream ? lane : this.#lane(upstream, lane.mailbox, this.#settingsOf(lane.mailbox));
  }

  /** The lane of that name, as a message in the queue has it. */
  byName(name: string): Lane {
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    const cut = name.indexOf('/');
    return this.#lane(name.slice(0, Math.max(0, cut)), name.slice(cut + 1), undefined);
  }

  #settingsOf(mailbox: string): MailboxSettings | undefined {
    return Object.entries(this.#settings.mailboxes).find(([name]) => name.toLowerCase() === mailbox)?.[1];
  }

  #upstreamSigningInAs(mailbox: string): string | undefined {
    return Object.values(this.#settings.upstreams).find(({ username }) => username?.toLowerCase() === mailbox)?.name;
  }

  #lane(upstream: string, mailbox: string, settings: MailboxSettings | undefined): Lane {
    const name = `${upstream}/${mailbox}`;
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    const lane = { name, upstream, mailbox, from: settings?.from ?? [], pace: { ...this.#pace, ...settings?.pace } };
    this.#lanes.set(name, lane);
    return lane;
  }
}
