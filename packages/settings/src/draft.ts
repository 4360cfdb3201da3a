/**
 * An upstream in the making: each setting with its value and where that came from.
 *
 * Rule: of all places that name a setting the one of the best rank counts. Two places of the same rank that disagree are a
 * mistake, not a choice. A place with an empty value counts as none; but an empty flag hides all places of lower ranks.
 */
import type { SecretRef } from '@postbearer/core';
import { DEFAULT_UPSTREAM, RANKS, type Entry } from './entry.ts';
import { mistake, nameOf, wrongValue, type Form, type Place } from './place.ts';
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
  /** The place of the rank that counts, where it could not be understood; then nothing is said about a missing value. */
  readonly brokenAt?: { readonly place: Place; readonly rank: Entry['rank'] };
}

interface Understood {
  readonly entry: Entry;
  readonly parsed: ParsedValue;
}

function understand(entry: Entry, setting: Setting, findings: Finding[]): Understood {
  const parsed = parseValue(entry.raw, setting, entry.place.form);
  if (parsed.kind === 'refused') {
    const { expected, found, advice } = parsed;
    findings.push(wrongValue(entry.place, expected, found, advice));
  }
  return { entry, parsed };
}

/** Chooses among the places of one setting and reports those that are wrong or at odds. */
export function choose(entries: readonly Entry[], setting: Setting, findings: Finding[]): Chosen {
  const all = entries
    .map((entry) => understand(entry, setting, findings))
    .toSorted((a, b) => RANKS.indexOf(a.entry.rank) - RANKS.indexOf(b.entry.rank));
  const emptyAt = all.find(({ parsed }) => parsed.kind === 'empty')?.entry.place;
  if (all[0]?.entry.rank === 'flag' && all[0].parsed.kind === 'empty') return { emptyAt: all[0].entry.place };
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
  const broken = held === undefined ? group[0]?.entry : undefined;
  return {
    ...(held === undefined ? {} : { held }),
    ...(broken === undefined ? {} : { brokenAt: { place: broken.place, rank: broken.rank } }),
    ...(emptyAt === undefined ? {} : { emptyAt }),
  };
}

/** What a draft has to know of where its settings were read. */
export interface DraftOrigin {
  readonly file?: string;
  /** The file as it is shown. */
  readonly label?: string;
  /** In which form a setting would be added. */
  readonly form: Form;
  /** Whether all of the file could be read; what is missing may otherwise stand in the rest. */
  readonly isWhole: boolean;
}

/** The settings of one upstream while they are derived and checked. */
export class Draft {
  readonly name: string;
  /** The path of the upstream in JSON: `smtp` or `postbearer.upstreams.NAME`. */
  readonly path: readonly string[];
  readonly #origin: DraftOrigin;
  readonly #chosen: ReadonlyMap<UpstreamKey, Chosen>;
  readonly #derived = new Map<UpstreamKey, Held>();
  readonly #followsFromUnknown = new Set<UpstreamKey>();

  constructor(name: string, path: readonly string[], chosen: ReadonlyMap<UpstreamKey, Chosen>, origin: DraftOrigin) {
    this.name = name;
    this.path = path;
    this.#chosen = chosen;
    this.#origin = origin;
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
    return chosen?.held !== undefined || chosen?.brokenAt !== undefined;
  }

  /** Where it is written and could not be understood. */
  brokenAt(key: UpstreamKey): Chosen['brokenAt'] {
    return this.#chosen.get(key)?.brokenAt;
  }

  /** Whether it may well be said, but cannot be known: a finding tells why, and none is made of what follows. */
  isUnknown(key: UpstreamKey): boolean {
    if (this.has(key)) return false;
    return this.brokenAt(key) !== undefined || this.#followsFromUnknown.has(key) || !this.#origin.isWhole;
  }

  /** Whether it is not there, and nothing that could be known gives it. */
  isMissing(key: UpstreamKey): boolean {
    return !this.has(key) && !this.isUnknown(key);
  }

  /** Where nobody wrote `key` and it would follow from a value that cannot be known, it cannot be known either. */
  follows(key: UpstreamKey, ...from: readonly UpstreamKey[]): void {
    if (this.isMissing(key) && from.some((source) => this.isUnknown(source))) this.#followsFromUnknown.add(key);
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
    const { file, form } = this.#origin;
    const name = this.nameIn(form, key);
    return { key: name, label: name, form, ...(file === undefined ? {} : { file }) };
  }

  /** What a form calls the setting; only JSON has names for upstreams beside the default. */
  nameIn(form: Form, key: UpstreamKey): string {
    const { environment, tfvars } = UPSTREAM_SETTINGS[key];
    const [name] = form === 'environment' ? environment : form === 'tfvars' ? tfvars : [];
    return (this.name === DEFAULT_UPSTREAM ? name : undefined) ?? this.jsonKey(key);
  }

  /** Whether the file at hand is one of Terraform and speaks of this upstream. */
  get isOfTerraform(): boolean {
    return this.#origin.form === 'tfvars' && this.name === DEFAULT_UPSTREAM;
  }

  /** Sets what nobody wrote, derived from other settings; `from` says from which. Does nothing where there is a value or one that cannot be known. */
  derive(key: UpstreamKey, text: string | undefined, from: string): void {
    this.#set(key, text, 'derived', `derived from ${from}`);
  }

  /** Sets what nobody wrote and nothing gives. */
  useDefault(key: UpstreamKey, text: string | undefined = UPSTREAM_SETTINGS[key].default): void {
    this.#set(key, text, 'default', 'default');
  }

  /** The same for a default that only Terraform has: it is told as the absence of that variable. */
  useTerraformDefault(key: UpstreamKey, text: string): void {
    this.#set(key, text, 'default', `${this.#origin.label ?? 'Terraform'}: not set, default ${text}`);
  }

  #set(key: UpstreamKey, text: string | undefined, origin: Held['origin'], label: string): void {
    if (text === undefined || !this.isMissing(key)) return;
    this.#derived.set(key, { value: { kind: 'text', text }, place: { ...this.#placeOfMissing(key), label }, origin });
  }
}
