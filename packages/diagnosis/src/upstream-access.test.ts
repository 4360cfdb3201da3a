import { systemClock, type PostbearerEvent } from '@postbearer/core';
import type { HttpRequest } from '@postbearer/network';
import type { OAuthSettings } from '@postbearer/settings';
import { describe, expect, it } from 'vitest';
import { upstreamAccess, type UpstreamAccess, type UpstreamAccessOptions } from './index.ts';
import {
  CLIENT,
  CLIENT_SECRET,
  GOOD_CLAIMS,
  jsonReply,
  jwt,
  PASSWORD,
  PASSWORD_SIGN_IN,
  settingsFor,
  TENANT,
  tokenEndpoint,
  tokenReply,
} from './testing/small-world.ts';

const NOWHERE = { port: 587, caFile: '' };
const TOKEN = jwt(GOOD_CLAIMS);

function open(changes: Parameters<typeof settingsFor>[1], options: UpstreamAccessOptions = {}): UpstreamAccess {
  const { caFile: _, ...upstream } = settingsFor(NOWHERE, changes).upstreams['default'] ?? { caFile: '' };
  const settings = { ...settingsFor(NOWHERE), upstreams: { default: upstream } } as ReturnType<typeof settingsFor>;
  const access = upstreamAccess(settings, 'default', { environment: {}, ...options });
  if (!access.ok) throw new Error(access.fault.message);
  return access.value;
}

describe('signing in with OAuth', () => {
  it('gives the token for the mailbox, from the cache the second time, and says so', async () => {
    const requests: HttpRequest[] = [];
    const events: PostbearerEvent[] = [];
    const http = tokenEndpoint((request) => {
      requests.push(request);
      return tokenReply(TOKEN);
    });
    const access = open({}, { http, onEvent: (event) => events.push(event) });
    const first = await access.credentials?.({ fresh: false });
    const second = await access.credentials?.({ fresh: false });
    expect(first).toMatchObject({
      ok: true,
      value: { kind: 'bearer', username: 'notifications@contoso.com', fromCache: false },
    });
    expect(second).toMatchObject({ ok: true, value: { fromCache: true } });
    expect(requests).toHaveLength(1);
    expect(requests[0]?.url).toBe(`https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`);
    expect(events.map(({ name }) => name)).toEqual(['token.acquired']);
    access.close();
  });

  it('asks anew for a token that was refused', async () => {
    let count = 0;
    const http = tokenEndpoint(() => tokenReply(jwt({ ...GOOD_CLAIMS, uti: String((count += 1)) })));
    const access = open({}, { http });
    await access.credentials?.({ fresh: false });
    expect(await access.credentials?.({ fresh: true })).toMatchObject({ ok: true, value: { fromCache: false } });
    expect(count).toBe(2);
    access.close();
  });

  it('knows the claims of the last token, for explaining what comes after', async () => {
    const access = open({}, { http: tokenEndpoint(() => tokenReply(TOKEN)) });
    expect(access.context().claims).toBeUndefined();
    await access.credentials?.({ fresh: false });
    expect(access.context()).toMatchObject({
      tenant: TENANT,
      cloud: 'global',
      clientId: CLIENT,
      mailbox: 'notifications@contoso.com',
      server: '127.0.0.1',
      claims: { roles: ['SMTP.SendAsApp'] },
    });
    access.close();
  });

  it('tells every secret before it is used, so that it can be blanked', async () => {
    const told: [string, string][] = [];
    const onSecret = (name: string, secret: string): void => void told.push([name, secret]);
    const access = open({}, { http: tokenEndpoint(() => tokenReply(TOKEN)), onSecret });
    await access.credentials?.({ fresh: false });
    expect(told).toEqual([
      ['client secret', CLIENT_SECRET],
      ['token', TOKEN],
    ]);
    access.close();
  });

  it('tells a failure as an event, and gives it back', async () => {
    const events: PostbearerEvent[] = [];
    const http = tokenEndpoint(() => jsonReply(401, { error: 'invalid_client' }));
    const access = open({}, { http, onEvent: (event) => events.push(event) });
    const given = await access.credentials?.({ fresh: false });
    expect(given).toMatchObject({ ok: false, fault: { code: 'OAUTH_CLIENT_REFUSED' } });
    expect(events).toMatchObject([{ name: 'token.failed', clientId: CLIENT, fault: { code: 'OAUTH_CLIENT_REFUSED' } }]);
    access.close();
  });

  it('tells of a renewal that failed early, while the old token still serves', async () => {
    let elapsedMs = 0;
    const clock = { ...systemClock, now: () => Date.now() + elapsedMs, monotonicMs: () => elapsedMs };
    const replies = [tokenReply(TOKEN), jsonReply(401, { error: 'invalid_client' })];
    const failed = Promise.withResolvers<PostbearerEvent>();
    const http = tokenEndpoint(() => replies.shift() ?? jsonReply(500, {}));
    const access = open(
      {},
      { http, clock, onEvent: (event) => event.name === 'token.failed' && failed.resolve(event) },
    );
    await access.credentials?.({ fresh: false });
    elapsedMs = 50 * 60_000;
    expect(await access.credentials?.({ fresh: false })).toMatchObject({ ok: true, value: { fromCache: true } });
    expect(await failed.promise).toMatchObject({ fault: { code: 'OAUTH_CLIENT_REFUSED' } });
    access.close();
  });

  it('signs in as another mailbox where it is told to', async () => {
    const access = open({}, { http: tokenEndpoint(() => tokenReply(TOKEN)), mailbox: 'reports@contoso.com' });
    expect(await access.credentials?.({ fresh: false })).toMatchObject({ value: { username: 'reports@contoso.com' } });
    expect(access.context().mailbox).toBe('reports@contoso.com');
    access.close();
  });

  it.each<[string, OAuthSettings['clientAuthentication'], string]>([
    [
      'a federated token',
      { method: 'federated_token_file', path: '/var/run/token' },
      'client_assertion=assertion-from-file',
    ],
    [
      'a secret in a file',
      { method: 'client_secret_post', secret: { kind: 'file', path: '/run/secret' } },
      'client_secret=assertion-from-file',
    ],
  ])('reads %s anew for each request', async (_, clientAuthentication, expected) => {
    const bodies: string[] = [];
    const http = tokenEndpoint((request) => {
      bodies.push(String(request.body));
      return tokenReply(TOKEN);
    });
    const oauth = { ...settingsFor(NOWHERE).upstreams['default']?.oauth, clientAuthentication } as OAuthSettings;
    const access = open({ oauth }, { http, readFile: async () => Buffer.from('assertion-from-file\n') });
    await access.credentials?.({ fresh: false });
    expect(bodies[0]).toContain(expected);
    access.close();
  });
});

