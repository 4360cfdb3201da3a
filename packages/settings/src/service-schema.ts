/**
 * The rows of the one table that concern the service, under the root key `postbearer`.
 *
 * Rule: as in `schema.ts`, whatever is true of a setting stands here once. What has one value is a row of
 * {@link SERVICE_SETTINGS} and may also be a variable of the environment; lists of listeners and webhooks by name are said in
 * JSON only.
 */
import type { Setting } from './schema.ts';

/** The settings of the service that have one value: paths inside `postbearer`. */
export type ServiceKey =
  | 'dataFolder'
  | 'node'
  | 'database.url'
  | 'relay.hostname'
  | 'relay.certificateFile'
  | 'relay.keyFile'
  | 'relay.maxMessageBytes'
  | 'relay.maxRecipients'
  | 'relay.connections'
  | 'relay.connectionsPerClient'
  | 'apps.messagesPerMinute'
  | 'apps.recipientsPerMinute'
  | 'apps.queuedMessages'
  | 'apps.queuedBytes'
  | 'api.certificateFile'
  | 'api.keyFile'
  | 'sendmail.folder'
  | 'sendmail.app'
  | 'sendmail.localMailTo'
  | 'queue.uncertain'
  | 'queue.bodyDays'
  | 'queue.recordDays'
  | 'notices.to'
  | 'migration.startedAt'
  | 'migration.canaryApp'
  | 'migration.sharePercent'
  | 'log.format'
  | 'log.file';

