/**
 * How Postbearer reaches other machines: trust, proxy, bounded HTTP, address rules.
 *
 * @packageDocumentation
 */
export type { AddressRule } from './address-guard.ts';
export { isPublicAddress } from './address-rules.ts';
export type { Dial, Target } from './connection.ts';
export { networkFaults, type NetworkFaultCode } from './faults.ts';
export {
  createHttpClient,
  type HttpClient,
  type HttpClientOptions,
  type HttpFailure,
  type HttpReply,
  type HttpRequest,
  type HttpResult,
} from './http-client.ts';
export { isLinkLocalHost, isLoopbackHost } from './loopback.ts';
export { createTrust, type Trust, type TrustOptions } from './trust.ts';
