import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isInRange, parseNetworkRange } from './network-range.ts';

function contains(network: string, address: string): boolean {
  const parsed = parseNetworkRange(network);
  if (!parsed.ok) throw new Error(parsed.fault.message);
  return isInRange(address, parsed.value);
}

describe('a range', () => {
  test.each([
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.0/24', '192.0.3.0', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['192.0.2.0/24', '::ffff:192.0.2.9', true],
    ['::ffff:192.0.2.9', '192.0.2.9', true],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['::1', '::1', true],
    ['::/0', '192.0.2.1', false],
    ['192.0.2.0/24', 'not an address', false],
    ['192.0.2.0/24', '192.0.2', false],
  ])('%s and %s: %s', (network, address, isIn) => {
    expect(contains(network, address)).toBe(isIn);
  });

  test.each([
    ['192.0.2.7/24', 'bits beyond the first 24'],
    ['192.0.2.0/33', 'above 32'],
    ['192.0.2.0/', 'not a number'],
    ['192.0.2.0/24/8', 'not an IP address'],
    ['192.0.2', 'not an IP address'],
    ['192.0.2.256', 'not an IP address'],
    ['192.0.02.1', 'not an IP address'],
    ['1::2::3', 'not an IP address'],
    ['1:2:3:4:5:6:7:8:9', 'not an IP address'],
    ['1:2:3:4:5:6:7:8::', 'not an IP address'],
    ['example.com', 'not an IP address'],
    ['', 'not an IP address'],
  ])('"%s" is refused: %s', (text, reason) => {
    expect(parseNetworkRange(text)).toMatchObject({
      ok: false,
      fault: { code: 'ACCESS_NETWORK_INVALID', message: expect.stringContaining(reason) as unknown },
    });
  });

  test('holds exactly the addresses whose first bits are its own', () => {
    const ipv4 = fc.nat({ max: 2 ** 32 - 1 });
    const text = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
    fc.assert(
      fc.property(ipv4, ipv4, fc.integer({ min: 1, max: 32 }), (base, address, prefix) => {
        const mask = (0xffffffff << (32 - prefix)) >>> 0;
        const network = `${text((base & mask) >>> 0)}/${prefix}`;
        expect(contains(network, text(address))).toBe((base & mask) >>> 0 === (address & mask) >>> 0);
      }),
    );
  });
});