/** Every setting of the service that has one value, in the order in which they are shown. */
export const SERVICE_SETTINGS: Readonly<Record<ServiceKey, Setting>> = {
  dataFolder: {
    type: 'path',
    environment: ['POSTBEARER_DATA'],
    tfvars: [],
    derivedFrom:
      'the system: `/var/lib/postbearer`, on macOS `/usr/local/var/postbearer`, on Windows `C:\\ProgramData\\Postbearer`',
    description:
      'The folder of the service: its database, its own certificate and its control socket. A change needs a restart.',
    example: '/var/lib/postbearer',
  },
  node: {
    type: 'text',
    environment: ['POSTBEARER_NODE'],
    tfvars: [],
    derivedFrom: "this machine's name and the identity of the data folder",
    description:
      'The name of this node where several share a PostgreSQL database: the same after a restart, another on each. A change needs a restart.',
    example: 'mail-1',
  },
  'database.url': {
    type: 'secret',
    environment: ['POSTBEARER_DATABASE_URL'],
    tfvars: [],
    derivedFrom: 'the data folder: a SQLite file in it',
    description:
      'The PostgreSQL database of the service, `postgresql://USER@HOST:5432/NAME?sslmode=verify-full`. A change needs a restart.',
    example: 'your-database-url',
  },
  'relay.hostname': {
    type: 'host',
    environment: ['POSTBEARER_RELAY_HOSTNAME'],
    tfvars: [],
    derivedFrom: "this machine's name",
    description: 'The name in greetings, in Received lines and in the certificate that the service makes.',
    example: 'relay.contoso.com',
  },
  'relay.certificateFile': {
    type: 'path',
    environment: ['POSTBEARER_RELAY_CERTIFICATE_FILE'],
    tfvars: [],
    derivedFrom: 'the data folder: one is made at the first start',
    description: 'PEM file of the certificate that clients of the relay see, with its chain.',
    example: '/etc/postbearer/relay.pem',
  },
  'relay.keyFile': {
    type: 'path',
    environment: ['POSTBEARER_RELAY_KEY_FILE'],
    tfvars: [],
    description: 'PEM file of the private key of that certificate.',
    example: '/etc/postbearer/relay.key',
  },
  'relay.maxMessageBytes': {
    type: 'count',
    least: 65_536,
    most: 157_286_400,
    environment: ['POSTBEARER_RELAY_MAX_MESSAGE_BYTES'],
    tfvars: [],
    default: '36700160',
    description: 'The most bytes of a message. The default is what Exchange Online takes unless it was told otherwise.',
    example: '36700160',
  },
  'relay.maxRecipients': {
    type: 'count',
    least: 1,
    most: 1000,
    environment: ['POSTBEARER_RELAY_MAX_RECIPIENTS'],
    tfvars: [],
    default: '500',
    description:
      'The most recipients of a message. The default is what Exchange Online takes unless it was told otherwise.',
    example: '500',
  },
  'relay.connections': {
    type: 'count',
    least: 1,
    most: 100_000,
    environment: ['POSTBEARER_RELAY_CONNECTIONS'],
    tfvars: [],
    default: '1000',
    description: 'Connections at a time to each listener of the relay.',
    example: '1000',
  },
  'relay.connectionsPerClient': {
    type: 'count',
    least: 1,
    most: 100_000,
    environment: ['POSTBEARER_RELAY_CONNECTIONS_PER_CLIENT'],
    tfvars: [],
    default: '50',
    description: 'Connections at a time from one address, of IPv6 from one /64.',
    example: '50',
  },
  'apps.messagesPerMinute': {
    type: 'count',
    least: 0,
    most: 1_000_000,
    environment: ['POSTBEARER_APPS_MESSAGES_PER_MINUTE'],
    tfvars: [],
    default: '0',
    description: 'The most messages that each app may hand in within a minute; 0 for as many as it likes.',
    example: '600',
  },
  'apps.recipientsPerMinute': {
    type: 'count',
    least: 0,
    most: 1_000_000,
    environment: ['POSTBEARER_APPS_RECIPIENTS_PER_MINUTE'],
    tfvars: [],
    default: '0',
    description: 'The most recipients that each app may hand in within a minute; 0 for as many as it likes.',
    example: '2000',
  },
  'apps.queuedMessages': {
    type: 'count',
    least: 0,
    most: 100_000_000,
    environment: ['POSTBEARER_APPS_QUEUED_MESSAGES'],
    tfvars: [],
    default: '250000',
    description:
      'The most messages of each app that may wait to be sent; more are refused for now. 0 for as many as come.',
    example: '250000',
  },
  'apps.queuedBytes': {
    type: 'count',
    least: 0,
    most: 100_000_000_000_000,
    environment: ['POSTBEARER_APPS_QUEUED_BYTES'],
    tfvars: [],
    default: '21474836480',
    description:
      'The most bytes of messages of each app that may wait to be sent; more are refused for now. 0 for as many as come.',
    example: '21474836480',
  },
  'api.certificateFile': {
    type: 'path',
    environment: ['POSTBEARER_API_CERTIFICATE_FILE'],
    tfvars: [],
    derivedFrom: 'the certificate of the relay',
    description: 'PEM file of the certificate that clients of the HTTP API see, with its chain.',
    example: '/etc/postbearer/api.pem',
  },
  'api.keyFile': {
    type: 'path',
    environment: ['POSTBEARER_API_KEY_FILE'],
    tfvars: [],
    description: 'PEM file of the private key of that certificate.',
    example: '/etc/postbearer/api.key',
  },
  'sendmail.folder': {
    type: 'path',
    environment: ['POSTBEARER_SENDMAIL_FOLDER'],
    tfvars: [],
    description:
      'The folder into which `postbearer sendmail` drops mail; nothing is taken from there where it is left out.',
    example: '/var/spool/postbearer',
  },
  'sendmail.app': {
    type: 'text',
    environment: ['POSTBEARER_SENDMAIL_APP'],
    tfvars: [],
    default: 'sendmail',
    description:
      'The app as which that mail is sent where no app names the account that hands it in: its mailboxes and its rule for From hold.',
    example: 'sendmail',
  },
  'sendmail.localMailTo': {
    type: 'address',
    environment: ['POSTBEARER_SENDMAIL_LOCAL_MAIL_TO'],
    tfvars: [],
    description:
      'The address that gets mail for names of this machine, such as that of cron for `root`; it is set aside where left out.',
    example: 'admin@contoso.com',
  },
  'queue.uncertain': {
    type: 'choice',
    choices: ['retry', 'stop', 'ask'],
    environment: ['POSTBEARER_QUEUE_UNCERTAIN'],
    tfvars: [],
    default: 'retry',
    description:
      'What becomes of a message that was perhaps sent: it is tried again after ten minutes, given up with a notice, or kept until a person decides.',
    example: 'retry',
  },
  'queue.bodyDays': {
    type: 'count',
    least: 0,
    most: 3650,
    environment: ['POSTBEARER_QUEUE_BODY_DAYS'],
    tfvars: [],
    default: '3',
    description: 'Days for which the content of a message is kept after it ended.',
    example: '3',
  },
  'queue.recordDays': {
    type: 'count',
    least: 1,
    most: 3650,
    environment: ['POSTBEARER_QUEUE_RECORD_DAYS'],
    tfvars: [],
    default: '30',
    description: 'Days for which the record of a message is kept after it ended.',
    example: '30',
  },
  'notices.to': {
    type: 'address',
    environment: ['POSTBEARER_NOTICES_TO'],
    tfvars: [],
    derivedFrom: 'each message: its sender gets them',
    description: 'The address that gets every notice of failure and delay.',
    example: 'postmaster@contoso.com',
  },
  'migration.startedAt': {
    type: 'text',
    environment: ['POSTBEARER_MIGRATION_STARTED_AT'],
    tfvars: [],
    derivedFrom: 'nothing: no migration is under way',
    description:
      'Since when mail moves from the password to OAuth: a time of ISO 8601, which `postbearer migrate start` writes. While it is set and OAuth is on, each message goes the way that was chosen when it was handed in, and which way it went is kept.',
    example: '2026-11-25T08:00:00Z',
  },
  'migration.canaryApp': {
    type: 'text',
    environment: ['POSTBEARER_MIGRATION_CANARY_APP'],
    tfvars: [],
    derivedFrom: 'nothing: all apps move',
    description: 'The one app whose messages go with OAuth while all others go with the password.',
    example: 'scanner',
  },
  'migration.sharePercent': {
    type: 'count',
    least: 1,
    most: 100,
    environment: ['POSTBEARER_MIGRATION_SHARE'],
    tfvars: [],
    derivedFrom: 'nothing: all messages move',
    description:
      'The share of messages, in percent, that goes with OAuth while the others go with the password. The Message-ID decides, so that a message which is handed in again goes the same way.',
    example: '10',
  },
  'log.format': {
    type: 'choice',
    choices: ['text', 'json'],
    environment: ['POSTBEARER_LOG_FORMAT'],
    tfvars: [],
    default: 'text',
    description: 'The form of the log: lines for people, or one JSON object on each line.',
    example: 'json',
  },
  'log.file': {
    type: 'path',
    environment: ['POSTBEARER_LOG_FILE'],
    tfvars: [],
    derivedFrom: 'the program: standard error',
    description: 'The file that the log is added to.',
    example: '/var/log/postbearer.log',
  },
};

