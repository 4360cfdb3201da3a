/** Settings as a program hands them over: read ones, or an object of the shape of `Global-variables.json`. */
import { settingsFromObject, type Finding, type Settings } from '@postbearer/settings';

/** The shape of `Global-variables.json`, as far as it is about mail; what it may hold is in docs/reference/settings.md. */
export interface GlobalVariables {
  readonly smtp: Readonly<Record<string, unknown>>;
  readonly LOG_LEVEL?: string;
  readonly postbearer?: Readonly<Record<string, unknown>>;
}

/** What `createMailer` takes. */
export type SettingsInput = Settings | GlobalVariables;

/** A program handed over settings that cannot be used: a bug in it, or in what it read. */
export class SettingsError extends Error {
  /** Everything that is wrong or worth a word. */
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    const mistakes = findings
      .filter(({ severity }) => severity === 'error')
      .map(({ fault }) => `${fault.message} ${fault.remedy.steps.join(' ')}`);
    super(`The settings cannot be used:\n${mistakes.map((mistake) => `- ${mistake}`).join('\n')}`);
    this.name = 'SettingsError';
    this.findings = findings;
  }
}

function isSettings(input: SettingsInput): input is Settings {
  return 'upstreams' in input;
}

/** The settings, or a {@link SettingsError} that lists all mistakes. */
export function validSettings(input: SettingsInput): Settings {
  if (isSettings(input)) return input;
  const reading = settingsFromObject(input);
  if (reading.settings === undefined) throw new SettingsError(reading.findings);
  return reading.settings;
}
