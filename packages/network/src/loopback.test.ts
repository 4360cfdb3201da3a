import { describe, expect, it } from 'vitest';
import { isLinkLocalHost, isLoopbackHost } from './index.ts';

describe('loopback hosts', () => {
  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '::1',
    '[::1]',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
    'localhost',
    'LocalHost',
  ])('knows %s as this machine', (host) => expect(isLoopbackHost(host)).toBe(true));

  it.each([
    '126.255.255.255',
    '128.0.0.1',
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '169.254.169.254',
    '127.0.0.1.example.com',
    'localhost.example.com',
    'localhost.',
    '127.1',
    '2130706433',
    '',
    '[::1',
  ])('does not take %j for this machine', (host) => expect(isLoopbackHost(host)).toBe(false));

  it('tells link-local addresses', () => {
    expect(isLinkLocalHost('169.254.169.254')).toBe(true);
    expect(['169.255.0.1', '127.0.0.1', '169.254.169.254.example.com'].filter(isLinkLocalHost)).toEqual([]);
  });
});
