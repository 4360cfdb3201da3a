/**
 * A JSON Schema of the settings file, for editors. Made from the table of settings.
 *
 * Rule: what the reader takes is valid. A word counts whatever its case and with blanks around it, a text that is empty and null
 * count as not set. The names an editor offers come first, as they are written in manuals.
 */
import { LOG_LEVELS } from '@postbearer/core';
import { CLOUD_NAMES, CLOUDS } from '@postbearer/microsoft365/clouds';
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
import {
  LISTENER_SETTINGS,
  SERVICE_KEYS,
  SERVICE_SETTINGS,
  WEBHOOK_EVENTS,
  WEBHOOK_SETTINGS,
  type ListenerSection,
} from './service-schema.ts';

/** A schema or part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const NOT_SET: JsonSchema = { type: 'null' };

/** What `parseLogLevel` understands beside the names themselves. */
const LEVEL_SYNONYMS: readonly string[] = ['Trace', 'Info', 'Warn', 'Critical'];
const FLAG_WORDS: readonly string[] = ['true', 'false', 'yes', 'no', 'on', 'off', 'y', 'n', '1', '0'];

/** A pattern for one of these or for nothing. */
function texts(...patterns: readonly string[]): JsonSchema {
  return { type: 'string', pattern: `^\\s*(?:${patterns.join('|')})?\\s*$` };
}

/** A pattern for a word in any case: JSON Schema has no flag for that. */
function anyCase(word: string): string {
  return word.replaceAll(/[a-z]/gi, (letter) => `[${letter.toUpperCase()}${letter.toLowerCase()}]`);
}

/** One of `offered`, which an editor completes, or any of the words in any case. */
function words(offered: readonly unknown[], all: readonly string[]): JsonSchema {
  return { anyOf: [{ enum: offered }, texts(...all.map(anyCase)), NOT_SET] };
}

const SECRET: JsonSchema = {
  anyOf: [
    { type: ['string', 'null'] },
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
      return words([true, false], FLAG_WORDS);
    case 'port':
      return { anyOf: [{ type: 'integer', minimum: 1, maximum: 65_535 }, texts('[0-9]{1,5}'), NOT_SET] };
    case 'count': {
      const range = { minimum: setting.least, maximum: setting.most };
      return { anyOf: [{ type: 'integer', ...range }, texts('[0-9]{1,15}'), NOT_SET] };
    }
    case 'url':
      return { anyOf: [texts('[Hh][Tt][Tt][Pp][Ss]?:\\S+'), NOT_SET] };
    case 'level':
      return words(LOG_LEVELS, [...LOG_LEVELS, ...LEVEL_SYNONYMS]);
    case 'cloud':
      return words(
        CLOUD_NAMES,
        CLOUD_NAMES.flatMap((name) => [name, ...CLOUDS[name].aliases]),
      );
    case 'choice': {
      const choices = setting.choices ?? [];
      return words(choices, choices);
    }
    case 'secret':
      return { $ref: '#/definitions/secret' };
    case 'text':
    case 'host':
    case 'address':
    case 'path':
      return { type: ['string', 'null'] };
  }
}

function defaultOf({ type, default: text }: Setting): JsonSchema {
  if (text === undefined) return {};
  return { default: type === 'flag' ? text === 'true' : type === 'port' || type === 'count' ? Number(text) : text };
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
    type: ['object', 'null'],
    properties: {
      ...propertiesOf(UPSTREAM_KEYS.filter((key) => !isOAuth(key))),
      oauth: {
        type: ['object', 'null'],
        description: 'How tokens are obtained.',
        properties: propertiesOf(UPSTREAM_KEYS.filter((key) => isOAuth(key))),
        additionalProperties: false,
      },
    },
    additionalProperties: false,
  };
}

function paceSchema(description: string): JsonSchema {
  return { type: ['integer', 'null'], minimum: 1, maximum: 1_000_000, description };
}

