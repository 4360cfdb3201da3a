/**
 * Ranges of IP addresses, as `192.0.2.0/24` or `2001:db8::/32`, and whether an address lies in one.
 *
 * An IPv4 address that is written inside IPv6 (`::ffff:192.0.2.7`) is the IPv4 address. Bits beyond the length of a range
 * are refused when it is parsed: `192.0.2.7/24` is more likely a mistake than a wish for 256 addresses.
 */
import { failure, success, type Result } from '@postbearer/core';
import { accessFaults } from './faults.ts';

interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** A range that was parsed. */
export interface NetworkRange {
  /** As it was written. */
  readonly text: string;
  readonly bits: 32 | 128;
  readonly prefix: number;
  readonly value: bigint;
}

const MAPPED_IPV4 = 0xffffn;

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

/** The groups of a part of an IPv6 address; an IPv4 address may stand at its end. */
function groupsOf(text: string): readonly bigint[] | undefined {
  if (text === '') return [];
  const groups: bigint[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    const ipv4 = index === parts.length - 1 ? parseIpv4(part) : undefined;
    if (ipv4 !== undefined) groups.push(ipv4 >> 16n, ipv4 & 0xffffn);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [front, back] = [groupsOf(halves[0] ?? ''), groupsOf(halves[1] ?? '')];
  if (front === undefined || back === undefined) return undefined;
  const missing = 8 - front.length - back.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...front, ...Array.from({ length: missing }, () => 0n), ...back];
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}

function parseAddress(text: string): Address | undefined {
  const ipv4 = parseIpv4(text);
  if (ipv4 !== undefined) return { bits: 32, value: ipv4 };
  const ipv6 = parseIpv6(text.split('%', 1)[0] ?? '');
  if (ipv6 === undefined) return undefined;
  return ipv6 >> 32n === MAPPED_IPV4 ? { bits: 32, value: ipv6 & 0xffffffffn } : { bits: 128, value: ipv6 };
}

/** Parses a range; an address alone is a range of one. Fails with `ACCESS_NETWORK_INVALID`. */
export function parseNetworkRange(text: string): Result<NetworkRange> {
  const invalid = (reason: string): Result<NetworkRange> =>
    failure(accessFaults.make('ACCESS_NETWORK_INVALID', { network: text, reason }));
  const [written = '', length, ...more] = text.split('/');
  const address = parseAddress(written);
  if (address === undefined || more.length > 0) return invalid('it is not an IP address with a length behind a slash');
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return invalid('its length is not a number');
  const prefix = length === undefined ? address.bits : Number(length);
  if (prefix > address.bits) return invalid(`its length is above ${address.bits}`);
  const rest = BigInt(address.bits - prefix);
  if ((address.value >> rest) << rest !== address.value) return invalid(`it has bits beyond the first ${prefix}`);
  return success({ text, bits: address.bits, prefix, value: address.value });
}

/** Whether an address, as a socket tells it, lies in a range. What is no address lies in none. */
export function isInRange(address: string, range: NetworkRange): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined || parsed.bits !== range.bits) return false;
  const rest = BigInt(range.bits - range.prefix);
  return parsed.value >> rest === range.value >> rest;
}

/** Ranges whose addresses do not come from the Internet (RFC 1918, RFC 4193, RFC 6598, loopback and link-local). */
const PRIVATE: readonly NetworkRange[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '100.64.0.0/10',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
].flatMap((text) => {
  const parsed = parseNetworkRange(text);
  return parsed.ok ? [parsed.value] : [];
});

/** Whether every address of a range is one of a network of one's own. */
export function isPrivateRange({ bits, prefix, value }: NetworkRange): boolean {
  return PRIVATE.some((own) => {
    const rest = BigInt(own.bits - own.prefix);
    return own.bits === bits && own.prefix <= prefix && own.value >> rest === value >> rest;
  });
}

/** How an address, as a socket tells it, is written where people read it: IPv4 within IPv6 as IPv4, without a zone. */
export function shownAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '').split('%', 1)[0] ?? '';
}

/** What counts as one place: an IPv4 address, or the /64 that an IPv6 host can usually choose its addresses from. */
export function placeOf(address: string): string {
  const parsed = parseAddress(address);
  if (parsed?.bits !== 128) return shownAddress(address);
  return `${(parsed.value >> 64n).toString(16)}::/64`;
}

/** A name for what is at an address. */
export function placeName(address: string): string {
  return `device-${shownAddress(address)
    .replaceAll(/[^0-9a-z]+/gi, '-')
    .replaceAll(/^-+|-+$/g, '')}`.toLowerCase();
}
