/** Tokens from the platform of an Azure machine. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTokenSource, requestToken, type ClientAuthentication } from './index.ts';
import { granted, httpClient, json, requestTo, text, valueOf, World, type Answer } from './testing/world.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

const http = httpClient();
const ENDPOINT = 'https://login.microsoftonline.com/tenant/oauth2/v2.0/token';
const system: ClientAuthentication = { method: 'managed_identity' };
const user: ClientAuthentication = { method: 'managed_identity', clientId: 'one-of-several' };
const HEADER = 'canary-identity-header-7dQxZp';

async function metadata(
  answer: Answer,
  authentication = system,
): Promise<{ code: string; path: string; header: unknown }> {
  const endpoint = await world.endpoint(answer);
  const environment = { AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://127.0.0.1:${endpoint.port}/` };
  const result = await requestToken(requestTo(ENDPOINT, authentication), { http, environment });
  const [received] = endpoint.received;
  return {
    code: result.ok ? result.value.value.reveal() : result.fault.code,
    path: received?.path ?? '',
    header: received?.headers['metadata'],
  };
}

describe('the instance metadata service', () => {
  // As how-to-use-vm-token shows it: every number is text.
  const good = {
    access_token: 'vm-token',
    refresh_token: '',
    expires_in: '3599',
    expires_on: '1506484173',
    not_before: '1506480273',
    resource: 'https://outlook.office365.com',
    token_type: 'Bearer',
  };

  it('gives a token for the resource of the scope', async () => {
    const asked = await metadata(json(good));
    expect(asked).toEqual({
      code: 'vm-token',
      header: 'true',
      path: '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Foutlook.office365.com',
    });
    expect((await metadata(json(good), user)).path).toContain('&client_id=one-of-several');
  });

  it.each<readonly [string, Answer, string]>([
    [
      'no such identity',
      json({ error: 'invalid_request', error_description: 'Identity not found' }, 400),
      'OAUTH_MANAGED_IDENTITY_REFUSED',
    ],
    ['being updated', text('', 404), 'OAUTH_SERVER_UNAVAILABLE'],
    ['being updated for long', json({ error: 'gone' }, 410), 'OAUTH_SERVER_UNAVAILABLE'],
    ['too many requests', json({ error: 'slow' }, 429), 'OAUTH_THROTTLED'],
    ['a fault of its own', json({ error: 'unknown' }, 500), 'OAUTH_SERVER_UNAVAILABLE'],
    ['a redirect', text('', 302, { location: 'http://127.0.0.1:1/' }), 'OAUTH_REDIRECTED'],
    ['a web page', text('<html>'), 'OAUTH_REPLY_NOT_JSON'],
    ['no usable lifetime', json({ ...good, expires_in: '0' }), 'OAUTH_EXPIRY_INVALID'],
  ])('tells of %s', async (_what, answer, code) => expect((await metadata(answer)).code).toBe(code));

  it('is asked at 169.254.169.254, where nobody may answer', async () => {
    const asked: string[] = [];
    const elsewhere = createTokenSource({
      http: {
        request(outgoing) {
          asked.push(`${outgoing.allowLinkLocal} ${outgoing.url}`);
          return Promise.resolve(granted('vm-token'));
        },
      },
      environment: {},
    });
    expect(valueOf(await elsewhere.get(requestTo('x', system))).value.reveal()).toBe('vm-token');
    expect(asked[0]).toMatch(/^true http:\/\/169\.254\.169\.254\/metadata\/identity\/oauth2\/token\?/);
    const environment = { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:1' };
    const nobody = await requestToken(requestTo(ENDPOINT, system), { http, environment });
    expect(!nobody.ok && [nobody.fault.code, nobody.fault.reported]).toEqual([
      'OAUTH_MANAGED_IDENTITY_ABSENT',
      'NETWORK_CONNECTION_REFUSED',
    ]);
  });

  it('says of which identity it was asked a token when that fails', async () => {
    const environment = { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:1' };
    const during = async (authentication: ClientAuthentication): Promise<unknown> => {
      const result = await requestToken({ ...requestTo('x', authentication), clientId: '' }, { http, environment });
      return !result.ok && result.fault.during;
    };
    expect(await during(system)).toBe('getting a token from the managed identity of this machine');
    expect(await during(user)).toBe('getting a token from the managed identity one-of-several');
  });

  it('is not asked at another place in plain text', async () => {
    const environment = { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://identity.example.com' };
    const result = await requestToken(requestTo(ENDPOINT, system), { http, environment });
    expect(!result.ok && [result.fault.code, result.fault.reported]).toEqual([
      'OAUTH_MANAGED_IDENTITY_ABSENT',
      'NETWORK_URL_REFUSED',
    ]);
  });
});

describe('the identity service of App Service and Container Apps', () => {
  async function appService(
    answer: Answer,
    authentication = system,
  ): Promise<{ outcome: string; path: string; header: unknown; shown: string }> {
    const endpoint = await world.endpoint(answer);
    const environment = { IDENTITY_ENDPOINT: `http://127.0.0.1:${endpoint.port}/msi/token`, IDENTITY_HEADER: HEADER };
    const result = await requestToken(requestTo(ENDPOINT, authentication), { http, environment });
    const [received] = endpoint.received;
    const lifetime = result.ok ? Math.round((result.value.expiresAt - result.value.obtainedAt) / 1000) : 0;
    return {
      outcome: result.ok ? `${result.value.value.reveal()} for ${lifetime} s` : result.fault.code,
      path: received?.path ?? '',
      header: received?.headers['x-identity-header'],
      shown: JSON.stringify(result),
    };
  }

  const good = {
    access_token: 'app-token',
    resource: 'https://outlook.office365.com',
    token_type: 'Bearer',
    client_id: 'x',
  };

  it('gives a token with the moment of its end', async () => {
    const asked = await appService(json({ ...good, expires_on: String(Math.round(Date.now() / 1000) + 7200) }), user);
    expect(asked.outcome).toMatch(/^app-token for (?:7199|7200|7201) s$/);
    expect(asked.path).toBe(
      '/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Foutlook.office365.com&client_id=one-of-several',
    );
    expect(asked.header).toBe(HEADER);
  });

  it('that gives an end in the past or no number gives no token', async () => {
    expect((await appService(json({ ...good, expires_on: '1506484173' }))).outcome).toBe('OAUTH_TOKEN_EXPIRED');
    expect((await appService(json({ ...good, expires_on: 'tomorrow' }))).outcome).toBe('OAUTH_EXPIRY_INVALID');
    expect((await appService(json({ ...good, expires_on: '1'.repeat(12) }))).outcome).toBe('OAUTH_EXPIRY_INVALID');
  });

  it('keeps its own words in the evidence, and our header out of it', async () => {
    const answer: Answer = (response, { headers }) => {
      const message = `No identity for ${String(headers['x-identity-header'])}`;
      response.writeHead(400).end(JSON.stringify({ error: { code: 'InvalidIdentity', message } }));
    };
    const { outcome, shown } = await appService(answer);
    expect(outcome).toBe('OAUTH_MANAGED_IDENTITY_REFUSED');
    expect(shown).toContain('InvalidIdentity');
    expect(shown).toContain('No identity for [secret]');
    const plain = await appService(json({ statusCode: 400, message: 'No identity' }, 400));
    expect(plain.shown).toContain('No identity');
  });
});