/** The keys of {@link SERVICE_SETTINGS} in their order. */
export const SERVICE_KEYS: readonly ServiceKey[] = Object.keys(SERVICE_SETTINGS) as ServiceKey[];

/** Sections of `postbearer` that hold a list `listeners`. */
export type ListenerSection = 'relay' | 'api';

/** The members of a listener. */
export type ListenerKey = 'host' | 'port' | 'security';

const LISTENER_HOST: Setting = {
  type: 'host',
  environment: [],
  tfvars: [],
  default: '127.0.0.1',
  description: 'The address to listen at; `0.0.0.0` or `::` for all of this machine.',
  example: '0.0.0.0',
};

function listenerSettings(port: string, choices: readonly string[], security: string): Record<ListenerKey, Setting> {
  const none = { environment: [], tfvars: [] };
  return {
    host: LISTENER_HOST,
    port: { ...none, type: 'port', description: 'The port to listen at. It has to be given.', example: port },
    security: {
      ...none,
      type: 'choice',
      choices,
      ...(choices[0] === undefined ? {} : { default: choices[0] }),
      description: security,
      example: choices[0] ?? '',
    },
  };
}

/** The members of each listener of a section. */
export const LISTENER_SETTINGS: Readonly<Record<ListenerSection, Readonly<Record<ListenerKey, Setting>>>> = {
  relay: listenerSettings(
    '2525',
    ['starttls', 'tls', 'plain'],
    'STARTTLS (587, 2525), TLS from the first byte (465), or none: for the networks of apps alone and never with a password.',
  ),
  api: listenerSettings(
    '8443',
    ['tls', 'plain'],
    'TLS, or none: only at an address of this machine itself, for a proxy or a monitor beside it.',
  ),
};

/** The members of a webhook that have one value. */
export type WebhookKey = 'url' | 'secret' | 'network';

/** Those members; beside them stands `events`, a list of names of events. */
export const WEBHOOK_SETTINGS: Readonly<Record<WebhookKey, Setting>> = {
  url: {
    type: 'url',
    environment: [],
    tfvars: [],
    description: 'Where the events are sent by POST. It has to be given.',
    example: 'https://hooks.contoso.com/postbearer',
  },
  secret: {
    type: 'secret',
    environment: [],
    tfvars: [],
    description: 'The secret that signs them: `whsec_` and 24 to 64 bytes in Base64. It has to be given.',
    example: 'your-webhook-secret',
  },
  network: {
    type: 'text',
    environment: [],
    tfvars: [],
    derivedFrom: 'nothing: only public addresses are reached',
    description: 'A network of your own in which the receiver is, as an address and the length of its fixed part.',
    example: '10.1.2.0/24',
  },
};

/** What the list `events` of a webhook is. */
export const WEBHOOK_EVENTS = 'Names of the events to send, such as `message.refused` or `lane.*`; all where left out.';
