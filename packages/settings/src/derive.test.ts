import { describe, expect, it } from 'vitest';
import { settingsFromObject } from './index.ts';
import { readObject, RIGHT, rightSmtp, settingsOf } from './testing/worlds.ts';

describe('what is derived', () => {
  it.each([
    [
      'global',
      'contoso.com',
      'https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token',
      'smtp.office365.com',
      RIGHT.scope,
    ],
    [
      'gcc-high',
      'contoso.us',
      'https://login.microsoftonline.us/contoso.us/oauth2/v2.0/token',
      'smtp.office365.us',
      'https://outlook.office365.us/.default',
    ],
    [
      'china',
      'contoso.cn',
      'https://login.partner.microsoftonline.cn/contoso.cn/oauth2/v2.0/token',
      'smtp.partner.outlook.cn',
      'https://partner.outlook.cn/.default',
    ],
  ])(
    'from the cloud %s and the tenant %s: endpoint, server and scope',
    async (cloud, tenant, endpoint, server, scope) => {
      const { clientId, clientSecret, mailbox: username } = RIGHT;
      const reading = await readObject({
        smtp: { username, oauth: { enabled: true, tenant, cloud, clientId, clientSecret } },
      });
      const upstream = settingsOf(reading).upstreams['default'];
      expect(upstream?.oauth).toMatchObject({ tokenEndpoint: endpoint, scope, tenant });
      expect(upstream?.server).toBe(server);
      expect(upstream?.fromAddress).toBe(username);
    },
  );

  it('is the global cloud where only a tenant is named, and the cloud of the server where that tells it', async () => {
    const { clientId, clientSecret, mailbox: username } = RIGHT;
    const oauth = { enabled: true, tenant: 'contoso.com', clientId, clientSecret };
    expect(settingsOf(await readObject({ smtp: { username, oauth } })).upstreams['default']?.oauth?.cloud).toBe(
      'global',
    );
    const american = await readObject({ smtp: { username, server: 'smtp.office365.us', oauth } });
    expect(settingsOf(american).upstreams['default']?.oauth?.cloud).toBe('us-government');
  });

  it('is the way to prove the app from what is set for it', () => {
    const oauth: Record<string, unknown> = { ...rightSmtp().oauth };
    delete oauth['clientSecret'];
    const readWith = (extra: Record<string, unknown>): unknown => {
      const reading = settingsFromObject({ smtp: { ...rightSmtp(), oauth: { ...oauth, ...extra } } });
      return settingsOf(reading).upstreams['default']?.oauth?.clientAuthentication;
    };
    expect(readWith({ certificateFile: '/home/mail/cert.pem', privateKey: { file: '/home/mail/key.pem' } })).toEqual({
      method: 'private_key_jwt',
      certificateFile: '/home/mail/cert.pem',
      privateKey: { kind: 'file', path: '/home/mail/key.pem' },
    });
    expect(readWith({ federatedTokenFile: '/home/mail/token' })).toEqual({
      method: 'federated_token_file',
      path: '/home/mail/token',
    });
    expect(readWith({ clientAuthentication: 'managed_identity' })).toEqual({ method: 'managed_identity' });
    expect(readWith({ clientAuthentication: 'managed_identity', managedIdentityClientId: RIGHT.clientId })).toEqual({
      method: 'managed_identity',
      clientId: RIGHT.clientId,
    });
  });

  it('is nothing with a managed identity but cloud, server and scope', async () => {
    const smtp = { username: RIGHT.mailbox, oauth: { enabled: true, clientAuthentication: 'managed_identity' } };
    const upstream = settingsOf(await readObject({ smtp })).upstreams['default'];
    expect(upstream).toMatchObject({
      server: 'smtp.office365.com',
      oauth: { tokenEndpoint: '', clientId: '', scope: RIGHT.scope },
    });
  });

  it('leaves an emulator on this machine its scope, and asks another provider for one', async () => {
    const at = (tokenEndpoint: string): unknown => {
      const { scope: _, ...oauth } = rightSmtp().oauth;
      return { smtp: { ...rightSmtp(), server: 'localhost', port: 2525, oauth: { ...oauth, tokenEndpoint } } };
    };
    const emulator = await readObject(at('http://127.0.0.1:8025/contoso.example/oauth2/v2.0/token'));
    expect(settingsOf(emulator).upstreams['default']?.oauth).toMatchObject({
      scope: RIGHT.scope,
      tenant: 'contoso.example',
    });
    expect(settingsOf(emulator).upstreams['default']?.oauth?.cloud).toBeUndefined();
    const other = await readObject(at('https://auth.example.net/token'));
    expect(other.findings.map(({ fault }) => fault.message)).toEqual([
      'smtp.oauth.scope is missing: the provider of the token endpoint names the scope that SMTP needs.',
    ]);
  });

  it('is the security of the connection from port and enableSsl', async () => {
    const plain = { server: 'mail.example.net' };
    const securityWith = async (extra: Record<string, unknown>): Promise<string | undefined> =>
      settingsOf(await readObject({ smtp: { ...plain, ...extra } })).upstreams['default']?.security;
    expect(await securityWith({})).toBe('starttls');
    expect(await securityWith({ port: 2525 })).toBe('starttls');
    expect(await securityWith({ port: 465 })).toBe('tls');
    expect(await securityWith({ enableSsl: false })).toBe('none');
  });
});
