/** The token endpoint's refusals, each from the condition that really causes it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmulator, type Emulator } from '../index.ts';
import { ask, askToken, type TokenFields } from '../testing/https-client.ts';

const OTHER_GUID = '6f1b6f6e-6d0f-4d3b-9d3b-0f6f6c6f6e61';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator({
    state: {
      tenants: [
        {
          domains: ['contoso.example'],
          apps: [{ displayName: 'Notifier', mailboxPermissions: ['notifications@contoso.example'] }],
          mailboxes: [{ address: 'notifications@contoso.example' }],
        },
        { id: OTHER_GUID, domains: ['fabrikam.example'], apps: [], mailboxes: [] },
      ],
    },
  });
});
afterAll(() => emulator.close());

interface Case {
  readonly condition: string;
  readonly code: number;
  readonly error: string;
  readonly status: number;
  readonly says: string;
  readonly fields?: TokenFields;
  readonly tenant?: string;
}

const CASES: readonly Case[] = [
  {
    condition: 'a tenant that does not exist',
    tenant: '6f1b6f6e-6d0f-4d3b-9d3b-0f6f6c6f6e62',
    code: 90002,
    error: 'invalid_request',
    status: 400,
    says: "Tenant '6f1b6f6e-6d0f-4d3b-9d3b-0f6f6c6f6e62' not found",
  },
  {
    condition: 'a domain that no tenant has',
    tenant: 'unknown.example',
    code: 90002,
    error: 'invalid_request',
    status: 400,
    says: "Tenant 'unknown.example' not found",
  },
  {
    condition: 'the empty GUID as tenant',
    tenant: '00000000-0000-0000-0000-000000000000',
    code: 90002,
    error: 'invalid_request',
    status: 400,
    says: 'not found',
  },
  {
    condition: 'a placeholder as tenant',
    tenant: '%7Btenant-id%7D',
    code: 900023,
    error: 'invalid_request',
    status: 400,
    says: "Specified tenant identifier '{tenant-id}' is neither a valid DNS name",
  },
  {
    condition: 'the endpoint of all tenants',
    tenant: 'common',
    code: 9001023,
    error: 'invalid_request',
    status: 400,
    says: 'not supported over the /common or /consumers endpoints',
  },
  {
    condition: 'the endpoint of all organizations',
    tenant: 'organizations',
    code: 50194,
    error: 'invalid_request',
    status: 400,
    says: 'is not configured as a multi-tenant application',
  },
  {
    condition: 'an app that is not registered',
    fields: { client_id: OTHER_GUID },
    code: 700016,
    error: 'unauthorized_client',
    status: 400,
    says: `Application with identifier '${OTHER_GUID}' was not found in the directory`,
  },
  {
    condition: 'an app of another tenant',
    tenant: 'fabrikam.example',
    code: 700016,
    error: 'unauthorized_client',
    status: 400,
    says: `was not found in the directory '${OTHER_GUID}'`,
  },
  {
    condition: 'a placeholder as client ID',
    fields: { client_id: 'your-application-client-id' },
    code: 700016,
    error: 'unauthorized_client',
    status: 400,
    says: "'your-application-client-id' was not found",
  },
  {
    condition: 'the empty GUID as client ID',
    fields: { client_id: '00000000-0000-0000-0000-000000000000' },
    code: 700038,
    error: 'unauthorized_client',
    status: 400,
    says: 'is not a valid application identifier',
  },
  {
    condition: 'a wrong secret',
    fields: { client_secret: 'wrong' },
    code: 7000215,
    error: 'invalid_client',
    status: 401,
    says: 'Invalid client secret provided',
  },
  {
    condition: 'no secret and no assertion',
    fields: { client_secret: undefined },
    code: 7000216,
    error: 'invalid_client',
    status: 401,
    says: "'client_assertion', 'client_secret' or 'request' is required",
  },
  {
    condition: 'a scope that is not /.default',
    fields: { scope: 'https://outlook.office365.com/SMTP.Send' },
    code: 1002012,
    error: 'invalid_scope',
    status: 400,
    says: 'must have a scope value with /.default suffixed',
  },
  {
    condition: 'a scope with characters that no scope has',
    fields: { scope: 'https://outlook.office365.com/.default"' },
    code: 70011,
    error: 'invalid_scope',
    status: 400,
    says: 'The scope format is invalid',
  },
  {
    condition: 'a scope of two resources',
    fields: { scope: 'https://outlook.office365.com/.default https://graph.microsoft.com/.default' },
    code: 700022,
    error: 'invalid_scope',
    status: 400,
    says: 'more than one resource',
  },
  {
    condition: 'a resource that the tenant does not have',
    fields: { scope: 'https://outlook.office365.us/.default' },
    code: 500011,
    error: 'invalid_resource',
    status: 400,
    says: 'The resource principal named https://outlook.office365.us was not found',
  },
  {
    condition: 'a missing scope',
    fields: { scope: undefined },
    code: 900144,
    error: 'invalid_request',
    status: 400,
    says: "parameter: 'scope'",
  },
  {
    condition: 'a missing client ID',
    fields: { client_id: undefined },
    code: 900144,
    error: 'invalid_request',
    status: 400,
    says: "parameter: 'client_id'",
  },
  {
    condition: 'a missing grant type',
    fields: { grant_type: undefined },
    code: 900144,
    error: 'invalid_request',
    status: 400,
    says: "parameter: 'grant_type'",
  },
  {
    condition: 'an unsupported grant type',
    fields: { grant_type: 'magic' },
    code: 70003,
    error: 'unsupported_grant_type',
    status: 400,
    says: "unsupported grant type 'magic'",
  },
];

describe('the token endpoint refuses', () => {
  it.each(CASES)('$condition with AADSTS$code', async (wanted) => {
    const options = wanted.tenant === undefined ? {} : { tenant: wanted.tenant };
    const answer = await askToken(emulator, wanted.fields ?? {}, options);
    expect(answer.status).toBe(wanted.status);
    expect(answer.json).toMatchObject({ error: wanted.error, error_codes: [wanted.code] });
    expect(answer.json['error_description']).toContain(`AADSTS${wanted.code}: `);
    expect(answer.json['error_description']).toContain(wanted.says);
    expect(answer.json).not.toHaveProperty('access_token');
  });

  it('a path without a tenant with AADSTS90002, as if the tenant were called token', async () => {
    for (const path of ['/oauth2/v2.0/token', '//oauth2/v2.0/token']) {
      const answer = await ask(emulator, {
        method: 'POST',
        path,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'grant_type=client_credentials&client_id=x&scope=y',
      });
      expect(answer.json['error_description']).toContain("AADSTS90002: Tenant 'token' not found");
    }
  });

  it('another method than POST with AADSTS900561', async () => {
    const answer = await ask(emulator, { path: `/${emulator.defaults.tenantId}/oauth2/v2.0/token` });
    expect(answer).toMatchObject({ status: 400, json: { error_codes: [900561] } });
    expect(answer.json['error_description']).toContain('only accepts POST requests. Received a GET request');
  });

  it('a JSON body as an empty form', async () => {
    const answer = await ask(emulator, {
      method: 'POST',
      path: `/${emulator.defaults.tenantId}/oauth2/v2.0/token`,
      headers: { 'content-type': 'application/json' },
      body: '{"grant_type":"client_credentials"}',
    });
    expect(answer.json).toMatchObject({ error: 'invalid_request', error_codes: [900144] });
  });
});

describe('the state of an app decides', () => {
  it('an expired secret is AADSTS7000222 and a new one works beside it', async () => {
    const own = await startEmulator();
    const { clientId } = own.defaults;
    own.state.expireSecret(clientId);
    const refused = await askToken(own);
    expect(refused).toMatchObject({ status: 401, json: { error: 'invalid_client', error_codes: [7000222] } });
    expect(refused.json['error_description']).toContain(`for app '${clientId}' are expired`);
    const secret = own.state.addSecret(clientId);
    expect((await askToken(own, { client_secret: secret.reveal() })).status).toBe(200);
    expect((await askToken(own)).status).toBe(200);
    await own.close();
  });

  it('a disabled app is AADSTS7000112', async () => {
    const own = await startEmulator();
    own.state.setAppDisabled(own.defaults.clientId, true);
    expect(await askToken(own)).toMatchObject({
      status: 400,
      json: { error: 'unauthorized_client', error_codes: [7000112] },
    });
    own.state.setAppDisabled(own.defaults.clientId, false);
    expect((await askToken(own)).status).toBe(200);
    await own.close();
  });

  it('an app without service principal is AADSTS7000229', async () => {
    const own = await startEmulator();
    own.state.removeServicePrincipal(own.defaults.clientId);
    expect(await askToken(own)).toMatchObject({
      status: 401,
      json: { error: 'invalid_client', error_codes: [7000229] },
    });
    await own.close();
  });

  it('a secret that starts later is wrong until then', async () => {
    const own = await startEmulator();
    const startsAt = new Date(Date.now() + 3_600_000).toISOString();
    const later = own.state.addSecret(own.defaults.clientId, { startsAt });
    expect((await askToken(own, { client_secret: later.reveal() })).json).toMatchObject({ error_codes: [7000215] });
    await own.close();
  });
});

describe('a granted request', () => {
  it('is answered the same for the id and for a domain of the tenant, with the secret in the body or in HTTP Basic', async () => {
    const { clientId, clientSecret } = emulator.settings().smtp.oauth;
    const basic = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64');
    const answers = [
      await askToken(emulator, {}, { tenant: 'Contoso.Example' }),
      await askToken(
        emulator,
        { client_id: undefined, client_secret: undefined },
        { headers: { authorization: `Basic ${basic}` } },
      ),
    ];
    for (const answer of answers) expect(answer).toMatchObject({ status: 200, json: { token_type: 'Bearer' } });
  });

  it('repeats the correlation id of the caller, in a refusal too', async () => {
    const headers = { 'client-request-id': OTHER_GUID };
    const refused = await askToken(emulator, { client_secret: 'wrong' }, { headers });
    expect(refused.json['correlation_id']).toBe(OTHER_GUID);
    expect(refused.headers['client-request-id']).toBe(OTHER_GUID);
    expect(refused.headers['cache-control']).toContain('no-store');
  });

  it('is counted, and no event holds the secret or the token', async () => {
    const events: unknown[] = [];
    const own = await startEmulator({ onEvent: (event) => events.push(event) });
    const granted = await askToken(own);
    await askToken(own, { client_secret: 'canary-of-a-wrong-secret' });
    expect(own.counters).toMatchObject({ tokenRequests: 2, tokensIssued: 1 });
    expect(events).toMatchObject([
      { name: 'emulator.token-answered', status: 200 },
      { name: 'emulator.token-answered', status: 401, aadsts: 7000215 },
    ]);
    const told = JSON.stringify(events);
    for (const canary of [
      own.settings().smtp.oauth.clientSecret,
      granted.json['access_token'],
      'canary-of-a-wrong-secret',
    ])
      expect(told).not.toContain(canary);
    await own.close();
  });
});
