/** Which host names mean this machine itself. */
import { BlockList, isIP } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');

function isIn(list: BlockList, host: string): boolean {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const family = isIP(bare);
  return family !== 0 && list.check(bare, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Whether a host is this machine: 127.0.0.0/8, `::1` (with or without brackets) or the name `localhost` (RFC 6761 section 6.3).
 *
 * @example
 * ```ts
 * import { isLoopbackHost } from '@postbearer/network';
 *
 * isLoopbackHost('127.0.0.1'); // => true
 * isLoopbackHost('127.0.0.1.example.com'); // => false
 * ```
 */
export function isLoopbackHost(host: string): boolean {
  return host.toLowerCase() === 'localhost' || isIn(LOOPBACK, host);
}

/** Whether a host is an IPv4 link-local address (169.254.0.0/16, RFC 3927): no router passes it on. Cloud machines reach their platform there. */
export function isLinkLocalHost(host: string): boolean {
  return isIn(LINK_LOCAL, host);
}