function mailboxSchema(): JsonSchema {
  const pace = Object.entries(PACE_KEYS).map(([key, description]) => [key, paceSchema(description)]);
  return {
    type: ['object', 'null'],
    properties: {
      upstream: {
        type: ['string', 'null'],
        default: 'default',
        description: 'The upstream that this mailbox sends through.',
      },
      from: {
        description: 'Addresses in From that are sent through this mailbox, beside its own.',
        anyOf: [{ type: ['string', 'null'] }, { type: 'array', items: { type: 'string' } }],
      },
      pace: {
        type: ['object', 'null'],
        description: 'How fast this mailbox may send.',
        properties: Object.fromEntries(pace),
        additionalProperties: false,
      },
    },
    additionalProperties: false,
  };
}

function section(description: string, properties: JsonSchema, more: JsonSchema = {}): JsonSchema {
  return { type: ['object', 'null'], description, properties, additionalProperties: false, ...more };
}

const SECTION_MEANINGS: Readonly<Record<string, string>> = {
  database: 'Where the service keeps its mail.',
  relay: 'Where and how mail is taken by SMTP.',
  api: 'Where and how mail is taken by HTTP.',
  sendmail: 'How mail of `postbearer sendmail` is taken.',
  queue: 'What becomes of mail, and how long it is kept.',
  notices: 'Notices of failure and delay.',
  migration: 'A migration from the password to OAuth, written by `postbearer migrate`.',
  log: 'The log of the service.',
};

function listenersSchema(name: ListenerSection): JsonSchema {
  const members = Object.entries(LISTENER_SETTINGS[name]).map(([key, setting]) => [key, schemaOf(setting)]);
  const items = section('One place to listen at.', Object.fromEntries(members), { type: 'object', required: ['port'] });
  return { type: ['array', 'null'], description: 'Where it listens; nowhere where left out.', items };
}

function serviceSchema(): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  const sections = new Map<string, Record<string, JsonSchema>>();
  for (const key of SERVICE_KEYS) {
    const [name = key, member] = key.split('.');
    if (member === undefined) properties[name] = schemaOf(SERVICE_SETTINGS[key]);
    else sections.set(name, { ...sections.get(name), [member]: schemaOf(SERVICE_SETTINGS[key]) });
  }
  for (const [name, members] of sections) {
    const lists = name === 'relay' || name === 'api' ? { listeners: listenersSchema(name) } : {};
    properties[name] = section(SECTION_MEANINGS[name] ?? name, { ...members, ...lists });
  }
  return properties;
}

function webhookSchema(): JsonSchema {
  return section('One receiver of events.', {
    ...Object.fromEntries(Object.entries(WEBHOOK_SETTINGS).map(([key, setting]) => [key, schemaOf(setting)])),
    events: {
      description: WEBHOOK_EVENTS,
      anyOf: [{ type: ['string', 'null'] }, { type: 'array', items: { type: 'string' } }],
    },
  });
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
        properties: { smtp: { description: 'As the root smtp, which wins.', allOf: [upstream] } },
      },
      postbearer: {
        type: ['object', 'null'],
        description: 'What other software that reads this file has no name for.',
        properties: {
          upstreams: {
            type: ['object', 'null'],
            description: 'More upstreams by name.',
            propertyNames: { pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' },
            additionalProperties: upstream,
          },
          mailboxes: {
            type: ['object', 'null'],
            description: 'More mailboxes to send as, by address.',
            additionalProperties: { $ref: '#/definitions/mailbox' },
          },
          ...serviceSchema(),
          webhooks: {
            type: ['object', 'null'],
            description: 'Receivers of events by name.',
            propertyNames: { pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' },
            additionalProperties: webhookSchema(),
          },
        },
      },
    },
    definitions: { upstream: upstreamSchema(), mailbox: mailboxSchema(), secret: SECRET },
  };
}
