/**
 * The settings of the service: chosen, checked and built.
 *
 * The rules of this file: a certificate and its key are named together or not at all; no two listeners have one place; a
 * listener of the API without TLS stays on this machine, because a key would be read on the way; what a webhook has to have is
 * asked for.
 */
import type { MailboxAddress, SecretRef } from '@postbearer/core';
import { buildMigration } from './build-migration.ts';
import { choose, type Chosen } from './draft.ts';
import type { Entry, Placed, RawListener, RawWebhook } from './entry.ts';
import { evidenceOf, mistake, withExample, wrongValue, type Place } from './place.ts';
import type { Setting } from './schema.ts';
import {
  LISTENER_SETTINGS,
  SERVICE_KEYS,
  SERVICE_SETTINGS,
  WEBHOOK_SETTINGS,
  type ListenerKey,
  type ListenerSection,
  type ServiceKey,
} from './service-schema.ts';
import type {
  CertificatePair,
  EffectiveValue,
  Finding,
  Listener,
  ServiceSettings,
  WebhookSettings,
} from './settings.ts';
import { parseValue, type Value } from './value.ts';

const WEBHOOK_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const EVENT_NAME = /^(?:\*|[a-z][a-z-]*(?:\.(?:\*|[a-z][a-z-]*))*)$/;
/** Standard Webhooks 1.0, "Signature scheme" (standardwebhooks.com, read 2026-11-24): 24 to 64 bytes. */
const WEBHOOK_SECRET = /^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/;
const DATABASE_URL = /^postgres(?:ql)?:\/\/[^\s]+$/i;

/** Only where no mistake stood in the settings is any of this used. */
export interface BuiltService {
  readonly service: ServiceSettings;
  readonly values: readonly EffectiveValue[];
}

interface Member {
  readonly value: Value;
  readonly place: Place;
}

function textOf(chosen: Chosen | undefined): string | undefined {
  return chosen?.held?.value.kind === 'text' ? chosen.held.value.text : undefined;
}

function secretOf(chosen: Chosen | undefined): SecretRef | undefined {
  return chosen?.held?.value.kind === 'secret' ? chosen.held.value.secret : undefined;
}

function withDefault(key: ServiceKey, chosen: Chosen): Chosen {
  const { default: text } = SERVICE_SETTINGS[key];
  if (chosen.held !== undefined || chosen.brokenAt !== undefined || text === undefined) return chosen;
  const place = { key: `postbearer.${key}`, label: 'default' };
  return { ...chosen, held: { value: { kind: 'text', text }, place, origin: 'default' } };
}

function chooseAll(entries: readonly Entry[], findings: Finding[]): ReadonlyMap<ServiceKey, Chosen> {
  const byKey = Map.groupBy(
    entries.flatMap((entry) =>
      typeof entry.about === 'object' && 'service' in entry.about ? [{ key: entry.about.service, entry }] : [],
    ),
    ({ key }) => key,
  );
  return new Map(
    SERVICE_KEYS.map((key) => {
      const places = (byKey.get(key) ?? []).map(({ entry }) => entry);
      return [key, withDefault(key, choose(places, SERVICE_SETTINGS[key], findings))] as const;
    }),
  );
}

/** One member of a listener or webhook; a finding where it is wrong. */
function memberOf(placed: Placed | undefined, setting: Setting, findings: Finding[]): Member | 'absent' | 'broken' {
  if (placed === undefined) return 'absent';
  const parsed = parseValue(placed.raw, setting);
  if (parsed.kind === 'text' || parsed.kind === 'secret') return { value: parsed, place: placed.place };
  if (parsed.kind === 'empty') return 'absent';
  if (parsed.kind === 'refused') findings.push(wrongValue(placed.place, parsed.expected, parsed.found, parsed.advice));
  return 'broken';
}

