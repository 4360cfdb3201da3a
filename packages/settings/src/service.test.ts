/** The settings of the service: `postbearer` in JSON, `POSTBEARER_*` in the environment. */
import { describe, expect, it } from 'vitest';
import { convertSettings, settingsFromObject, STANDARD_SERVICE, type ServiceSettings } from './index.ts';
import { SERVICE_KEYS, SERVICE_SETTINGS } from './service-schema.ts';
import { codesOf, JSON_FILE, messagesOf, readIn, readObject, rightSmtp, settingsOf } from './testing/worlds.ts';

type Json = Readonly<Record<string, unknown>>;

const SECRET = `whsec_${'A'.repeat(43)}=`;

/** Everything that can be said, each value another than the default. */
const WHOLE: Json = {
  dataFolder: 'data',
  node: 'mail-1',
  database: { url: { file: 'url' } },
  relay: {
    hostname: 'relay.contoso.com',
    certificateFile: 'relay.pem',
    keyFile: '/etc/relay.key',
    maxMessageBytes: 1_000_000,
    maxRecipients: '100',
    connections: 200,
    connectionsPerClient: 20,
    listeners: [
      { port: 2525, host: '0.0.0.0' },
      { port: '465', security: 'TLS', host: '[::1]' },
      { port: 25, security: 'plain' },
    ],
  },
  api: {
    listeners: [
      { port: 8443, host: '::' },
      { port: 8080, security: 'plain', host: 'localhost' },
    ],
  },
  sendmail: { folder: '/var/spool/postbearer', app: 'cron' },
  queue: { uncertain: 'ask', bodyDays: 0, recordDays: 90 },
  notices: { to: 'postmaster@contoso.com' },
  webhooks: { alerts: { url: 'https://hooks.contoso.com/x', secret: SECRET, events: ['lane.*', 'message.settled'] } },
  log: { format: 'json', file: 'log' },
};

async function serviceOf(
  postbearer: Json,
  environment: Readonly<Record<string, string>> = {},
): Promise<ServiceSettings> {
  return settingsOf(await readObject({ smtp: rightSmtp(), postbearer }, environment)).service;
}

async function codes(postbearer: Json): Promise<string[]> {
  return codesOf(await readObject({ smtp: rightSmtp(), postbearer }));
}

