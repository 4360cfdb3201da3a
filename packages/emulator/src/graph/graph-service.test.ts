import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startEmulator, type Emulator } from '../index.ts';
import { ask, type TestAnswer } from '../testing/https-client.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { GRAPH_ROUTES } from './graph-service.ts';

const EXCHANGE = '00000002-0000-0ff1-ce00-000000000000';
const EMPTY_TENANT = {
  tenants: [{ domains: ['contoso.example'], apps: [], mailboxes: [{ address: 'notifications@contoso.example' }] }],
};

let emulator: Emulator;

beforeEach(async () => {
  emulator = await startEmulator({ state: EMPTY_TENANT });
});

afterEach(async () => {
  await emulator.close();
});

async function graph(
  method: string,
  path: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
  token = emulator.administratorToken().reveal(),
): Promise<TestAnswer> {
  return await ask(emulator, {
    method,
    path: `/v1.0${path}`,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

function errorOf({ status, json }: TestAnswer): string {
  const { code, message } = json['error'] as { code: string; message: string };
  return `${status} ${code}: ${message}`;
}

async function madeApp(displayName = 'Sample'): Promise<{ id: string; appId: string }> {
  const { json } = await graph('POST', '/applications', { displayName });
  return { id: String(json['id']), appId: String(json['appId']) };
}

describe('the Graph of the emulator', () => {
  it('makes an application by its unique name once, and finds it again', async () => {
    const body = { displayName: 'Sample', signInAudience: 'AzureADMyOrg' };
    const upsert = () => graph('PATCH', "/applications(uniqueName='sample')", body, { prefer: 'create-if-missing' });
    expect((await upsert()).status).toBe(201);
    expect((await upsert()).status).toBe(204);
    const { json } = await graph('GET', "/applications(uniqueName='sample')");
    expect(json).toMatchObject({ displayName: 'Sample', uniqueName: 'sample' });
    expect(emulator.state.snapshot().tenants[0]?.apps).toHaveLength(1);
  });

  it('needs the header for that', async () => {
    expect(errorOf(await graph('PATCH', "/applications(uniqueName='sample')", { displayName: 'Sample' }))).toMatch(
      /^404 Request_ResourceNotFound/,
    );
  });

  it('offers the roles of Exchange Online, and says so where there is none', async () => {
    const { json } = await graph('GET', `/servicePrincipals(appId='${EXCHANGE}')?$select=id,appRoles`);
    expect(Object.keys(json).toSorted()).toEqual(['@odata.context', 'appRoles', 'id']);
    expect(json['appRoles']).toContainEqual(expect.objectContaining({ value: 'SMTP.SendAsApp', isEnabled: true }));
    await emulator.close();
    emulator = await startEmulator({ state: { tenants: [{ domains: ['contoso.example'], apps: [], mailboxes: [] }] } });
    expect((await graph('GET', `/servicePrincipals(appId='${EXCHANGE}')`)).status).toBe(404);
  });

  it('gives a secret once, and no more than two', async () => {
    const { id } = await madeApp();
    const first = await graph('POST', `/applications/${id}/addPassword`, {
      passwordCredential: { displayName: 'one' },
    });
    expect(first.json).toMatchObject({ displayName: 'one', hint: String(first.json['secretText']).slice(0, 3) });
    expect((await graph('POST', `/applications/${id}/addPassword`, {})).status).toBe(200);
    expect(errorOf(await graph('POST', `/applications/${id}/addPassword`, {}))).toMatch(/^400 TooManyAppPasswords/);
    const shown = await graph('GET', `/applications/${id}`);
    expect(JSON.stringify(shown.json)).not.toContain(String(first.json['secretText']));
    expect((await graph('POST', `/applications/${id}/removePassword`, { keyId: first.json['keyId'] })).status).toBe(
      204,
    );
    expect((await graph('GET', `/applications/${id}`)).json['passwordCredentials']).toHaveLength(1);
  });

  it('does what the policy of the tenant says of secrets', async () => {
    const { id } = await madeApp();
    emulator.state.setPolicies('contoso.example', { secretPolicy: 'forbidden' });
    expect(errorOf(await graph('POST', `/applications/${id}/addPassword`, {}))).toMatch(
      /^403 CredentialTypeNotAllowedAsPerAppPolicy/,
    );
    emulator.state.setPolicies('contoso.example', { secretPolicy: 'half-a-year' });
    expect(errorOf(await graph('POST', `/applications/${id}/addPassword`, {}))).toMatch(
      /^403 CredentialInvalidLifetimeAsPerAppPolicy/,
    );
    const endDateTime = new Date(Date.now() + 30 * 24 * 3_600_000).toISOString();
    expect(
      (await graph('POST', `/applications/${id}/addPassword`, { passwordCredential: { endDateTime } })).status,
    ).toBe(200);
  });

  it.each([
    ['an unknown path', 'GET', '/users', undefined, "400 BadRequest: Resource not found for the segment 'users'."],
    [
      'a wrong method',
      'DELETE',
      '/applications',
      undefined,
      '405 Request_BadRequest: Specified HTTP method is not allowed for the request target.',
    ],
    [
      'a misspelt property',
      'POST',
      '/applications',
      { displayNam: 'x' },
      "400 Request_BadRequest: Property 'displayNam' does not exist as a declared property or extension property.",
    ],
    [
      'a value of the wrong kind',
      'POST',
      '/applications',
      { displayName: 1 },
      "400 Request_BadRequest: Invalid value specified for property 'displayName' of resource 'Application'.",
    ],
    [
      'a permission whose id is no GUID',
      'POST',
      '/applications',
      {
        displayName: 'x',
        requiredResourceAccess: [{ resourceAppId: EXCHANGE, resourceAccess: [{ id: 'x', type: 'Role' }] }],
      },
      "400 Request_BadRequest: Invalid value specified for property 'id' of resource 'resourceAccess'.",
    ],
    [
      'an application that is not there',
      'GET',
      '/applications/00000000-0000-0000-0000-000000000000',
      undefined,
      "404 Request_ResourceNotFound: Resource '00000000-0000-0000-0000-000000000000' does not exist or one of its queried reference-property objects are not present.",
    ],
  ])('refuses %s', async (_, method, path, body, expected) => {
    expect(errorOf(await graph(method, path, body))).toBe(expected);
  });

  it('refuses a secret that is not wrapped, and one whose end is no moment', async () => {
    const { id } = await madeApp();
    expect(errorOf(await graph('POST', `/applications/${id}/addPassword`, { displayName: 'x' }))).toMatch(
      /^400 Request_BadRequest/,
    );
    expect(
      errorOf(
        await graph('POST', `/applications/${id}/addPassword`, { passwordCredential: { endDateTime: '2027-01-01' } }),
      ),
    ).toMatch(/^400/);
  });

  it('lets nobody in without a token for it, and nobody do what was not granted', async () => {
    expect(errorOf(await graph('GET', '/applications', undefined, {}, 'x.y.z'))).toMatch(
      /^401 InvalidAuthenticationToken/,
    );
    const reader = emulator.administratorToken({ permissions: ['Application.Read.All'] }).reveal();
    expect((await graph('GET', '/applications', undefined, {}, reader)).status).toBe(200);
    expect(errorOf(await graph('POST', '/applications', { displayName: 'x' }, {}, reader))).toMatch(
      /^403 Authorization_RequestDenied: Insufficient privileges/,
    );
  });

  it('grants a permission once: this is the consent', async () => {
    const { appId } = await madeApp();
    const principal = await graph('POST', '/servicePrincipals', { appId });
    const exchange = await graph('GET', `/servicePrincipals(appId='${EXCHANGE}')`);
    const roles = exchange.json['appRoles'] as readonly { id: string; value: string }[];
    const assignment = {
      principalId: principal.json['id'],
      resourceId: exchange.json['id'],
      appRoleId: roles.find(({ value }) => value === 'SMTP.SendAsApp')?.id,
    };
    const grant = () =>
      graph('POST', `/servicePrincipals/${String(exchange.json['id'])}/appRoleAssignedTo`, assignment);
    expect((await grant()).status).toBe(201);
    expect(errorOf(await grant())).toMatch(/^400 .*already exists/);
    expect(emulator.state.snapshot().tenants[0]?.apps[0]?.consent).toEqual(['SMTP.SendAsApp']);
  });

  it('does not know at once what was made a moment ago, where it is told so', async () => {
    await emulator.close();
    const clock = new ManualClock(Date.now());
    emulator = await startEmulator({ state: EMPTY_TENANT, clock, graphPropagationMs: 5000 });
    const { id, appId } = await madeApp();
    expect((await graph('GET', `/applications/${id}`)).status).toBe(404);
    expect(errorOf(await graph('POST', '/servicePrincipals', { appId }))).toMatch(/^400 NoBackingApplicationObject/);
    clock.advance(5000);
    expect((await graph('GET', `/applications/${id}`)).status).toBe(200);
    expect((await graph('POST', '/servicePrincipals', { appId })).status).toBe(201);
  });

  it('fails on demand', async () => {
    emulator.faults.add({
      stage: 'graph',
      action: { kind: 'http', status: 429, headers: { 'Retry-After': '3' } },
      times: 1,
    });
    expect(await graph('GET', '/applications')).toMatchObject({ status: 429, headers: { 'retry-after': '3' } });
    expect((await graph('GET', '/applications')).status).toBe(200);
  });
});

const description = join(import.meta.dirname, '../../../../../shared/graph/openapi-applications.yaml');

describe.skipIf(!existsSync(description))("Microsoft's description of Graph", () => {
  /** Paths with their methods, read from the lines of the file. */
  function described(): readonly { path: string; methods: readonly string[] }[] {
    const paths: { path: string; methods: string[] }[] = [];
    for (const line of readFileSync(description, 'utf8').split('\n')) {
      const path = /^ {2}(\/\S+):$/.exec(line)?.[1];
      const method = /^ {4}(get|post|patch|put|delete):$/.exec(line)?.[1];
      if (path !== undefined) paths.push({ path, methods: [] });
      else if (method !== undefined) paths.at(-1)?.methods.push(method.toUpperCase());
    }
    return paths;
  }

  it('is served path by path, but for making and changing delegated grants', () => {
    const sample = (path: string): string => path.replaceAll(/\{[^}]+\}/g, 'a1');
    const missing = described().flatMap(({ path, methods }) => {
      const served = new Set(
        GRAPH_ROUTES.filter((route) => route.path.test(sample(path))).flatMap((route) => route.methods),
      );
      return methods.filter((method) => !served.has(method)).map((method) => `${method} ${path}`);
    });
    expect(missing).toEqual([
      'POST /oauth2PermissionGrants',
      'GET /oauth2PermissionGrants/{oAuth2PermissionGrant-id}',
      'PATCH /oauth2PermissionGrants/{oAuth2PermissionGrant-id}',
      'DELETE /oauth2PermissionGrants/{oAuth2PermissionGrant-id}',
    ]);
  });
});
