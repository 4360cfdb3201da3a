/**
 * Settings in JSON: `Global-variables.json`, or the same handed over by a program.
 *
 * Rule: `smtp` and `postbearer.upstreams.default` are one upstream at one rank; `database.smtp`, where other programs look for
 * it, ranks below. null counts as not set, also in place of a section. Keys of other software are never touched and never
 * mentioned; keys within our own sections that are no settings are mentioned, because a misspelt one has no effect.
 */
import type { Node } from 'jsonc-parser';
import { guess } from './did-you-mean.ts';
import {
  DEFAULT_UPSTREAM,
  resolveRaw,
  type Collected,
  type Entry,
  type Placed,
  type RawListener,
  type RawMailbox,
  type RawWebhook,
  type Rank,
} from './entry.ts';
import { readServiceSection, readWebhooks, SERVICE_SECTIONS, type JsonReader } from './json-service.ts';
import { kindOf, lineFinder, parseJson, propertiesOf, type Property } from './json-syntax.ts';
import {
  mistake,
  remark,
  WHOLE_FILE,
  WHOLE_OBJECT,
  withExample,
  wrongValue,
  type Place,
  type Source,
} from './place.ts';
import {
  LOG_LEVEL_KEY,
  PACE_KEYS,
  POSTBEARER_SECTIONS,
  UPSTREAM_KEYS,
  UPSTREAM_SETTINGS,
  type Setting,
  type UpstreamKey,
} from './schema.ts';
import type { Finding } from './settings.ts';
import type { RawValue } from './value.ts';

const MAILBOX_MEMBERS: readonly string[] = ['upstream', 'from', 'pace'];
const UPSTREAM_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** The settings of an upstream, or those of its section `oauth`. */
interface Section {
  readonly upstream: string;
  readonly path: string;
  readonly rank: Rank;
  readonly inside: '' | 'oauth.';
}

/** One reading of one text. */
class JsonForm implements JsonReader {
  readonly #entries: Entry[] = [];
  readonly #mailboxes: RawMailbox[] = [];
  readonly #upstreams: { name: string; place: Place }[] = [];
  readonly #findings: Finding[] = [];
  readonly #listeners: RawListener[] = [];
  readonly #webhooks: RawWebhook[] = [];
  #isWhole = false;
  readonly #source: Source;
  readonly #lineOf: (offset: number) => number;

  constructor(source: Source, lineOf: (offset: number) => number) {
    this.#source = source;
    this.#lineOf = lineOf;
  }

  get collected(): Collected {
    return {
      entries: this.#entries,
      mailboxes: this.#mailboxes,
      listeners: this.#listeners,
      webhooks: this.#webhooks,
      upstreams: this.#upstreams,
      findings: this.#findings,
      isWhole: this.#isWhole,
    };
  }

  /** The key of what concerns all of it. */
  get whole(): string {
    return this.#source.file === undefined ? WHOLE_OBJECT : WHOLE_FILE;
  }

  placeAt(key: string, offset: number): Place {
    const { file, label } = this.#source;
    if (file === undefined) return { key, label };
    const line = this.#lineOf(offset);
    return { key, label: `${label}:${line}`, file, line };
  }

  placeOf(key: string, node: Node): Place {
    return this.placeAt(key, node.offset);
  }

  report(finding: Finding): void {
    this.#findings.push(finding);
  }

  refuse(place: Place, expected: string, found: string, example: string): void {
    this.report(wrongValue(place, expected, found, withExample(expected, example)));
  }

  /** The properties of what has to be an object; none, and a finding, where it is something else. */
  members(node: Node, key: string, example: string): Property[] {
    if (node.type === 'object') return propertiesOf(node);
    if (node.type === 'null') return [];
    this.refuse(this.placeOf(key, node), 'an object', kindOf(node), example);
    return [];
  }

  unknown(property: Property, key: string, known: readonly string[]): void {
    this.report(remark('CONFIG_UNKNOWN_KEY', this.placeOf(key, property.key), { guess: guess(property.name, known) }));
  }

  readRoot(root: Node): void {
    this.#isWhole = root.type === 'object';
    if (!this.#isWhole) return this.refuse(this.placeOf(this.whole, root), 'an object', kindOf(root), '{"smtp": {…}}');
    for (const property of propertiesOf(root)) {
      if (property.name === 'smtp') this.#readUpstream(property.value, DEFAULT_UPSTREAM, 'smtp', 'file');
      else if (property.name === 'database') this.#readDatabase(property.value);
      else if (property.name === 'postbearer') this.#readPostbearer(property.value);
      else if (property.name === LOG_LEVEL_KEY) this.#readLogLevel(property.value);
      else this.#readForeign(property);
    }
  }

  /** A root key of other software, unless it is one of ours in another case, beside or in place of it. */
  #readForeign(property: Property): void {
    const ours = ['smtp', 'postbearer', LOG_LEVEL_KEY].find(
      (name) => name.toLowerCase() === property.name.toLowerCase(),
    );
    if (ours !== undefined) this.unknown(property, property.name, [ours]);
  }

