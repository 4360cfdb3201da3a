/**
 * How Postbearer reaches other machines: trust, proxy, bounded HTTP, address rules.
 *
 * @packageDocumentation
 */
export { isLinkLocalHost, isLoopbackHost } from './loopback.ts';
