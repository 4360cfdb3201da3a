/**
 * One schema for the settings that administrators already have: `Global-variables.json`, `EMAIL_*` variables, Terraform tfvars.
 *
 * @packageDocumentation
 */
export { STANDARD_SERVICE } from './build-service.ts';
export { convertSettings, type ConvertOptions } from './convert.ts';
export type { Environment } from './environment-form.ts';
export { settingsFaults } from './faults.ts';
export { systemFiles, type FileAccess, type FileFacts } from './file-access.ts';
export {
  asResult,
  loadSettings,
  readSettings,
  settingsFromObject,
  type LoadOptions,
  type SettingsFault,
} from './read-settings.ts';
export { mailDisabledFault } from './mail-disabled.ts';
export { settingsJsonSchema, type JsonSchema } from './json-schema.ts';
export { settingsReference } from './reference.ts';
export type {
  CertificatePair,
  ClientAuthentication,
  EffectiveValue,
  Finding,
  Listener,
  MailboxSettings,
  MigrationSettings,
  OAuthSettings,
  Pace,
  ServiceSettings,
  Settings,
  SettingsReading,
  Upstream,
  WebhookSettings,
} from './settings.ts';
export { writeSettings, type SettingChange, type WrittenSettings } from './write-settings.ts';
