/**
 * Everything about the service that may change while it runs, as one value.
 *
 * Rule: the parts of the service are set up from one snapshot and never from a mixture of two. What the program says at the
 * start (`ServiceSettings`) wins over what the settings say, at each reload anew. What cannot change in a running service is
 * named by {@link RESTART_KEYS}.
 */
import { hostname } from 'node:os';
import { Secret, type MailboxAddress } from '@postbearer/core';
import type { QueueOptions } from '@postbearer/queue';
import type { SmtpServerTimeouts } from '@postbearer/smtp/server';
import type { ServiceSettings as SettingsOfService, Settings } from '@postbearer/settings';
import type { CertificateFiles } from './access/certificate.ts';
import type { ApiListenerSettings } from './api/http/api-listener.ts';
import { DEFAULT_PROBE_TIMES, type ProbeTimes } from './delivery/lane-worker.ts';
import type { LanePace } from './delivery/lanes.ts';
import type { ListenerSettings } from './relay/relay-listener.ts';

/** What the program that starts the service says of it; it wins over the settings. Everything may be left out. */
export interface ServiceSettings {
  /** Where mail is taken by SMTP, in place of what the settings say. */
  readonly listeners?: readonly ListenerSettings[];
  /** Where the HTTP API is, in place of what the settings say. */
  readonly apiListeners?: readonly ApiListenerSettings[];
  /** The name in greetings, Received fields and the certificate that is made. */
  readonly hostname?: string;
  /** The certificate of the listeners. */
  readonly certificate?: CertificateFiles;
  /** How fast a mailbox sends whose settings do not say; as Exchange Online allows where left out. */
  readonly pace?: Partial<LanePace>;
  /** Gets the notices of failure and delay. */
  readonly noticesTo?: MailboxAddress;
  /** Milliseconds without work after which a connection to an upstream is closed; 30,000 where left out. */
  readonly idleMs?: number;
  /** When a held lane is tried. */
  readonly probeTimes?: ProbeTimes;
  /** The most bytes of a message. */
  readonly maxMessageBytes?: number;
  /** The most recipients of a message. */
  readonly maxRecipients?: number;
  /** What each app may hand in and have waiting. */
  readonly appLimits?: Partial<SettingsOfService['apps']>;
  /** How many connections there may be at a time, to each listener and from one client. */
  readonly connections?: Partial<Pick<SettingsOfService['relay'], 'connections' | 'connectionsPerClient'>>;
  /** How long a client of the relay may take for what. */
  readonly clientTimeouts?: Partial<SmtpServerTimeouts>;
  /** Times of the queue, and what becomes of a message whose outcome is uncertain. */
  readonly queue?: Pick<QueueOptions, 'node' | 'retryTimes' | 'nodeTimes' | 'retention' | 'uncertain'>;
}

/** The settings in force. */
export interface Snapshot {
  /** Where mail goes. */
  readonly settings: Settings;
  /** How the service is set up, what the program said included. */
  readonly service: Omit<SettingsOfService, 'relay' | 'api'> & {
    readonly api: Omit<SettingsOfService['api'], 'listeners'> & { readonly listeners: readonly ApiListenerSettings[] };
    readonly relay: Omit<SettingsOfService['relay'], 'listeners'> & { readonly listeners: readonly ListenerSettings[] };
  };
  readonly hostname: string;
  readonly pace: Partial<LanePace>;
  readonly clientTimeouts: Partial<SmtpServerTimeouts>;
  readonly probeTimes: ProbeTimes;
  readonly idleMs?: number;
  /** Whether the SMTP dialogue with upstreams is among the events. */
  readonly dialogue: boolean;
  /** Stands for the content of the files that the settings name; another value where one of them changed. */
  readonly namedFiles: string;
}

/** What is told of the settings beside themselves. */
export interface SnapshotOptions {
  readonly dialogue?: boolean;
  readonly namedFiles?: string;
}

/** The settings in force after a reading of settings. */
export function snapshotOf(
  settings: Settings,
  said: ServiceSettings,
  { dialogue = false, namedFiles = '' }: SnapshotOptions = {},
): Snapshot {
  const { service } = settings;
  const { relay, queue, notices } = service;
  const { uncertain = queue.uncertain, retention } = said.queue ?? {};
  return {
    settings,
    service: {
      ...service,
      relay: {
        ...relay,
        ...said.connections,
        listeners: said.listeners ?? relay.listeners,
        ...(said.certificate === undefined ? {} : { certificate: said.certificate }),
        maxMessageBytes: said.maxMessageBytes ?? relay.maxMessageBytes,
        maxRecipients: said.maxRecipients ?? relay.maxRecipients,
      },
      api: { ...service.api, listeners: said.apiListeners ?? service.api.listeners },
      apps: { ...service.apps, ...said.appLimits },
      queue: { bodyDays: queue.bodyDays, recordDays: queue.recordDays, ...retention, uncertain },
      notices: said.noticesTo === undefined ? notices : { to: said.noticesTo },
    },
    hostname: said.hostname ?? relay.hostname ?? hostname(),
    pace: said.pace ?? {},
    clientTimeouts: said.clientTimeouts ?? {},
    probeTimes: said.probeTimes ?? DEFAULT_PROBE_TIMES,
    ...(said.idleMs === undefined ? {} : { idleMs: said.idleMs }),
    dialogue,
    namedFiles,
  };
}

/** Settings that count only after a restart. */
export const RESTART_KEYS: readonly string[] = [
  'postbearer.dataFolder',
  'postbearer.node',
  'postbearer.database.url',
  'postbearer.log.file',
];

function isComposed(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Secret);
}

/** Whether two settings say the same; secrets are the same where their values are. */
export function saysTheSame(one: unknown, other: unknown): boolean {
  if (one instanceof Secret) return other instanceof Secret && one.reveal() === other.reveal();
  if (!isComposed(one) || !isComposed(other)) return Object.is(one, other);
  const [members, others] = [Object.entries(one), new Map<string, unknown>(Object.entries(other))];
  return members.length === others.size && members.every(([key, value]) => saysTheSame(value, others.get(key)));
}

/** Names of members that differ, each with what stands before it. */
function differing(one: object, other: object, prefix: string): string[] {
  const before = new Map<string, unknown>(Object.entries(one));
  const after = new Map<string, unknown>(Object.entries(other));
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names
    .filter((name) => !saysTheSame(before.get(name), after.get(name)))
    .map((name) => (prefix === '' ? name : `${prefix}.${name}`));
}

/** The keys, as a settings file writes them, whose values differ. Of upstreams and mailboxes the whole is named. */
export function changedKeys(before: Settings, after: Settings): readonly string[] {
  const upstreams = differing(before.upstreams, after.upstreams, 'postbearer.upstreams');
  const sections = differing(before.service, after.service, '').flatMap((name) => {
    const [one, other] = [before.service, after.service].map((service) => service[name as keyof typeof service]);
    const isSection = typeof one === 'object' && typeof other === 'object';
    return isSection ? differing(one, other, `postbearer.${name}`) : [`postbearer.${name}`];
  });
  return [
    ...upstreams.map((key) => (key === 'postbearer.upstreams.default' ? 'smtp' : key)),
    ...differing(before.mailboxes, after.mailboxes, 'postbearer.mailboxes'),
    ...sections,
    ...(before.logLevel === after.logLevel ? [] : ['LOG_LEVEL']),
  ];
}
