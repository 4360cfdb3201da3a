/** A JSON Schema of the settings file, for editors. Made from the table of settings. */
import { LOG_LEVELS } from '@postbearer/core';
import { CLOUD_NAMES } from '@postbearer/microsoft365/clouds';
import { FILE_NAME } from './find-file.ts';
import {
  LOG_LEVEL_KEY,
  LOG_LEVEL_SETTING,
  PACE_KEYS,
  UPSTREAM_KEYS,
  UPSTREAM_SETTINGS,
  type Setting,
  type UpstreamKey,
} from './schema.ts';

/** A schema or part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const SECRET: JsonSchema = {
  anyOf: [
    { type: 'string' },
    {
      type: 'object',
      properties: {
        file: { type: 'string', minLength: 1, description: 'A file that holds the secret and nothing else.' },
      },
      required: ['file'],
      additionalProperties: false,
    },
    {
      type: 'object',
      properties: {
        systemdCredential: {
          type: 'string',
          minLength: 1,
          description: 'The name of a systemd credential (LoadCredential=).',
        },
      },
      required: ['systemdCredential'],
      additionalProperties: false,
    },
  ],
};

function typeOf(setting: Setting): JsonSchema {
  switch (setting.type) {
    case 'flag':
      return {
        anyOf: [{ type: 'boolean' }, { enum: ['true', 'false', 'yes', 'no', 'on', 'off', 'y', 'n', '1', '0'] }],
      };
    case 'port':
      return {
        anyOf: [
          { type: 'integer', minimum: 1, maximum: 65_535 },
          { type: 'string', pattern: '^[0-9]{1,5}$' },
        ],
      };
    case 'url':
      return { type: 'string', format: 'uri' };
    case 'level':
      return { enum: LOG_LEVELS };
    case 'cloud':
      return { enum: CLOUD_NAMES };
    case 'choice':
      return { enum: setting.choices };
    case 'secret':
      return { $ref: '#/definitions/secret' };
    case 'text':
    case 'host':
    case 'address':
    case 'path':
      return { type: 'string' };
  }
}

function defaultOf({ type, default: text }: Setting): JsonSchema {
  if (text === undefined) return {};
  return { default: type === 'flag' ? text === 'true' : type === 'port' ? Number(text) : text };
}

function schemaOf(setting: Setting): JsonSchema {
  const type = typeOf(setting);
  // Draft 7 ignores what stands beside $ref, so the description needs an allOf around it.
  const body = '$ref' in type ? { allOf: [type] } : type;
  const shown = setting.type === 'secret' ? {} : { examples: [setting.example] };
  return { description: setting.description, ...body, ...defaultOf(setting), ...shown };
}

function propertiesOf(keys: readonly UpstreamKey[]): JsonSchema {
  return Object.fromEntries(keys.map((key) => [key.replace('oauth.', ''), schemaOf(UPSTREAM_SETTINGS[key])]));
}

function isOAuth(key: UpstreamKey): boolean {
  return key.startsWith('oauth.');
}

function upstreamSchema(): JsonSchema {
  return {
    type: 'object',
    properties: {
      ...propertiesOf(UPSTREAM_KEYS.filter((key) => !isOAuth(key))),
      oauth: {
        type: 'object',
        description: 'How tokens are obtained.',
        properties: propertiesOf(UPSTREAM_KEYS.filter((key) => isOAuth(key))),
        additionalProperties: false,
      },
    },
    additionalProperties: false,
  };
}

function paceSchema(description: string): JsonSchema {
  return { type: 'integer', minimum: 1, maximum: 1_000_000, description };
}

function mailboxSchema(): JsonSchema {
  const pace = Object.entries(PACE_KEYS).map(([key, description]) => [key, paceSchema(description)]);
  return {
    type: 'object',
    properties: {
      upstream: { type: 'string', default: 'default', description: 'The upstream that this mailbox sends through.' },
      from: {
        description: 'Addresses in From that are sent through this mailbox, beside its own.',
        anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
      },
      pace: {
        type: 'object',
        description: 'How fast this mailbox may send.',
        properties: Object.fromEntries(pace),
        additionalProperties: false,
      },
    },
    additionalProperties: false,
  };
}

/**
 * The schema (JSON Schema draft 7) of `Global-variables.json` and of what `settingsFromObject` takes. Name it in the file as
 * `"$schema"`, and an editor completes names, shows descriptions and marks mistakes. Keys of other software are allowed at the root.
 */
export function settingsJsonSchema(): JsonSchema {
  const upstream = { $ref: '#/definitions/upstream' };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: `Settings of Postbearer in ${FILE_NAME}`,
    type: 'object',
    properties: {
      $schema: { type: 'string' },
      [LOG_LEVEL_KEY]: schemaOf(LOG_LEVEL_SETTING),
      smtp: { description: 'The upstream named default: the server that takes the mail.', allOf: [upstream] },
      database: {
        type: 'object',
        properties: { smtp: { description: 'As the root smtp, which wins.', allOf: [upstream] } },
      },
      postbearer: {
        type: 'object',
        description: 'What other software that reads this file has no name for.',
        properties: {
          upstreams: {
            type: 'object',
            description: 'More upstreams by name.',
            propertyNames: { pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' },
            additionalProperties: upstream,
          },
          mailboxes: {
            type: 'object',
            description: 'More mailboxes to send as, by address.',
            additionalProperties: { $ref: '#/definitions/mailbox' },
          },
        },
      },
    },
    definitions: { upstream: upstreamSchema(), mailbox: mailboxSchema(), secret: SECRET },
  };
}
