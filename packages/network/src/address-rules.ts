/**
 * Which addresses belong to the public internet.
 *
 * For requests whose target somebody chose who must not reach into this machine or its network through us (SSRF). The rule is a list
 * of what is public and not of what is private: IPv6 outside 2000::/3 is not, whatever it is for. An address that carries an
 * IPv4 address for a translator (mapped, NAT64) is judged by that one; one of a tunnel (6to4, Teredo, ISATAP) never is public,
 * because it ends where nobody can see.
 *
 * Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190), RFC 6052 section 2.1, RFC 3056, RFC 4380,
 * RFC 5214 section 6.1; read 2026-11-24.
 */
import { BlockList, isIP } from 'node:net';

const PRIVATE_IPV4 = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  PRIVATE_IPV4.addSubnet(network, prefix, 'ipv4');

const PUBLIC_IPV6 = new BlockList();
PUBLIC_IPV6.addSubnet('2000::', 3, 'ipv6');

const EXCEPTED_IPV6 = new BlockList();
for (const [network, prefix] of [
  // Protocol assignments, Teredo among them.
  ['2001::', 23],
  ['2001:db8::', 32],
  // 6to4
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  EXCEPTED_IPV6.addSubnet(network, prefix, 'ipv6');

/** Prefixes before an IPv4 address in the last 32 bits: IPv4-mapped (RFC 4291 section 2.5.5.2) and NAT64 (RFC 6052 section 2.1). */
const CARRIERS: ReadonlySet<string> = new Set(['0:0:0:0:0:ffff', '64:ff9b:0:0:0:0']);
/** The beginning of an interface identifier of ISATAP, with the universal bit or without it. */
const ISATAP: ReadonlySet<string> = new Set(['0:5efe', '200:5efe']);

function split(groups: string): string[] {
  return groups === '' ? [] : groups.split(':');
}

/** The eight groups of a valid IPv6 address, each in its shortest form. */
function groupsOf(address: string): string[] {
  // The URL parser writes an address in its one canonical form.
  const host = URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1) ?? '';
  const [head = '', tail] = host.split('::');
  const [first, last] = [split(head), split(tail ?? '')];
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => '0'), ...last];
}

function ipv4Of(high: string, low: string): string {
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join('.');
}

function isPublicIpv6(address: string): boolean {
  const groups = groupsOf(address);
  if (groups.length !== 8) return false;
  const [high = '', low = ''] = groups.slice(6);
  if (CARRIERS.has(groups.slice(0, 6).join(':'))) return isPublicAddress(ipv4Of(high, low));
  if (ISATAP.has(groups.slice(4, 6).join(':'))) return false;
  return PUBLIC_IPV6.check(address, 'ipv6') && !EXCEPTED_IPV6.check(address, 'ipv6');
}

/**
 * Whether an IP address belongs to the public internet. `false` for whatever is no IP address, and for one with a zone.
 *
 * @example
 * ```ts
 * import { isPublicAddress } from '@postbearer/network';
 *
 * isPublicAddress('40.97.153.146'); // => true
 * isPublicAddress('10.0.0.1'); // => false
 * isPublicAddress('::ffff:127.0.0.1'); // => false
 * ```
 */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !PRIVATE_IPV4.check(address, 'ipv4');
  return family === 6 && !address.includes('%') && isPublicIpv6(address);
}
