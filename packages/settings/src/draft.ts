/**
 * An upstream in the making: each setting with its value and where that came from.
 *
 * Rule: of all places that name a setting the one of the best rank counts. Two places of the same rank that disagree are a
 * mistake, not a choice. A place with an empty value counts as none.
 */
import type { SecretRef } from '@postbearer/core';
import { RANKS, type Entry } from './entry.ts';
import { mistake, nameOf, type Place } from './place.ts';
import { UPSTREAM_SETTINGS, type Setting, type UpstreamKey } from './schema.ts';
import type { EffectiveValue, Finding } from './settings.ts';
import { agrees, parseValue, type ParsedValue, type Value } from './value.ts';

/** A value with the place it came from. */
export interface Held {
  readonly value: Value;
  readonly place: Place;
  readonly origin: EffectiveValue['origin'];
  readonly rank?: Entry['rank'];
}

/** What the places of one setting gave. */
export interface Chosen {
  readonly held?: Held;
  /** Where it is written with an empty value. */
  readonly emptyAt?: Place;
  /** Whether a place of the rank that counts could not be understood; then nothing is said about a missing value. */
  readonly isBroken: boolean;
}

interface Understood {
  readonly entry: Entry;
  readonly parsed: ParsedValue;
}

function understand(entry: Entry, setting: Setting, findings: Finding[]): Understood {
  const parsed = parseValue(entry.raw, setting);
  if (parsed.kind === 'refused') {
    const { expected, found } = parsed;
    findings.push(mistake('CONFIG_VALUE_INVALID', entry.place, { expected, found, example: setting.example }));
  }
  return { entry, parsed };
}

/** Chooses among the places of one setting and reports those that are wrong or at odds. */
export function choose(entries: readonly Entry[], setting: Setting, findings: Finding[]): Chosen {
  const all = entries
    .map((entry) => understand(entry, setting, findings))
    .toSorted((a, b) => RANKS.indexOf(a.entry.rank) - RANKS.indexOf(b.entry.rank));
  const emptyAt = all.find(({ parsed }) => parsed.kind === 'empty')?.entry.place;
  const best = all.find(({ parsed }) => parsed.kind !== 'empty');
  const group = all.filter(({ entry, parsed }) => entry.rank === best?.entry.rank && parsed.kind !== 'empty');
  let held: Held | undefined;
  for (const { entry, parsed } of group) {
    if (parsed.kind !== 'text' && parsed.kind !== 'secret') continue;
    if (held === undefined) held = { value: parsed, place: entry.place, origin: 'given', rank: entry.rank };
    // One key written twice is a finding of its own.
    else if (!agrees(held.value, parsed) && held.place.key !== entry.place.key)
      findings.push(mistake('CONFIG_CONFLICT', entry.place, { one: nameOf(held.place), other: nameOf(entry.place) }));
  }
  return {
    isBroken: held === undefined && group.length > 0,
    ...(held === undefined ? {} : { held }),
    ...(emptyAt === undefined ? {} : { emptyAt }),
  };
}

/** The settings of one upstream while they are derived and checked. */
export class Draft {
  readonly name: string;
  /** The path of the upstream in JSON: `smtp` or `postbearer.upstreams.NAME`. */
  readonly path: readonly string[];
  readonly #file: string | undefined;
  readonly #chosen: ReadonlyMap<UpstreamKey, Chosen>;
  readonly #derived = new Map<UpstreamKey, Held>();

  constructor(
    name: string,
    path: readonly string[],
    chosen: ReadonlyMap<UpstreamKey, Chosen>,
    file: string | undefined,
  ) {
    this.name = name;
    this.path = path;
    this.#chosen = chosen;
    this.#file = file;
  }

  /** The value in effect with its place. */
  held(key: UpstreamKey): Held | undefined {
    return this.#chosen.get(key)?.held ?? this.#derived.get(key);
  }

  /** The text in effect; `undefined` of a secret and where nothing is known. */
  text(key: UpstreamKey): string | undefined {
    const value = this.held(key)?.value;
    return value?.kind === 'text' ? value.text : undefined;
  }

  isOn(key: UpstreamKey): boolean {
    return this.text(key) === 'true';
  }

  secret(key: UpstreamKey): SecretRef | undefined {
    const value = this.held(key)?.value;
    return value?.kind === 'secret' ? value.secret : undefined;
  }

  has(key: UpstreamKey): boolean {
    return this.held(key) !== undefined;
  }

  /** Whether somebody wrote it, understandable or not. */
  isGiven(key: UpstreamKey): boolean {
    const chosen = this.#chosen.get(key);
    return chosen?.held !== undefined || chosen?.isBroken === true;
  }

  /** Whether it is neither there nor already reported. */
  isMissing(key: UpstreamKey): boolean {
    return !this.has(key) && this.#chosen.get(key)?.isBroken !== true;
  }

  isEmpty(key: UpstreamKey): boolean {
    return this.#chosen.get(key)?.emptyAt !== undefined;
  }

  jsonKey(key: UpstreamKey): string {
    return [...this.path, key].join('.');
  }

  /** Where it stands, or would stand. */
  place(key: UpstreamKey): Place {
    return this.held(key)?.place ?? this.#chosen.get(key)?.emptyAt ?? this.#placeOfMissing(key);
  }

  #placeOfMissing(key: UpstreamKey): Place {
    const path = this.jsonKey(key);
    return { key: path, label: path, ...(this.#file === undefined ? {} : { file: this.#file }) };
  }

  /** Sets what nobody wrote, derived from other settings; `from` says from which. Does nothing where there is a value or a broken one. */
  derive(key: UpstreamKey, text: string | undefined, from: string): void {
    this.#set(key, text, 'derived', `derived from ${from}`);
  }

  /** Sets what nobody wrote and nothing gives. */
  useDefault(key: UpstreamKey, text: string | undefined = UPSTREAM_SETTINGS[key].default): void {
    this.#set(key, text, 'default', 'default');
  }

  /** The same for a default that only Terraform has: it is told as the absence of that variable. */
  useTerraformDefault(key: UpstreamKey, text: string, file: string): void {
    this.#set(key, text, 'default', `${file}: not set, default ${text}`, UPSTREAM_SETTINGS[key].tfvars[0]);
  }

  #set(
    key: UpstreamKey,
    text: string | undefined,
    origin: Held['origin'],
    label: string,
    name: string = this.jsonKey(key),
  ): void {
    if (text === undefined || !this.isMissing(key)) return;
    const place = { ...this.#placeOfMissing(key), key: name, label };
    this.#derived.set(key, { value: { kind: 'text', text }, place, origin });
  }
}