/** The settings without their secrets, which are compared apart. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

describe('the settings of the service', () => {
  it('are read whole from JSON, paths from the folder of the file', async () => {
    const service = await serviceOf(WHOLE);
    expect(plain(service)).toMatchObject({
      dataFolder: '/home/mail/data',
      node: 'mail-1',
      database: { url: { kind: 'file', path: '/home/mail/url' } },
      relay: {
        hostname: 'relay.contoso.com',
        certificate: { certificateFile: '/home/mail/relay.pem', keyFile: '/etc/relay.key' },
        maxMessageBytes: 1_000_000,
        maxRecipients: 100,
        connections: 200,
        connectionsPerClient: 20,
        listeners: [
          { host: '0.0.0.0', port: 2525, security: 'starttls' },
          { host: '::1', port: 465, security: 'tls' },
          { host: '127.0.0.1', port: 25, security: 'plain' },
        ],
      },
      api: {
        listeners: [
          { host: '::', port: 8443, security: 'tls' },
          { host: 'localhost', port: 8080, security: 'plain' },
        ],
      },
      sendmail: { folder: '/var/spool/postbearer', app: 'cron' },
      queue: { uncertain: 'ask', bodyDays: 0, recordDays: 90 },
      notices: { to: 'postmaster@contoso.com' },
      webhooks: { alerts: { url: 'https://hooks.contoso.com/x', events: ['lane.*', 'message.settled'] } },
      log: { format: 'json', file: '/home/mail/log' },
    });
  });

  it('have defaults of their own, and null and an empty text count as not set', async () => {
    expect(await serviceOf({})).toEqual(STANDARD_SERVICE);
    const nothing = { dataFolder: '', relay: { listeners: null, hostname: null }, api: null, webhooks: { x: null } };
    expect(await serviceOf(nothing)).toEqual(STANDARD_SERVICE);
    expect(STANDARD_SERVICE).toMatchObject({
      relay: { listeners: [], maxMessageBytes: 36_700_160, maxRecipients: 500 },
      queue: { uncertain: 'retry', bodyDays: 3, recordDays: 30 },
      log: { format: 'text' },
    });
  });

  it('are read from variables, which win over the file; each row has one, and it may stand in a file', async () => {
    const environment = {
      POSTBEARER_NODE: 'mail-2',
      POSTBEARER_DATABASE_URL: 'postgresql://mail@db.contoso.com/mail',
      POSTBEARER_RELAY_MAX_RECIPIENTS: '50',
      POSTBEARER_DATA: 'here',
    };
    const service = await serviceOf(WHOLE, environment);
    expect(service).toMatchObject({ node: 'mail-2', dataFolder: '/home/mail/here', relay: { maxRecipients: 50 } });
    expect(service.database.url?.kind).toBe('value');
    const inFile = await readIn(
      { '/run/node': 'mail-3\n', [JSON_FILE]: JSON.stringify({ smtp: rightSmtp() }) },
      { POSTBEARER_NODE_FILE: '/run/node', POSTBEARER_DATABASE_URL_FILE: '/run/url' },
    );
    expect(settingsOf(inFile).service.node).toBe('mail-3');
    expect(settingsOf(inFile).service.database.url).toEqual({ kind: 'file', path: '/run/url' });
    for (const key of SERVICE_KEYS) expect(SERVICE_SETTINGS[key].environment, key).toHaveLength(1);
  });

  it('tell all mistakes at once, each with its key and line', async () => {
    const reading = await readObject({
      smtp: rightSmtp(),
      postbearer: {
        relay: { maxRecipients: 0, hostname: 'https://x', listeners: [{ host: '0.0.0.0' }, { port: 'x' }, 7] },
        queue: { uncertain: 'perhaps' },
        notices: { to: 'nobody' },
      },
    });
    expect(codesOf(reading).toSorted()).toEqual([
      'CONFIG_VALUE_INVALID',
      'CONFIG_VALUE_INVALID',
      'CONFIG_VALUE_INVALID',
      'CONFIG_VALUE_INVALID',
      'CONFIG_VALUE_INVALID',
      'CONFIG_VALUE_INVALID',
      'CONFIG_VALUE_MISSING',
    ]);
    for (const { fault } of reading.findings) {
      const { evidence } = fault;
      expect(evidence).toMatchObject({ kind: 'settings', file: JSON_FILE });
      expect(evidence?.kind === 'settings' && (evidence.line ?? 0) > 1, fault.message).toBe(true);
    }
    expect(messagesOf(reading).join('\n')).toContain(
      'postbearer.relay.maxRecipients must be a whole number from 1 to 1000',
    );
  });

  it('are unknown by another name, and the nearest is named', async () => {
    const reading = await readObject({
      smtp: rightSmtp(),
      postbearer: {
        relay: { hostnme: 'x', listeners: [{ port: 2525, sekurity: 'tls' }] },
        quueue: {},
        webhooks: { a: { url: 'https://example.net/', secret: SECRET, event: [] } },
      },
    });
    expect(codesOf(reading)).toEqual([
      '(CONFIG_UNKNOWN_KEY)',
      '(CONFIG_UNKNOWN_KEY)',
      '(CONFIG_UNKNOWN_KEY)',
      '(CONFIG_UNKNOWN_KEY)',
    ]);
    expect(messagesOf(reading).map((message) => /did you mean (.*)\?/.exec(message)?.[1])).toEqual([
      'hostname',
      'security',
      'queue',
      'events',
    ]);
    const misspelt = await readObject({ smtp: rightSmtp() }, { POSTBEARER_DATABASE_ULR: 'x', POSTBEARER_CONFIG: '' });
    expect(messagesOf(misspelt).join()).toContain('did you mean POSTBEARER_DATABASE_URL?');
  });

  it.each<[string, Json, string[]]>([
    ['a certificate without its key', { relay: { certificateFile: 'a.pem' } }, ['CONFIG_VALUE_MISSING']],
    ['a key without its certificate', { api: { keyFile: 'a.key' } }, ['CONFIG_VALUE_MISSING']],
    [
      'two listeners at one place',
      { relay: { listeners: [{ port: 25 }, { port: 25, security: 'tls' }] } },
      ['CONFIG_VALUE_INVALID'],
    ],
    [
      'one of each section at one place',
      { relay: { listeners: [{ port: 25 }] }, api: { listeners: [{ port: 25 }] } },
      ['CONFIG_VALUE_INVALID'],
    ],
    [
      'the API without TLS for other machines',
      { api: { listeners: [{ port: 80, security: 'plain', host: '0.0.0.0' }] } },
      ['CONFIG_VALUE_INVALID'],
    ],
    [
      'the relay with STARTTLS in the API',
      { api: { listeners: [{ port: 80, security: 'starttls' }] } },
      ['CONFIG_VALUE_INVALID'],
    ],
    ['a database that is no PostgreSQL', { database: { url: 'mysql://x/y' } }, ['CONFIG_VALUE_INVALID']],
    ['a database as the manual shows it', { database: { url: 'your-database-url' } }, ['CONFIG_VALUE_INVALID']],
    ['a webhook without url and secret', { webhooks: { a: {} } }, ['CONFIG_VALUE_MISSING', 'CONFIG_VALUE_MISSING']],
    [
      'a webhook with a weak secret',
      { webhooks: { a: { url: 'https://x.net', secret: 'whsec_QUJD' } } },
      ['CONFIG_VALUE_INVALID'],
    ],
    [
      'a webhook for no event',
      { webhooks: { a: { url: 'https://x.net', secret: SECRET, events: 'Lane Held' } } },
      ['CONFIG_VALUE_INVALID'],
    ],
    [
      'a webhook with an odd name',
      { webhooks: { 'a b': { url: 'https://x.net', secret: SECRET } } },
      ['CONFIG_VALUE_INVALID'],
    ],
    ['a list of listeners that is none', { relay: { listeners: { port: 25 } } }, ['CONFIG_VALUE_INVALID']],
    ['a section that is none', { relay: [], queue: 'x' }, ['CONFIG_VALUE_INVALID', 'CONFIG_VALUE_INVALID']],
  ])('%s is a mistake', async (_, postbearer, expected) => {
    expect(await codes(postbearer)).toEqual(expected);
  });

  it('show no secret in what is told of them', async () => {
    const url = 'mysql://mail:Cnry8~dbpassword@db/mail';
    const webhooks = { a: { url: 'https://x.net', secret: 'Cnry8~webhooksecret' } };
    const reading = await readObject({ smtp: rightSmtp(), postbearer: { database: { url }, webhooks } });
    expect(codesOf(reading)).toHaveLength(2);
    const told = JSON.stringify([reading.findings, reading.values]);
    expect(told).not.toMatch(/Cnry8~(?:db|webhook)/);
    expect(told).toContain('postbearer.database.url');
  });

  it('come back the same from JSON that was converted, and by name from lines of the environment', async () => {
    const start = settingsFromObject({ smtp: rightSmtp(), postbearer: WHOLE });
    const json = convertSettings(start, 'json', { withSecrets: true });
    if (!json.ok) throw new Error(json.fault.message);
    const again = settingsFromObject(JSON.parse(json.value));
    expect(plain(settingsOf(again).service)).toEqual(plain(settingsOf(start).service));
    const lines = convertSettings(start, 'env');
    expect(lines.ok && lines.value).toContain('POSTBEARER_RELAY_HOSTNAME=relay.contoso.com\n');
    expect(lines.ok && lines.value).toContain(
      '# postbearer.relay.listeners.0.port has no name here; keep it in JSON.\n',
    );
  });

  it('are shown with the places they come from', async () => {
    const { values } = await readObject({ smtp: rightSmtp(), postbearer: WHOLE }, { POSTBEARER_NODE: 'mail-2' });
    const shown = (key: string): unknown => {
      const { value, source } = values.find((one) => one.key === `postbearer.${key}`) ?? {};
      return [value, source?.replace(/:\d+$/, '')];
    };
    expect(shown('node')).toEqual(['mail-2', 'environment POSTBEARER_NODE']);
    expect(shown('database.url')).toEqual(['[secret]', 'Global-variables.json']);
    expect(shown('relay.listeners.1.security')).toEqual(['tls', 'Global-variables.json']);
    expect(shown('relay.listeners.0.security')).toEqual(['starttls', 'default']);
    expect(shown('webhooks.alerts.events')).toEqual(['lane.*, message.settled', 'Global-variables.json']);
  });
});
