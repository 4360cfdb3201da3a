/** Settings under which the default app of an emulator sends: the whole content of a `Global-variables.json`. */

/** The `smtp` section with every key that sending through the emulator needs. */
export interface EmulatorSettings {
  readonly smtp: {
    readonly enabled: true;
    readonly server: string;
    /** A text, as administrators' files have it. */
    readonly port: string;
    readonly enableSsl: true;
    readonly username: string;
    readonly fromAddress: string;
    /** Certificate of the emulator's own authority, PEM. */
    readonly caFile: string;
    readonly oauth: {
      readonly enabled: true;
      readonly tokenEndpoint: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope: string;
      readonly tokenMethod: 'POST';
      readonly grantType: 'client_credentials';
    };
  };
  readonly LOG_LEVEL: string;
}

/** Which app and mailbox the settings are for, and what else in them should differ. */
export interface SettingsOverrides {
  /** Client ID; the first app of the state when left out. */
  readonly clientId?: string;
  /** Address; the first mailbox of the app's tenant when left out. */
  readonly mailbox?: string;
  readonly fromAddress?: string;
  readonly clientSecret?: string;
  readonly scope?: string;
  readonly logLevel?: string;
}

/** Where an emulator is reached. */
export interface EmulatorPlaces {
  readonly smtp: { readonly host: string; readonly port: number };
  readonly tokenEndpoint: string;
  readonly caFile: string;
}

/** What is known of the app and its mailbox. */
export interface SettingsSubject {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly mailbox: string;
}

/** Writes the settings out. */
export function buildSettings(
  places: EmulatorPlaces,
  subject: SettingsSubject,
  overrides: SettingsOverrides,
): EmulatorSettings {
  return {
    smtp: {
      enabled: true,
      server: places.smtp.host,
      port: String(places.smtp.port),
      enableSsl: true,
      username: subject.mailbox,
      fromAddress: overrides.fromAddress ?? subject.mailbox,
      caFile: places.caFile,
      oauth: {
        enabled: true,
        tokenEndpoint: places.tokenEndpoint,
        clientId: subject.clientId,
        clientSecret: overrides.clientSecret ?? subject.clientSecret,
        scope: overrides.scope ?? 'https://outlook.office365.com/.default',
        tokenMethod: 'POST',
        grantType: 'client_credentials',
      },
    },
    LOG_LEVEL: overrides.logLevel ?? 'Information',
  };
}
