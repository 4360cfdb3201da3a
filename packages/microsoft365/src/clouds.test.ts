import { describe, expect, it } from 'vitest';
import {
  CLOUD_NAMES,
  cloudOfLoginHost,
  cloudOfScope,
  cloudOfSmtpHost,
  CLOUDS,
  kindOfTenant,
  parseCloudName,
  parseTokenEndpoint,
  tokenEndpointOf,
} from './clouds.ts';

const TENANT = '2c1f3a9e-5f0b-4a63-9d0e-7b1c9a1f2e4d';

describe('the names of clouds', () => {
  it.each([
    ['global', 'global'],
    [' Global ', 'global'],
    ['GCC', 'global'],
    ['AzureCloud', 'global'],
    ['us-government', 'us-government'],
    ['GCC-High', 'us-government'],
    ['AzureUSGovernment', 'us-government'],
    ['21Vianet', 'china'],
    ['AzureChinaCloud', 'china'],
    ['germany', undefined],
    ['dod', undefined],
    ['__proto__', undefined],
    ['', undefined],
  ])('reads "%s" as %s', (text, cloud) => {
    expect(parseCloudName(text)).toBe(cloud);
  });

  it('gives no name and no host to two clouds', () => {
    const clouds = CLOUD_NAMES.map((name) => CLOUDS[name]);
    const names = clouds.flatMap((cloud) => [cloud.name, ...cloud.aliases]);
    const hosts = clouds.flatMap((cloud) =>
      [cloud.loginHost.value, cloud.smtpHost.value].concat(cloud.formerLoginHosts),
    );
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(hosts).size).toBe(hosts.length);
  });

  it('finds each cloud by its hosts and its scope, whatever their case', () => {
    for (const name of CLOUD_NAMES) {
      expect(cloudOfLoginHost(CLOUDS[name].loginHost.value.toUpperCase())).toBe(name);
      expect(cloudOfSmtpHost(CLOUDS[name].smtpHost.value.toUpperCase())).toBe(name);
      expect(cloudOfScope(CLOUDS[name].scope.value)).toBe(name);
    }
    expect(cloudOfLoginHost('sts.windows.net')).toBe('global');
    expect(cloudOfSmtpHost('smtp.example.com')).toBeUndefined();
  });

  it('marks what Microsoft states and what is only seen', () => {
    expect(CLOUDS.global.scope.isVerified).toBe(true);
    expect(CLOUDS['us-government'].loginHost.isVerified).toBe(true);
    expect(CLOUDS['us-government'].smtpHost.isVerified).toBe(false);
    expect(CLOUDS.china.scope.isVerified).toBe(false);
  });
});

describe('the token endpoint', () => {
  it('is made from tenant and cloud and read back', () => {
    for (const cloud of CLOUD_NAMES) {
      expect(parseTokenEndpoint(tokenEndpointOf({ tenant: TENANT, cloud }))).toEqual({
        host: CLOUDS[cloud].loginHost.value,
        isHttps: true,
        isLoopback: false,
        cloud,
        tenant: TENANT,
        tenantKind: 'id',
        version: 'v2',
      });
    }
  });

  it('cannot be led to another host by a tenant', () => {
    for (const tenant of ['../evil', '@evil.example', 'a/b?c#d', '\\evil', 'x\r\ny', '\ud800']) {
      const url = new URL(tokenEndpointOf({ tenant }));
      expect(url.host).toBe('login.microsoftonline.com');
      expect(url.pathname.split('/')).toHaveLength(5);
      expect(url.search + url.hash).toBe('');
    }
  });

  it.each([
    [TENANT, 'id'],
    ['contoso.com', 'domain'],
    ['contoso.onmicrosoft.com', 'domain'],
    ['common', 'shared'],
    ['Organizations', 'shared'],
    ['consumers', 'shared'],
    ['{tenant-id}', 'placeholder'],
    ['<tenant>', 'placeholder'],
    ['your-tenant-id', 'placeholder'],
    ['tenant', 'placeholder'],
    ['xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx', 'placeholder'],
    ['contoso', 'other'],
    ['', 'other'],
    ['-contoso.com', 'other'],
  ])('takes the tenant "%s" for %s', (tenant, kind) => {
    expect(kindOfTenant(tenant)).toBe(kind);
  });

  it('reads endpoints of other providers and of an emulator without guessing a cloud', () => {
    expect(parseTokenEndpoint('https://oauth2.googleapis.com/token')).toEqual({
      host: 'oauth2.googleapis.com',
      isHttps: true,
      isLoopback: false,
    });
    expect(parseTokenEndpoint('http://127.0.0.1:8025/contoso.example/oauth2/v2.0/token')).toMatchObject({
      isHttps: false,
      isLoopback: true,
      tenant: 'contoso.example',
    });
    expect(parseTokenEndpoint('http://[::1]:1/t/oauth2/token')).toMatchObject({ isLoopback: true, version: 'v1' });
    expect(parseTokenEndpoint('https://127.0.0.1.evil.example/token')?.isLoopback).toBe(false);
    expect(parseTokenEndpoint('https://login.microsoftonline.com/%zz/oauth2/v2.0/token')?.tenant).toBe('%zz');
  });

  it.each(['', 'login.microsoftonline.com', 'ftp://login.microsoftonline.com/x/oauth2/v2.0/token', 'https://', '/a/b'])(
    'does not read "%s"',
    (url) => {
      expect(parseTokenEndpoint(url)).toBeUndefined();
    },
  );
});
