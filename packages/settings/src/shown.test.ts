import { describe, expect, it } from 'vitest';
import { UPSTREAM_KEYS } from './schema.ts';
import { convertSettings } from './index.ts';
import { codesOf, readIn, readObject, RIGHT, rightEnvironment, rightSmtp } from './testing/worlds.ts';

/** Secrets as providers and people make them. The first is of the form of an Entra client secret. */
const SECRETS = [
  'Abc8Q~1xYz.AbCdEf-GhIjKlMnOpQrStUvWxYz12',
  'hunter2hunter2',
  '{Cnry8}',
  '<Cnry8-word>',
  'sup{er}Cnry8',
  'user:Cnry8@yourdomain.com',
  'CorrectHorseBatteryStaple',
] as const;

function withValue(key: string, value: unknown): unknown {
  const smtp = rightSmtp();
  const [section = '', name] = key.split('.');
  if (name === undefined) smtp[section] = value;
  else smtp.oauth[name] = value;
  if (key === 'oauth.tenant') delete smtp.oauth['tokenEndpoint'];
  return { smtp };
}

describe('a secret in the wrong place', () => {
  // Of a user name that is an address the From address is told, and a file that is named by its path.
  const keys = UPSTREAM_KEYS.filter(
    (key) => !['caFile', 'oauth.certificateFile', 'oauth.federatedTokenFile'].includes(key),
  );

  it.each(keys)('is in no finding: %s', async (key) => {
    for (const secret of SECRETS) {
      const { findings } = await readObject(withValue(key, secret));
      expect(JSON.stringify(findings), secret).not.toContain(secret);
    }
  });

  it('is in no finding as the tenant of an endpoint, old or new', async () => {
    for (const secret of SECRETS) {
      for (const version of ['', '/v2.0']) {
        const url = `https://login.microsoftonline.com/${encodeURIComponent(secret)}/oauth2${version}/token`;
        const { findings } = await readObject(withValue('oauth.tokenEndpoint', url));
        expect(findings.length).toBeGreaterThan(0);
        const told = JSON.stringify(findings);
        for (const text of [secret, encodeURIComponent(secret)]) expect(told).not.toContain(text);
      }
    }
  });

  it('is in no finding as the upstream of a mailbox or the level of the log', async () => {
    for (const secret of SECRETS) {
      const postbearer = { mailboxes: { 'a@contoso.com': { upstream: secret, from: [secret] } } };
      const reading = await readObject({ smtp: rightSmtp(), postbearer, LOG_LEVEL: secret });
      expect(codesOf(reading)).toContain('CONFIG_UPSTREAM_UNKNOWN');
      expect(JSON.stringify(reading.findings)).not.toContain(secret);
    }
  });

  it('would be in one without the rule: what is short or made of words of manuals is shown (the control)', async () => {
    const messages = async (key: string, value: string): Promise<string> =>
      JSON.stringify((await readObject(withValue(key, value))).findings);
    expect(await messages('port', 'many')).toContain('the text \\"many\\"');
    expect(await messages('port', '70000')).toContain('70000');
    expect(await messages('oauth.tenant', '{tenant-id}')).toContain('{tenant-id}');
    expect(await messages('oauth.clientId', 'your-application-client-id')).toContain('your-application-client-id');
    expect(await messages('username', 'notifications@yourdomain.com')).toContain('notifications@yourdomain.com');
    const postbearer = { mailboxes: { 'a@contoso.com': { upstream: 'tset' } } };
    const { findings } = await readObject({ smtp: rightSmtp(), postbearer });
    expect(findings[0]?.fault.message).toContain('names the upstream "tset", which does not exist');
  });
});

describe('what config show prints', () => {
  const url = `${RIGHT.endpoint}?code=Cnry8~inaquery#Cnry8`;

  it('is of a token endpoint no query', async () => {
    const reading = await readIn({}, { ...rightEnvironment(), EMAIL_OAUTH_TOKEN_ENDPOINT: url });
    const value = reading.values.find(({ key }) => key === 'smtp.oauth.tokenEndpoint');
    expect(value?.value).toBe(`${RIGHT.endpoint} (the rest is not shown)`);
    expect(JSON.stringify(reading.values)).not.toContain('Cnry8');
    // What is in effect, and what is converted, is whole.
    expect(reading.settings?.upstreams['default']?.oauth?.tokenEndpoint).toBe(url);
    const converted = convertSettings(reading, 'json');
    expect(converted.ok && converted.value).toContain(url);
  });

  it('is no user information: it is refused and told as not understood', async () => {
    const endpoint = RIGHT.endpoint.replace('https://', 'https://user:Cnry8@');
    const reading = await readIn({}, { ...rightEnvironment(), EMAIL_OAUTH_TOKEN_ENDPOINT: endpoint });
    expect(codesOf(reading)).toEqual(['CONFIG_VALUE_INVALID']);
    expect(JSON.stringify(reading)).not.toContain('Cnry8');
    expect(reading.values.find(({ key }) => key === 'smtp.oauth.tokenEndpoint')).toMatchObject({
      value: 'not understood',
      source: 'environment EMAIL_OAUTH_TOKEN_ENDPOINT',
    });
  });
});
