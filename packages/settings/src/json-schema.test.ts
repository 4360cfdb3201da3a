import { describe, expect, it } from 'vitest';
import { settingsJsonSchema, type JsonSchema } from './index.ts';
import { LOG_LEVEL_KEY, UPSTREAM_KEYS, UPSTREAM_SETTINGS } from './schema.ts';
import { readObject, rightSmtp } from './testing/worlds.ts';

const SCHEMA = settingsJsonSchema();

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(schema: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((node, name) => (isSchema(node) ? node[name] : undefined), schema);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A validator of the part of JSON Schema that is used here (draft-handrews-json-schema-validation-01). */
function isValid(value: unknown, schema: unknown): boolean {
  if (!isSchema(schema)) return true;
  const { $ref, allOf, anyOf, enum: choices, type } = schema;
  if (Array.isArray(type)) return type.some((one) => isValid(value, { ...schema, type: one as unknown }));
  if (typeof $ref === 'string') return isValid(value, at(SCHEMA, ...$ref.slice(2).split('/')));
  if (!list(allOf).every((one) => isValid(value, one))) return false;
  if (anyOf !== undefined && !list(anyOf).some((one) => isValid(value, one))) return false;
  if (choices !== undefined && !list(choices).includes(value)) return false;
  if (type === 'integer') return typeof value === 'number' && Number.isInteger(value) && isInRange(value, schema);
  if (type === 'string') return typeof value === 'string' && matches(value, schema);
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value) && value.every((item) => isValid(item, schema['items']));
  return type === 'object' ? isValidObject(value, schema) : true;
}

function matches(text: string, { pattern }: JsonSchema): boolean {
  return typeof pattern !== 'string' || new RegExp(pattern).test(text);
}

function isInRange(value: number, { minimum, maximum }: JsonSchema): boolean {
  return value >= Number(minimum) && value <= Number(maximum);
}

function isValidObject(value: unknown, schema: JsonSchema): boolean {
  if (!isSchema(value) || !list(schema['required']).every((name) => Object.hasOwn(value, String(name)))) return false;
  return Object.entries(value).every(([name, member]) => {
    const property = at(schema, 'properties', name);
    if (property !== undefined) return isValid(member, property);
    const others = schema['additionalProperties'];
    return others !== false && isValid(member, others) && isValidName(name, schema['propertyNames']);
  });
}

/** `propertyNames` holds a pattern alone, and a name is always a text. */
function isValidName(name: string, schema: unknown): boolean {
  return !isSchema(schema) || matches(name, schema);
}

/** Files that are right, by both the schema and the reader. */
const RIGHT_FILES: readonly unknown[] = [
  { smtp: rightSmtp() },
  {
    $schema: './settings.schema.json',
    CollectionId: 'x',
    smtp: { ...rightSmtp(), port: 587, enabled: 'yes' },
    LOG_LEVEL: 'Debug',
  },
  { database: { name: 'x', smtp: rightSmtp() } },
  {
    smtp: { ...rightSmtp(), password: '' },
    postbearer: {
      upstreams: { test: { server: 'relay.example.net' } },
      mailboxes: { 'a@contoso.com': { upstream: 'test', from: 'b@contoso.com', pace: { connections: 1 } } },
      relay: { listeners: [{ port: 2525, host: '0.0.0.0' }], maxRecipients: 100 },
      dataFolder: '/srv/mail',
      webhooks: { one: { url: 'https://example.net/', secret: { file: '/x' }, events: 'lane.*' } },
    },
  },
];

/** Values that a kind of setting may have, in odd forms, and some that it may not. */
const ODD_VALUES: readonly unknown[] = [
  ['', ' ', 'TRUE', ' yes ', 'oN', '0', 'maybe', true, false, null, 1, 0],
  [' 587 ', '0587', '65536', '-1', 587, 70_000, 1.5],
  [
    'https://login.microsoftonline.com/x',
    ' HTTPS://h/x ',
    'http://localhost/x',
    'login.microsoftonline.com',
    'https://a b',
  ],
  ['information', ' WARN', 'Trace', 'critical', 'Info', 'loud'],
  ['GCC-High', 'azurechinacloud', ' Global ', 'us-gov', 'germany'],
  ['Client_Secret_Post', 'managed_identity ', 'secret'],
  ['a@contoso.com', 'smtp.office365.com', { file: 'x' }, { systemdCredential: 'x' }, { foo: 1 }, {}],
].flat();