function missing(place: Place, need: string, example: string): Finding {
  const values = { state: 'not set', need, advice: `Set it, for example to ${example}` };
  return mistake('CONFIG_VALUE_MISSING', place, values);
}

function valueOf(place: Place, value: Value, isDefault = false): EffectiveValue {
  const { key, label } = place;
  const told = { key, path: key.split('.'), source: isDefault ? 'default' : label };
  const origin = isDefault ? ('default' as const) : ('given' as const);
  const evidence = isDefault ? {} : { evidence: evidenceOf(place) };
  if (value.kind === 'secret')
    return { ...told, ...evidence, origin, value: '[secret]', isSecret: true, secret: value.secret };
  return { ...told, ...evidence, origin, value: value.text, isSecret: false };
}

interface BuiltListener {
  readonly listener?: Listener<string>;
  readonly values: readonly EffectiveValue[];
}

function isOfThisMachine(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || /^127(?:\.\d{1,3}){3}$/.test(bare);
}

function buildListener({ section, place, members }: RawListener, findings: Finding[]): BuiltListener {
  const settings = LISTENER_SETTINGS[section];
  const read = (key: ListenerKey): Member | 'absent' | 'broken' => {
    const member = memberOf(members.get(key), settings[key], findings);
    const { default: text } = settings[key];
    if (member !== 'absent' || text === undefined) return member;
    return { value: { kind: 'text', text }, place: { key: `${place.key}.${key}`, label: 'default' } };
  };
  const [host, port, security] = [read('host'), read('port'), read('security')];
  if (port === 'absent')
    findings.push(missing({ ...place, key: `${place.key}.port` }, 'a listener has a port', '2525'));
  const all = [host, port, security].filter((member) => typeof member === 'object');
  const values = all.map((member) => valueOf(member.place, member.value, member.place.label === 'default'));
  const [hostText, portText, securityText] = all.map(({ value }) => (value.kind === 'text' ? value.text : ''));
  if (hostText === undefined || portText === undefined || securityText === undefined) return { values };
  if (section === 'api' && securityText === 'plain' && !isOfThisMachine(hostText)) {
    const expected = 'tls where the address is not one of this machine alone';
    findings.push(
      wrongValue({ ...place, key: `${place.key}.security` }, expected, '"plain"', withExample(expected, 'tls')),
    );
  }
  return {
    values,
    listener: { host: hostText.replace(/^\[|\]$/g, ''), port: Number(portText), security: securityText },
  };
}

/** Two listeners of any section at one place. */
function findTwice(listeners: readonly (BuiltListener & { readonly raw: RawListener })[]): Finding[] {
  const first = new Map<string, Place>();
  return listeners.flatMap(({ listener, raw }) => {
    if (listener === undefined) return [];
    const where = `${listener.host} ${listener.port}`;
    const earlier = first.get(where);
    if (earlier === undefined) first.set(where, raw.place);
    if (earlier === undefined) return [];
    const expected = 'at a place of its own';
    return [wrongValue(raw.place, expected, `at that of ${earlier.key}`, `${expected}: another port or host`)];
  });
}

function buildListeners(
  raws: readonly RawListener[],
  findings: Finding[],
): {
  readonly of: (section: ListenerSection) => readonly Listener<string>[];
  readonly values: readonly EffectiveValue[];
} {
  const built = raws.map((raw) => ({ raw, ...buildListener(raw, findings) }));
  findings.push(...findTwice(built));
  return {
    of: (section) =>
      built.flatMap(({ raw, listener }) => (raw.section === section && listener !== undefined ? [listener] : [])),
    values: built.flatMap(({ values }) => values),
  };
}

function wrongSecret({ place }: Member, expected: string): Finding {
  return wrongValue(place, expected, 'something else', expected);
}

function isWrong(value: Value, shape: RegExp): boolean {
  return value.kind === 'secret' && value.secret.kind === 'value' && !shape.test(value.secret.value.reveal());
}