describe('signing in otherwise', () => {
  it('gives the password, and never a token', async () => {
    const access = open(PASSWORD_SIGN_IN);
    const given = await access.credentials?.({ fresh: false });
    expect(given?.ok === true && given.value.kind === 'password' && given.value.password.reveal()).toBe(PASSWORD);
    expect(access.tokenRequest).toBeUndefined();
  });

  it('gives it with its own user name, whatever mailbox the mail is from', async () => {
    const access = open({ ...PASSWORD_SIGN_IN, username: 'apikey' }, { mailbox: 'reports@contoso.com' });
    expect(await access.credentials?.({ fresh: false })).toMatchObject({ value: { username: 'apikey' } });
    access.close();
  });

  it('gives the fault of a password that is not there', async () => {
    const { password: _, ...withoutPassword } = PASSWORD_SIGN_IN;
    const access = open(withoutPassword);
    expect(await access.credentials?.({ fresh: false })).toMatchObject({ ok: false, fault: { code: 'SECRET_EMPTY' } });
  });

  it('has no credentials for a server that takes mail without a sign-in', () => {
    expect(open({ authentication: 'none' }).credentials).toBeUndefined();
  });

  it('does not fall back to the password that stands beside OAuth', async () => {
    const http = tokenEndpoint(() => jsonReply(500, {}));
    const { password } = PASSWORD_SIGN_IN;
    const access = open({ password }, { http });
    expect((await access.credentials?.({ fresh: false }))?.ok).toBe(false);
    access.close();
  });
});