/** Files that are wrong, by both. */
const WRONG_FILES: readonly unknown[] = [
  { smtp: { ...rightSmtp(), port: 0 } },
  { smtp: { ...rightSmtp(), port: 'many' } },
  { smtp: { ...rightSmtp(), enabled: 'perhaps' } },
  { smtp: { ...rightSmtp(), serverr: 'x' } },
  { smtp: { ...rightSmtp(), password: { folder: 'x' } } },
  { smtp: { ...rightSmtp(), oauth: [] } },
  { smtp: { ...rightSmtp(), oauth: { ...rightSmtp().oauth, cloud: 'moon' } } },
  { smtp: rightSmtp(), LOG_LEVEL: 'loud' },
  { smtp: rightSmtp(), postbearer: { upstreams: { 'a b': {} } } },
  { smtp: rightSmtp(), postbearer: { mailboxes: { 'a@contoso.com': { pace: { connections: 0 } } } } },
];

/** A file with one value. */
function fileWith(key: string, value: unknown): unknown {
  if (key === LOG_LEVEL_KEY) return { [key]: value };
  const [section = '', name] = key.split('.');
  return { smtp: name === undefined ? { [section]: value } : { [section]: { [name]: value } } };
}

describe('the JSON Schema', () => {
  it.each(RIGHT_FILES)('takes what the reader takes: %j', async (file) => {
    expect(isValid(file, SCHEMA)).toBe(true);
    expect((await readObject(file)).findings).toEqual([]);
  });

  it.each(WRONG_FILES)('refuses what the reader refuses or mentions: %j', async (file) => {
    expect(isValid(file, SCHEMA)).toBe(false);
    expect((await readObject(file)).findings).not.toEqual([]);
  });

  it('takes every value that the reader takes, of every setting, in whatever case it is written', async () => {
    let taken = 0;
    let refused = 0;
    for (const key of [...UPSTREAM_KEYS, LOG_LEVEL_KEY]) {
      for (const value of ODD_VALUES) {
        const file = fileWith(key, value);
        const isTaken = (await readObject(file)).findings.every(({ fault }) => fault.code !== 'CONFIG_VALUE_INVALID');
        if (isTaken) expect(isValid(file, SCHEMA), `${key}: ${JSON.stringify(value)}`).toBe(true);
        taken += Number(isTaken);
        refused += Number(!isTaken && !isValid(file, SCHEMA));
      }
    }
    // The control: a schema that takes everything would refuse none of these.
    expect(taken).toBeGreaterThan(300);
    expect(refused).toBeGreaterThan(300);
  });

  it.each([
    { smtp: null, postbearer: null, database: null, LOG_LEVEL: null },
    { database: { smtp: null }, smtp: { oauth: null } },
    { postbearer: { upstreams: null, mailboxes: null } },
    { postbearer: { upstreams: { test: null }, mailboxes: { 'a@contoso.com': null } } },
    { postbearer: { mailboxes: { 'a@contoso.com': { upstream: null, from: null, pace: null } } } },
    { postbearer: { mailboxes: { 'a@contoso.com': { pace: { connections: null } } } } },
  ])('takes null where the reader takes it for not set: %j', async (file) => {
    expect(isValid(file, SCHEMA)).toBe(true);
    expect((await readObject({ smtp: rightSmtp(), ...file })).findings.map(({ fault }) => fault.code)).not.toContain(
      'CONFIG_VALUE_INVALID',
    );
  });

  it('has every setting with description and default, for an editor to show', () => {
    for (const key of UPSTREAM_KEYS) {
      const path = key.split('.').flatMap((name) => ['properties', name]);
      const schema = at(SCHEMA, 'definitions', 'upstream', ...path);
      expect(at(schema, 'description'), key).toBe(UPSTREAM_SETTINGS[key].description);
      const wanted = UPSTREAM_SETTINGS[key].default;
      if (wanted !== undefined) expect(String(at(schema, 'default')), key).toBe(wanted);
    }
    expect(at(SCHEMA, '$schema')).toBe('http://json-schema.org/draft-07/schema#');
  });

  it('is plain JSON', () => {
    expect(JSON.parse(JSON.stringify(SCHEMA))).toEqual(SCHEMA);
  });
});
