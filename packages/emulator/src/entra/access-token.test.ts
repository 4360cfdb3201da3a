/** Access tokens: their claims, life and signature. */
import { createPublicKey, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmulator, type Emulator } from '../index.ts';
import { accessToken, ask, askToken } from '../testing/https-client.ts';
import { ManualClock } from '../testing/manual-clock.ts';

const NOW = Date.UTC(2026, 10, 24, 9, 30);

function read(text: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
}

function parts(token: string): { readonly header: Record<string, unknown>; readonly claims: Record<string, unknown> } {
  const [header = '', claims = ''] = token.split('.');
  return { header: read(header), claims: read(claims) };
}

let emulator: Emulator;
let random = 0.5;
beforeAll(async () => {
  emulator = await startEmulator({ clock: new ManualClock(NOW), random: () => random });
});
afterAll(() => emulator.close());

describe('an access token for Exchange Online', () => {
  it('has the claims of a v1.0 app-only token', async () => {
    const { tenantId, clientId } = emulator.defaults;
    const { header, claims } = parts(await accessToken(emulator));
    expect(header).toMatchObject({ typ: 'JWT', alg: 'RS256', kid: expect.any(String) });
    expect(claims).toMatchObject({
      aud: 'https://outlook.office365.com',
      iss: `https://sts.windows.net/${tenantId}/`,
      idp: `https://sts.windows.net/${tenantId}/`,
      appid: clientId,
      appidacr: '1',
      idtyp: 'app',
      roles: ['SMTP.SendAsApp'],
      tid: tenantId,
      ver: '1.0',
    });
    expect(claims['oid']).toBe(claims['sub']);
    expect(claims).not.toHaveProperty('scp');
    for (const name of ['aio', 'iat', 'nbf', 'exp', 'rh', 'uti']) expect(claims).toHaveProperty(name);
  });

  it('is as long as real ones, 1500 to 2000 characters, so that it does not fit a line of 512 bytes', async () => {
    const { length } = await accessToken(emulator);
    expect(length).toBeGreaterThan(1500);
    expect(length).toBeLessThan(2000);
  });

  it.each([
    [0, 3600],
    [0.999_999, 5400],
  ])('lives 60 to 90 minutes by the given random (%d gives %d seconds)', async (value, seconds) => {
    random = value;
    const { json } = await askToken(emulator);
    const { claims } = parts(String(json['access_token']));
    expect(json).toMatchObject({ expires_in: seconds - 1, ext_expires_in: seconds - 1 });
    expect(claims).toMatchObject({ exp: NOW / 1000 + seconds, nbf: NOW / 1000 - 300, iat: NOW / 1000 - 300 });
  });

  it('lives as long as the emulator was told', async () => {
    const own = await startEmulator({ tokenLifetimeSeconds: 120 });
    expect((await askToken(own)).json['expires_in']).toBe(119);
    await own.close();
  });

  it('has no roles without consent and is issued all the same; with several there are all', async () => {
    const own = await startEmulator();
    const { clientId } = own.defaults;
    own.state.revokeConsent(clientId);
    expect(parts(await accessToken(own)).claims).not.toHaveProperty('roles');
    own.state.grantConsent(clientId);
    own.state.grantConsent(clientId, 'IMAP.AccessAsApp');
    expect(parts(await accessToken(own)).claims['roles']).toEqual(['SMTP.SendAsApp', 'IMAP.AccessAsApp']);
    await own.close();
  });

  it('carries no Exchange role when it is for another resource', async () => {
    const { claims } = parts(await accessToken(emulator, { scope: 'https://graph.microsoft.com/.default' }));
    expect(claims).toMatchObject({ aud: 'https://graph.microsoft.com' });
    expect(claims).not.toHaveProperty('roles');
  });

  it('is signed by the key that the key document of its tenant shows', async () => {
    const { tenantId } = emulator.defaults;
    const discovery = await ask(emulator, { path: `/${tenantId}/v2.0/.well-known/openid-configuration` });
    expect(discovery.json).toMatchObject({ token_endpoint: emulator.tokenEndpoint() });
    const { json } = await ask(emulator, { path: new URL(String(discovery.json['jwks_uri'])).pathname });
    const [jwk] = json['keys'] as [Record<string, string>];
    const token = await accessToken(emulator);
    const [head = '', body = '', signature = ''] = token.split('.');
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const holds = (text: string): boolean =>
      verify('RSA-SHA256', Buffer.from(text), key, Buffer.from(signature, 'base64url'));
    expect(parts(token).header['kid']).toBe(jwk['kid']);
    expect(holds(`${head}.${body}`)).toBe(true);
    expect(holds(`${head}.${body}x`)).toBe(false);
  });
});