  #readLogLevel(node: Node): void {
    const place = this.placeOf(LOG_LEVEL_KEY, node);
    this.#entries.push({ about: LOG_LEVEL_KEY, rank: 'file', place, raw: this.rawOf(node) });
  }

  #readDatabase(node: Node): void {
    if (node.type !== 'object') return;
    for (const property of propertiesOf(node))
      if (property.name === 'smtp') this.#readUpstream(property.value, DEFAULT_UPSTREAM, 'database.smtp', 'nested');
      else if (property.name.toLowerCase() === 'smtp') this.unknown(property, `database.${property.name}`, ['smtp']);
  }

  #readPostbearer(node: Node): void {
    for (const property of this.members(node, 'postbearer', '{"upstreams": {…}}')) {
      if (property.name === 'upstreams') this.#readUpstreams(property.value);
      else if (property.name === 'mailboxes') this.#readMailboxes(property.value);
      else if (property.name === 'webhooks') this.#webhooks.push(...readWebhooks(this, property.value));
      else if (SERVICE_SECTIONS.includes(property.name)) this.#readService(property);
      else if (!POSTBEARER_SECTIONS.includes(property.name))
        this.unknown(property, `postbearer.${property.name}`, [...POSTBEARER_SECTIONS, ...SERVICE_SECTIONS]);
    }
  }

  #readService(property: Property): void {
    const { entries, listeners } = readServiceSection(this, property);
    this.#entries.push(...entries);
    this.#listeners.push(...listeners);
  }

  #readUpstreams(node: Node): void {
    for (const { name, key, value } of this.members(node, 'postbearer.upstreams', '{"test": {…}}')) {
      const path = `postbearer.upstreams.${name}`;
      if (UPSTREAM_NAME.test(name)) {
        this.#readUpstream(value, name, path, 'file');
      } else {
        const expected = 'named with at most 64 letters, digits, - and _';
        this.refuse(this.placeOf(path, key), expected, 'named otherwise', 'test');
      }
    }
  }

  #readUpstream(node: Node, name: string, path: string, rank: Rank): void {
    if (node.type === 'object') this.#upstreams.push({ name, place: this.placeOf(path, node) });
    this.#readSettings(node, { upstream: name, path, rank, inside: '' });
  }

  /** The settings of an upstream, or, with `inside` being `oauth.`, those of its section oauth. */
  #readSettings(node: Node, at: Section): void {
    const { upstream, path, rank, inside } = at;
    if (node.type === 'null') return;
    if (node.type !== 'object') return this.#refuseSection(node, at);
    for (const property of propertiesOf(node)) {
      const key = `${inside}${property.name}`;
      if (key === 'oauth') this.#readSettings(property.value, { ...at, inside: 'oauth.' });
      else if (Object.hasOwn(UPSTREAM_SETTINGS, key) && (inside !== '' || !key.includes('.')))
        this.#entries.push({
          about: { upstream, key: key as UpstreamKey },
          rank,
          place: this.placeOf(`${path}.${key}`, property.value),
          raw: this.resolved(UPSTREAM_SETTINGS[key as UpstreamKey], property.value),
        });
      else
        this.unknown(
          property,
          `${path}.${key}`,
          [...UPSTREAM_KEYS, 'oauth'].filter((known) => isNear(known, inside)),
        );
    }
  }

  /** A section that is no object: a finding, and none about each setting that may have been meant to stand in it. */
  #refuseSection(node: Node, { upstream, path, rank, inside }: Section): void {
    const place = this.placeOf(inside === '' ? path : `${path}.oauth`, node);
    const example = inside === '' ? '{"server": "smtp.office365.com"}' : '{"enabled": true, "tenant": "contoso.com"}';
    this.refuse(place, 'an object', kindOf(node), example);
    for (const key of UPSTREAM_KEYS)
      if (key.startsWith(inside))
        this.#entries.push({ about: { upstream, key }, rank, place, raw: { kind: 'unreadable' } });
  }

  #readMailboxes(node: Node): void {
    for (const { name, key, value } of this.members(node, 'postbearer.mailboxes', '{"user@contoso.com": {…}}'))
      this.#readMailbox(name, this.placeOf(`postbearer.mailboxes.${name}`, key), value);
  }

  #readMailbox(address: string, place: Place, node: Node): void {
    if (node.type === 'null') return;
    let upstream: Placed | undefined;
    let from: readonly Placed[] = [];
    let pace: RawMailbox['pace'] = new Map();
    for (const property of this.members(node, place.key, '{"upstream": "default"}')) {
      const key = `${place.key}.${property.name}`;
      if (!MAILBOX_MEMBERS.includes(property.name)) this.unknown(property, key, MAILBOX_MEMBERS);
      else if (property.value.type === 'null') continue;
      else if (property.name === 'upstream') upstream = this.placed(key, property.value);
      else if (property.name === 'from') from = this.readList(key, property.value);
      else pace = this.#readPace(key, property.value);
    }
    this.#mailboxes.push({ address, place, from, pace, ...(upstream === undefined ? {} : { upstream }) });
  }

  placed(key: string, node: Node): Placed {
    return { place: this.placeOf(key, node), raw: this.rawOf(node) };
  }

  readList(key: string, node: Node): Placed[] {
    const nodes = node.type === 'array' ? (node.children ?? []) : [node];
    return nodes.map((child) => this.placed(key, child));
  }

  #readPace(key: string, node: Node): RawMailbox['pace'] {
    const pace = new Map<keyof typeof PACE_KEYS, Placed>();
    for (const property of this.members(node, key, '{"messagesPerMinute": 10}')) {
      const path = `${key}.${property.name}`;
      if (!Object.hasOwn(PACE_KEYS, property.name)) this.unknown(property, path, Object.keys(PACE_KEYS));
      else if (property.value.type !== 'null')
        pace.set(property.name as keyof typeof PACE_KEYS, this.placed(path, property.value));
    }
    return pace;
  }

  /** The value of a setting, its path made absolute where it is one. */
  resolved(setting: Setting, node: Node): RawValue {
    return resolveRaw(this.rawOf(node), setting, (path) => this.#source.resolvePath(path));
  }

  rawOf(node: Node): RawValue {
    const value: unknown = node.value;
    if (typeof value === 'string') return { kind: 'text', text: value };
    if (typeof value === 'number') return { kind: 'number', number: value };
    if (typeof value === 'boolean') return { kind: 'flag', flag: value };
    if (node.type === 'null') return { kind: 'text', text: '' };
    return this.#referenceOf(node) ?? { kind: 'other', what: kindOf(node) };
  }

  /** `{"file": "…"}` or `{"systemdCredential": "…"}`, nothing beside it. */
  #referenceOf(node: Node): RawValue | undefined {
    if (node.type !== 'object') return undefined;
    const properties = propertiesOf(node);
    const text: unknown = properties[0]?.value.value;
    if (properties.length !== 1 || typeof text !== 'string' || text === '' || text.includes('\0')) return undefined;
    if (properties[0]?.name === 'file')
      return { kind: 'reference', secret: { kind: 'file', path: this.#source.resolvePath(text) } };
    if (properties[0]?.name === 'systemdCredential' && /^[\w.@-]{1,255}$/.test(text) && !/^\.+$/.test(text))
      return { kind: 'reference', secret: { kind: 'systemd-credential', name: text } };
    return undefined;
  }

  /** Keys written twice: in our own sections a mistake, elsewhere a remark. */
  findDuplicates(node: Node, path: readonly string[]): void {
    const first = new Map<string, Node>();
    for (const { name, key, value } of node.type === 'object' ? propertiesOf(node) : []) {
      const inner = [...path, name];
      const earlier = first.get(name);
      if (earlier === undefined) first.set(name, key);
      else this.#reportDuplicate(inner, key, earlier);
      this.findDuplicates(value, inner);
    }
    if (node.type === 'array') for (const child of node.children ?? []) this.findDuplicates(child, path);
  }

  #reportDuplicate(path: readonly string[], key: Node, earlier: Node): void {
    const isOurs =
      ['smtp', 'postbearer', LOG_LEVEL_KEY].includes(path[0] ?? '') ||
      (path[0] === 'database' && (path.length === 1 || path[1] === 'smtp'));
    const make = isOurs ? mistake : remark;
    const place = this.placeOf(path.join('.'), key);
    this.report(make('CONFIG_DUPLICATE_KEY', place, { first: this.#lineOf(earlier.offset) }));
  }
}

/** Within a section only its own settings are near; outside, the names within `oauth` as well. */
function isNear(known: string, inside: string): boolean {
  return inside === '' || known.startsWith(inside);
}

/** Reads settings from JSON text without its byte order mark. Never throws. */
export function readJsonForm(text: string, source: Source): Collected {
  const { root, problems } = parseJson(text);
  const form = new JsonForm(source, lineFinder(text));
  for (const { offset, problem } of problems) {
    const place = { ...form.placeAt(form.whole, offset) };
    form.report(mistake('CONFIG_SYNTAX', place, { form: 'JSON', problem, hint: 'an editor that knows JSON marks it' }));
  }
  if (root !== undefined) {
    form.findDuplicates(root, []);
    form.readRoot(root);
  }
  return form.collected;
}
