/** The settings of the service in JSON: what stands in `postbearer` beside upstreams and mailboxes. */
import type { Node } from 'jsonc-parser';
import type { Entry, Placed, RawListener, RawWebhook } from './entry.ts';
import { kindOf, type Property } from './json-syntax.ts';
import type { Place } from './place.ts';
import {
  LISTENER_SETTINGS,
  SERVICE_KEYS,
  SERVICE_SETTINGS,
  WEBHOOK_SETTINGS,
  type ListenerKey,
  type ListenerSection,
  type ServiceKey,
  type WebhookKey,
} from './service-schema.ts';
import type { RawValue } from './value.ts';

/** What reading a part of a file needs of the reading of the whole. */
export interface JsonReader {
  placeOf(key: string, node: Node): Place;
  members(node: Node, key: string, example: string): Property[];
  unknown(property: Property, key: string, known: readonly string[]): void;
  refuse(place: Place, expected: string, found: string, example: string): void;
  rawOf(node: Node): RawValue;
  resolved(setting: (typeof SERVICE_SETTINGS)[ServiceKey], node: Node): RawValue;
  readList(key: string, node: Node): Placed[];
}

/** The first parts of the keys of the service: sections, and settings that stand in none. */
export const SERVICE_SECTIONS: readonly string[] = [...new Set(SERVICE_KEYS.map((key) => key.split('.')[0] ?? key))];

const LISTENERS = 'listeners';
const EXAMPLE_LISTENER = '{"port": 2525}';

function isServiceKey(key: string): key is ServiceKey {
  return Object.hasOwn(SERVICE_SETTINGS, key);
}

function isListenerSection(name: string): name is ListenerSection {
  return Object.hasOwn(LISTENER_SETTINGS, name);
}

function entryOf(reader: JsonReader, key: ServiceKey, node: Node): Entry {
  const place = reader.placeOf(`postbearer.${key}`, node);
  return { about: { service: key }, rank: 'file', place, raw: reader.resolved(SERVICE_SETTINGS[key], node) };
}

/** The members of one object that are known; the others are findings. */
function knownMembers<K extends string>(
  reader: JsonReader,
  node: Node,
  path: string,
  known: Readonly<Record<K, unknown>>,
  beside: readonly string[] = [],
): { readonly members: ReadonlyMap<K, Placed>; readonly others: readonly Property[] } {
  const members = new Map<K, Placed>();
  const others: Property[] = [];
  for (const property of reader.members(node, path, '{…}')) {
    const key = `${path}.${property.name}`;
    if (beside.includes(property.name)) others.push(property);
    else if (!Object.hasOwn(known, property.name)) reader.unknown(property, key, [...Object.keys(known), ...beside]);
    else
      members.set(property.name as K, {
        place: reader.placeOf(key, property.value),
        raw: reader.rawOf(property.value),
      });
  }
  return { members, others };
}

function readListeners(reader: JsonReader, section: ListenerSection, node: Node): RawListener[] {
  const path = `postbearer.${section}.${LISTENERS}`;
  if (node.type === 'null') return [];
  if (node.type !== 'array') {
    reader.refuse(reader.placeOf(path, node), 'a list of objects', kindOf(node), `[${EXAMPLE_LISTENER}]`);
    return [];
  }
  return (node.children ?? []).flatMap((child, index): RawListener[] => {
    const place = reader.placeOf(`${path}.${index}`, child);
    if (child.type !== 'object') {
      reader.refuse(place, 'an object', kindOf(child), EXAMPLE_LISTENER);
      return [];
    }
    const { members } = knownMembers<ListenerKey>(reader, child, place.key, LISTENER_SETTINGS[section]);
    return [{ section, place, members }];
  });
}

/** Reads one member of `postbearer` that is among {@link SERVICE_SECTIONS}. */
export function readServiceSection(
  reader: JsonReader,
  { name, value }: Property,
): { readonly entries: readonly Entry[]; readonly listeners: readonly RawListener[] } {
  if (isServiceKey(name)) return { entries: [entryOf(reader, name, value)], listeners: [] };
  const entries: Entry[] = [];
  const listeners: RawListener[] = [];
  const known = SERVICE_KEYS.flatMap((key) => (key.startsWith(`${name}.`) ? [key.slice(name.length + 1)] : []));
  for (const property of reader.members(value, `postbearer.${name}`, '{…}')) {
    const key = `${name}.${property.name}`;
    if (isServiceKey(key) && known.includes(property.name)) entries.push(entryOf(reader, key, property.value));
    else if (property.name === LISTENERS && isListenerSection(name))
      listeners.push(...readListeners(reader, name, property.value));
    else reader.unknown(property, `postbearer.${key}`, isListenerSection(name) ? [...known, LISTENERS] : known);
  }
  return { entries, listeners };
}

/** Reads `postbearer.webhooks`. */
export function readWebhooks(reader: JsonReader, node: Node): RawWebhook[] {
  const path = 'postbearer.webhooks';
  return reader
    .members(node, path, '{"alerts": {"url": "https://…"}}')
    .flatMap(({ name, key, value }): RawWebhook[] => {
      if (value.type === 'null') return [];
      const place = reader.placeOf(`${path}.${name}`, key);
      const { members, others } = knownMembers<WebhookKey>(reader, value, place.key, WEBHOOK_SETTINGS, ['events']);
      const events = others.flatMap((property) => reader.readList(`${place.key}.events`, property.value));
      return value.type === 'object' ? [{ name, place, members, events }] : [];
    });
}
