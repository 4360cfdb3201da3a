import { describe, expect, it } from 'vitest';
import { isExempt, proxyFor } from './proxy.ts';

describe('NO_PROXY', () => {
  it.each([
    ['*', 'login.example.com', 443],
    ['example.com', 'example.com', 443],
    ['example.com', 'login.example.com', 443],
    ['.example.com', 'login.example.com', 443],
    ['*.example.com', 'login.example.com', 443],
    ['EXAMPLE.com', 'login.Example.COM', 443],
    ['other.test, example.com', 'example.com', 443],
    ['other.test example.com', 'example.com', 443],
    ['example.com:443', 'example.com', 443],
    ['10.1.2.3', '10.1.2.3', 443],
    ['10.0.0.0/8', '10.1.2.3', 443],
    ['[fd00::1]:443', 'fd00::1', 443],
    ['fd00::1', 'fd00::1', 443],
    ['fd00::/8', 'fd00::1', 443],
  ])('%j exempts %s', (list, host, port) => expect(isExempt(host, port, list)).toBe(true));

  it.each([
    ['', 'example.com', 443],
    [',', 'example.com', 443],
    ['ample.com', 'example.com', 443],
    ['login.example.com', 'example.com', 443],
    ['example.com:8443', 'example.com', 443],
    ['example.com.evil.test', 'example.com', 443],
    ['10.0.0.0/8', '11.1.2.3', 443],
    ['10.0.0.0/33', '10.1.2.3', 443],
    ['10.0.0.0/', '10.1.2.3', 443],
    ['0.0.1', '10.0.0.1', 443],
    ['fd00::/8', '10.1.2.3', 443],
  ])('%j does not exempt %s', (list, host, port) => expect(isExempt(host, port, list)).toBe(false));
});

function proxyOf(environment: Readonly<Record<string, string>>, host = 'login.example.com'): unknown {
  const proxy = proxyFor(host, 443, environment);
  return proxy.ok ? proxy.value : proxy.fault.code;
}

describe('the proxy of a request', () => {
  it('is none unless one is set', () => {
    expect(proxyOf({})).toBeUndefined();
    expect(proxyOf({ HTTPS_PROXY: ' ' })).toBeUndefined();
    expect(proxyOf({ HTTP_PROXY: 'http://proxy.example.com:3128' })).toBeUndefined();
  });

  it('is that of HTTPS_PROXY, lower case first', () => {
    const plain = { variable: 'HTTPS_PROXY', host: 'proxy.example.com', port: 3128, isSecure: false };
    expect(proxyOf({ HTTPS_PROXY: 'http://proxy.example.com:3128' })).toEqual(plain);
    expect(proxyOf({ HTTPS_PROXY: 'proxy.example.com:3128' })).toEqual(plain);
    expect(proxyOf({ HTTPS_PROXY: 'http://other.test', https_proxy: 'http://proxy.example.com:3128/' })).toEqual({
      ...plain,
      variable: 'https_proxy',
    });
    expect(proxyOf({ HTTPS_PROXY: 'https://[fd00::1]' })).toMatchObject({ host: 'fd00::1', port: 443, isSecure: true });
  });

  it('is never asked for this machine or its own link', () => {
    const environment = { HTTPS_PROXY: 'http://proxy.example.com:3128' };
    expect(['localhost', '127.0.0.1', '::1', '169.254.169.254'].map((host) => proxyOf(environment, host))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('takes percent-encoded credentials', () => {
    const proxy = proxyOf({ HTTPS_PROXY: 'http://us%40er:p%3Aa%25ss%C3%A9@proxy.example.com' });
    const expected = Buffer.from('us@er:p:a%ssé', 'utf8').toString('base64');
    expect(proxy).toMatchObject({
      host: 'proxy.example.com',
      port: 80,
      isSecure: false,
      authorization: `Basic ${expected}`,
    });
  });

  it.each([
    'socks5://proxy.example.com',
    'http://',
    'http://user:canary-secret%zz@proxy.example.com',
    'http://user:canary-secret@',
    'http://user:canary-secret@host:99999',
  ])('is refused as %s, without showing a credential', (value) => {
    const proxy = proxyFor('login.example.com', 443, { https_proxy: value });
    expect(!proxy.ok && proxy.fault.code).toBe('NETWORK_PROXY_INVALID');
    expect(!proxy.ok && proxy.fault.message).toContain('https_proxy');
    expect(JSON.stringify(proxy)).not.toContain('canary-secret');
  });
});