function buildWebhook(
  { name, place, members, events: listed }: RawWebhook,
  findings: Finding[],
): { readonly webhook?: WebhookSettings; readonly values: readonly EffectiveValue[] } {
  if (!WEBHOOK_NAME.test(name)) {
    const expected = 'named by at most 64 letters, digits, "-" and "_"';
    findings.push(wrongValue(place, expected, 'named otherwise', withExample(expected, 'alerts')));
  }
  const read = (key: 'url' | 'secret'): Member | 'broken' => {
    const member = memberOf(members.get(key), WEBHOOK_SETTINGS[key], findings);
    if (member !== 'absent') return member;
    const example = key === 'url' ? WEBHOOK_SETTINGS.url.example : '{"file": "/etc/postbearer/webhook-secret"}';
    findings.push(missing({ ...place, key: `${place.key}.${key}` }, `a webhook has a ${key}`, example));
    return 'broken';
  };
  const [url, secret] = [read('url'), read('secret')];
  if (secret !== 'broken' && isWrong(secret.value, WEBHOOK_SECRET))
    findings.push(wrongSecret(secret, '"whsec_" and 24 to 64 bytes in Base64'));
  const setting = { type: 'text', environment: [], tfvars: [], description: '', example: 'message.refused' } as const;
  const events = listed.flatMap((placed) => {
    const member = memberOf(placed, setting, findings);
    if (typeof member === 'string' || member.value.kind !== 'text') return [];
    if (EVENT_NAME.test(member.value.text)) return [member.value.text];
    const expected = 'the name of an event';
    findings.push(wrongValue(placed.place, expected, 'something else', withExample(expected, setting.example)));
    return [];
  });
  const network = memberOf(members.get('network'), WEBHOOK_SETTINGS.network, findings);
  const values = [url, secret, ...(network === 'absent' ? [] : [network])].flatMap((member) =>
    member === 'broken' ? [] : [valueOf(member.place, member.value)],
  );
  const [first] = listed;
  if (first !== undefined) values.push(valueOf(first.place, { kind: 'text', text: events.join(', ') }));
  if (url === 'broken' || secret === 'broken' || url.value.kind !== 'text' || secret.value.kind !== 'secret')
    return { values };
  const inside = typeof network === 'string' || network.value.kind !== 'text' ? {} : { network: network.value.text };
  return { values, webhook: { url: url.value.text, secret: secret.value.secret, events, ...inside } };
}

function certificateOf(
  section: ListenerSection,
  chosen: ReadonlyMap<ServiceKey, Chosen>,
  findings: Finding[],
): { readonly certificate?: CertificatePair } {
  const [certificate, key] = [chosen.get(`${section}.certificateFile`), chosen.get(`${section}.keyFile`)];
  const [certificateFile, keyFile] = [textOf(certificate), textOf(key)];
  if (certificateFile !== undefined && keyFile !== undefined) return { certificate: { certificateFile, keyFile } };
  const isBroken = certificate?.brokenAt !== undefined || key?.brokenAt !== undefined;
  const given = certificate?.held ?? key?.held;
  if (given === undefined || isBroken) return {};
  const absent: ServiceKey = certificateFile === undefined ? `${section}.certificateFile` : `${section}.keyFile`;
  const need = `a certificate and its key are named together, and ${given.place.key} is set`;
  findings.push(missing({ ...given.place, key: `postbearer.${absent}` }, need, SERVICE_SETTINGS[absent].example));
  return {};
}

function effectiveOf(key: ServiceKey, { held, brokenAt }: Chosen): EffectiveValue {
  const base = { key: `postbearer.${key}`, path: ['postbearer', ...key.split('.')] };
  const isSecret = SERVICE_SETTINGS[key].type === 'secret';
  if (brokenAt !== undefined)
    return { ...base, value: 'not understood', source: brokenAt.place.label, origin: 'default', isSecret };
  if (held === undefined) return { ...base, value: 'not set', source: 'default', origin: 'default', isSecret };
  return { ...valueOf(held.place, held.value, held.origin === 'default'), ...base };
}

