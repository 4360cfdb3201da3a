/** What the readers hand over: raw values, each with its place and rank. */
import {
  LOG_LEVEL_KEY,
  LOG_LEVEL_SETTING,
  UPSTREAM_SETTINGS,
  type PACE_KEYS,
  type Setting,
  type UpstreamKey,
} from './schema.ts';
import {
  SERVICE_SETTINGS,
  type ListenerKey,
  type ListenerSection,
  type ServiceKey,
  type WebhookKey,
} from './service-schema.ts';
import type { Finding } from './settings.ts';
import type { Place } from './place.ts';
import type { RawValue } from './value.ts';

/**
 * Who wins where several places name the same setting: the first.
 *
 * `file` is the root `smtp`, what `postbearer.upstreams` says, and every variable of a tfvars file; `nested` is `database.smtp`.
 */
export const RANKS = ['flag', 'environment', 'credential', 'xmpro', 'file', 'nested'] as const;

/** One of {@link RANKS}. */
export type Rank = (typeof RANKS)[number];

/** The upstream that the root `smtp`, the environment and Terraform speak of. */
export const DEFAULT_UPSTREAM = 'default';

/** One setting at one place. */
export interface Entry {
  readonly rank: Rank;
  readonly place: Place;
  readonly raw: RawValue;
  readonly about: About;
}

/** What an entry is about: the log level, a setting of the service, or one of an upstream. */
export type About =
  | typeof LOG_LEVEL_KEY
  | { readonly service: ServiceKey }
  | { readonly upstream: string; readonly key: UpstreamKey };

/** The row of the table for what an entry is about. */
export function settingAbout(about: About): Setting {
  if (about === LOG_LEVEL_KEY) return LOG_LEVEL_SETTING;
  return 'service' in about ? SERVICE_SETTINGS[about.service] : UPSTREAM_SETTINGS[about.key];
}

/** One value that is no setting of an upstream. */
export interface Placed {
  readonly place: Place;
  readonly raw: RawValue;
}

/** A mailbox as the file writes it. */
export interface RawMailbox {
  readonly address: string;
  readonly place: Place;
  readonly upstream?: Placed;
  readonly from: readonly Placed[];
  readonly pace: ReadonlyMap<keyof typeof PACE_KEYS, Placed>;
}

/** A listener as the file writes it. */
export interface RawListener {
  readonly section: ListenerSection;
  readonly place: Place;
  readonly members: ReadonlyMap<ListenerKey, Placed>;
}

/** A webhook as the file writes it. */
export interface RawWebhook {
  readonly name: string;
  readonly place: Place;
  readonly members: ReadonlyMap<WebhookKey, Placed>;
  readonly events: readonly Placed[];
}

/** Everything that one form said. */
export interface Collected {
  readonly entries: readonly Entry[];
  readonly mailboxes: readonly RawMailbox[];
  readonly listeners: readonly RawListener[];
  readonly webhooks: readonly RawWebhook[];
  /** Upstreams that are written, even if with nothing in them. */
  readonly upstreams: readonly { readonly name: string; readonly place: Place }[];
  readonly findings: readonly Finding[];
  /** Whether everything there was could be read. */
  readonly isWhole: boolean;
}

/** A form that said nothing. */
export const NOTHING: Collected = {
  entries: [],
  mailboxes: [],
  listeners: [],
  webhooks: [],
  upstreams: [],
  findings: [],
  isWhole: true,
};

/** A raw value with its path made absolute, where it is the path of a file. */
export function resolveRaw(raw: RawValue, setting: Setting, resolvePath: (path: string) => string): RawValue {
  if (setting.type !== 'path' || raw.kind !== 'text' || raw.text.trim() === '') return raw;
  return { kind: 'text', text: resolvePath(raw.text.trim()) };
}

/** Several forms as one. */
export function joinCollected(parts: readonly Collected[]): Collected {
  return {
    entries: parts.flatMap((part) => part.entries),
    mailboxes: parts.flatMap((part) => part.mailboxes),
    listeners: parts.flatMap((part) => part.listeners),
    webhooks: parts.flatMap((part) => part.webhooks),
    upstreams: parts.flatMap((part) => part.upstreams),
    findings: parts.flatMap((part) => part.findings),
    isWhole: parts.every((part) => part.isWhole),
  };
}
