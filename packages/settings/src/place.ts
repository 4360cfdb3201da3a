/** Where a value stands, and the findings about it. */
import type { FaultValues, SettingsEvidence } from '@postbearer/core';
import { settingsFaults } from './faults.ts';
import type { Finding } from './settings.ts';

/** A way to write settings. Advice names things as the form at hand does. */
export type Form = 'json' | 'tfvars' | 'environment';

/** Where a value stands or is missing. */
export interface Place {
  /** As its own form writes it: `smtp.server`, `EMAIL_SERVER`, `email_server`. */
  readonly key: string;
  /** For people: `environment EMAIL_SERVER`, `Global-variables.json:5`. */
  readonly label: string;
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  /** JSON where it is left out. */
  readonly form?: Form;
}

/** The key of a finding about a file as a whole. */
export const WHOLE_FILE = '(the whole file)';
/** The key of a finding about an object of a program as a whole. */
export const WHOLE_OBJECT = '(the whole object)';

/** Where a text comes from. */
export interface Source {
  /** Absolute path; absent for an object of a program. */
  readonly file?: string;
  /** The path as it is shown, or what the object is called. */
  readonly label: string;
  /** Makes a path absolute that is written relative to the source. */
  resolvePath(path: string): string;
}

type FaultName = keyof typeof settingsFaults.definitions;

/** The same for a fault. */
export function evidenceOf({ key, file, line }: Place): SettingsEvidence {
  return {
    kind: 'settings',
    key,
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
  };
}

/** A place in a sentence: its key, and where that is unless the key says so itself. */
export function nameOf({ key, label }: Pick<Place, 'key' | 'label'>): string {
  return label.includes(key) ? label : `${key} (${label})`;
}

/** A finding that stops: `{key}` is filled with the key of the place. */
export function mistake(code: FaultName, place: Place, values: FaultValues = {}): Finding {
  return {
    severity: 'error',
    // A key of JSON may be empty, and what is empty would show as a place holder.
    fault: settingsFaults.make(code, { key: place.key || '""', ...values }, { evidence: evidenceOf(place) }),
  };
}

/** A finding that does not stop: `{key}` is filled with the key of the place. */
export function remark(code: FaultName, place: Place, values: FaultValues = {}): Finding {
  return { ...mistake(code, place, values), severity: 'warning' };
}

/** `CONFIG_VALUE_INVALID`: what it must be, what it is, and what to set it to, each for people. */
export function wrongValue(place: Place, expected: string, found: string, advice: string): Finding {
  return mistake('CONFIG_VALUE_INVALID', place, { expected, found, advice });
}

/** What to set a value to, with an example. */
export function withExample(expected: string, example: string): string {
  return `${expected}, for example ${example}`;
}