function checkDatabaseUrl(chosen: Chosen | undefined, findings: Finding[]): void {
  if (chosen?.held !== undefined && isWrong(chosen.held.value, DATABASE_URL))
    findings.push(wrongSecret(chosen.held, 'a URL that begins with postgresql://'));
}

/** Members without those that are not there. */
function present<T extends object>(members: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}

/** Reads and checks what the forms said of the service. */
export function buildService(
  entries: readonly Entry[],
  rawListeners: readonly RawListener[],
  rawWebhooks: readonly RawWebhook[],
  findings: Finding[],
): BuiltService {
  const chosen = chooseAll(entries, findings);
  checkDatabaseUrl(chosen.get('database.url'), findings);
  const listeners = buildListeners(rawListeners, findings);
  const webhooks = rawWebhooks.map((raw) => ({ raw, ...buildWebhook(raw, findings) }));
  const migration = buildMigration((key) => chosen.get(key)?.held, findings);
  const text = (key: ServiceKey): string | undefined => textOf(chosen.get(key));
  const count = (key: ServiceKey): number => Number(text(key));
  const byName: Record<string, WebhookSettings> = Object.create(null) as Record<string, WebhookSettings>;
  for (const { raw, webhook } of webhooks) if (webhook !== undefined) byName[raw.name] = webhook;
  return {
    service: {
      ...present<Pick<ServiceSettings, 'dataFolder' | 'node'>>({ dataFolder: text('dataFolder'), node: text('node') }),
      database: present<ServiceSettings['database']>({ url: secretOf(chosen.get('database.url')) }),
      relay: {
        ...present<Pick<ServiceSettings['relay'], 'hostname'>>({ hostname: text('relay.hostname') }),
        ...certificateOf('relay', chosen, findings),
        listeners: listeners.of('relay') as ServiceSettings['relay']['listeners'],
        maxMessageBytes: count('relay.maxMessageBytes'),
        maxRecipients: count('relay.maxRecipients'),
        connections: count('relay.connections'),
        connectionsPerClient: count('relay.connectionsPerClient'),
      },
      apps: {
        messagesPerMinute: count('apps.messagesPerMinute'),
        recipientsPerMinute: count('apps.recipientsPerMinute'),
        queuedMessages: count('apps.queuedMessages'),
        queuedBytes: count('apps.queuedBytes'),
      },
      api: {
        ...certificateOf('api', chosen, findings),
        listeners: listeners.of('api') as ServiceSettings['api']['listeners'],
      },
      sendmail: {
        app: text('sendmail.app') ?? '',
        ...present<Omit<ServiceSettings['sendmail'], 'app'>>({
          folder: text('sendmail.folder'),
          localMailTo: text('sendmail.localMailTo') as MailboxAddress | undefined,
        }),
      },
      queue: {
        uncertain: (text('queue.uncertain') ?? 'retry') as ServiceSettings['queue']['uncertain'],
        bodyDays: count('queue.bodyDays'),
        recordDays: count('queue.recordDays'),
      },
      notices: present<ServiceSettings['notices']>({ to: text('notices.to') as MailboxAddress | undefined }),
      ...(migration === undefined ? {} : { migration }),
      webhooks: byName,
      log: {
        format: (text('log.format') ?? 'text') as ServiceSettings['log']['format'],
        ...present<Pick<ServiceSettings['log'], 'file'>>({ file: text('log.file') }),
      },
    },
    values: [
      ...[...chosen].map(([key, one]) => effectiveOf(key, one)),
      ...listeners.values,
      ...webhooks.flatMap(({ values }) => values),
    ],
  };
}

/** The settings of a service of which nobody said anything. */
export const STANDARD_SERVICE: ServiceSettings = buildService([], [], [], []).service;
