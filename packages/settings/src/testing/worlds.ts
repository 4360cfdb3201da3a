/** Settings that are right, in each form, for tests to use or to break. */
import { readSettings, type LoadOptions } from '../read-settings.ts';
import type { Settings, SettingsReading } from '../settings.ts';
import { memoryFiles, type MemoryFile } from './memory-files.ts';
import { unfilled } from './unfilled.ts';

/** Values that pass every check. The secrets are canaries: no message may hold them. */
export const RIGHT = {
  tenant: '2c1f3a9e-5f0b-4a63-9d0e-7b1c9a1f2e4d',
  endpoint: 'https://login.microsoftonline.com/2c1f3a9e-5f0b-4a63-9d0e-7b1c9a1f2e4d/oauth2/v2.0/token',
  clientId: '8f0e7c52-1b1d-4c0a-a2a3-5f2b6d7e9c10',
  clientSecret: 'Cnry8~clientsecretQ1w2e3',
  password: 'Cnry8~passwordQ9z8y7x6',
  mailbox: 'notifications@contoso.com',
  scope: 'https://outlook.office365.com/.default',
} as const;

/** The root `smtp` of the guide with its values replaced. */
export interface SmtpSection {
  [key: string]: unknown;
  oauth: Record<string, unknown>;
}

/** A fresh copy of the section, without password. */
export function rightSmtp(): SmtpSection {
  return {
    enabled: true,
    server: 'smtp.office365.com',
    port: '587',
    enableSsl: true,
    username: RIGHT.mailbox,
    fromAddress: RIGHT.mailbox,
    oauth: {
      enabled: true,
      tokenEndpoint: RIGHT.endpoint,
      clientId: RIGHT.clientId,
      clientSecret: RIGHT.clientSecret,
      scope: RIGHT.scope,
      tokenMethod: 'POST',
      grantType: 'client_credentials',
    },
  };
}

/** The same as environment variables. */
export function rightEnvironment(): Record<string, string> {
  return {
    ENABLE_EMAIL: 'true',
    EMAIL_SERVER: 'smtp.office365.com',
    EMAIL_SERVER_PORT: '587',
    EMAIL_SERVER_SSL: 'true',
    EMAIL_USERNAME: RIGHT.mailbox,
    EMAIL_FROM_ADDRESS: RIGHT.mailbox,
    ENABLE_EMAIL_OAUTH: 'true',
    EMAIL_OAUTH_TOKEN_ENDPOINT: RIGHT.endpoint,
    EMAIL_OAUTH_TOKEN_CLIENT_ID: RIGHT.clientId,
    EMAIL_OAUTH_TOKEN_CLIENT_SECRET: RIGHT.clientSecret,
    EMAIL_OAUTH_TOKEN_SCOPE: RIGHT.scope,
    EMAIL_OAUTH_TOKEN_METHOD: 'POST',
    EMAIL_OAUTH_TOKEN_GRANT_TYPE: 'client_credentials',
  };
}

/** The same as Terraform variables, line by line as in the guide. */
export function rightTfvars(): string {
  return `# Enable email notifications (required - defaults to false)
enable_email_notification = true
# Enable OAuth SMTP authentication
enable_email_oauth = true
# OAuth token endpoint (replace {tenant-id} with your Directory tenant ID)
email_oauth_token_endpoint = "${RIGHT.endpoint}"
# Azure AD application credentials
email_oauth_token_client_id = "${RIGHT.clientId}"
email_oauth_token_client_secret = "${RIGHT.clientSecret}"
# OAuth scope (use this exact value for Microsoft 365)
email_oauth_token_scope = "${RIGHT.scope}"
# Basic SMTP settings (still required with OAuth)
email_server = "smtp.office365.com"
email_server_ssl = true
email_server_port = 587
email_username = "${RIGHT.mailbox}"
email_from_address = "${RIGHT.mailbox}"
# Note: email_password is not used when OAuth is enabled
`;
}

/** Where a test's settings file is. */
export const JSON_FILE = '/home/mail/Global-variables.json';

/** Reads in a world that holds these files and variables and nothing else. Throws where the wording of a finding was not filled whole. */
export async function readIn(
  files: Readonly<Record<string, MemoryFile>>,
  environment: Readonly<Record<string, string>> = {},
  options: Omit<LoadOptions, 'files' | 'environment'> = {},
): Promise<SettingsReading> {
  const reading = await readSettings({
    workingFolder: '/home/mail',
    platform: 'linux',
    ...options,
    environment,
    files: memoryFiles(files),
  });
  for (const { fault } of reading.findings)
    if (unfilled(fault).length > 0) throw new Error(`${fault.code} shows ${unfilled(fault).join(', ')}`);
  return reading;
}

/** Reads one JSON file that holds `object`. */
export function readObject(
  object: unknown,
  environment: Readonly<Record<string, string>> = {},
): Promise<SettingsReading> {
  return readIn({ [JSON_FILE]: JSON.stringify(object, undefined, 2) }, environment);
}

/** The codes of the findings, mistakes as they are, remarks in parentheses. */
export function codesOf(reading: SettingsReading): string[] {
  return reading.findings.map(({ severity, fault }) => (severity === 'error' ? fault.code : `(${fault.code})`));
}

/** The settings of a reading; throws with its mistakes where there are none. */
export function settingsOf({ settings, findings }: SettingsReading): Settings {
  if (settings === undefined) throw new Error(findings.map(({ fault }) => fault.message).join('\n'));
  return settings;
}

type Json = Readonly<Record<string, unknown>>;

/** The right section with changes; `undefined` removes a key. */
export function changedSmtp(changes: Json = {}, oauth: Json = {}): Json {
  const section = { ...rightSmtp(), ...changes };
  return { ...section, oauth: { ...section.oauth, ...oauth } };
}

/** The right section with OAuth off. */
export function passwordSmtp(changes: Json = {}): Json {
  return changedSmtp({ server: 'mail.example.net', password: RIGHT.password, ...changes }, { enabled: false });
}

/** The messages of the findings. */
export function messagesOf(reading: SettingsReading): string[] {
  return reading.findings.map(({ fault }) => fault.message);
}
