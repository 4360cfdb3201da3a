/**
 * From an error of Node or OpenSSL to a fault, by its code alone.
 *
 * The text of the error goes into the evidence and decides nothing. What fails at a proxy is told as a fault of the proxy, since
 * its remedy is another one: its variable, its rules, the way to it.
 */
import { oneLine, type Fault, type FaultValues } from '@postbearer/core';
import { ADDRESS_REFUSED } from './address-guard.ts';
import { networkFaults, type NetworkFaultCode } from './faults.ts';
import { isInspectionProduct } from './tls-inspection.ts';

/** What a request was doing. The words appear in messages. */
export type Phase =
  | 'connecting'
  | 'connecting to the proxy'
  | 'waiting for the proxy'
  | 'securing the connection'
  | 'waiting for the reply'
  | 'reading the reply';

/** Where and at what something failed. */
export interface FailurePlace {
  readonly host: string;
  readonly port: number;
  readonly phase: Phase;
  /** The environment variable that names the host, where it is a proxy. */
  readonly variable?: string | undefined;
  /** The issuer of the certificate that the other side showed, where it came that far. */
  readonly issuer?: string | undefined;
}

/** The code that our own check of the subject alternative name gives to its error. */
export const COMMON_NAME_ONLY = 'COMMON_NAME_ONLY';

const BY_CODE: Readonly<Record<string, NetworkFaultCode>> = {
  ENOTFOUND: 'NETWORK_NAME_NOT_FOUND',
  EAI_AGAIN: 'NETWORK_NAME_SERVER_FAILED',
  EAI_FAIL: 'NETWORK_NAME_SERVER_FAILED',
  ECONNREFUSED: 'NETWORK_CONNECTION_REFUSED',
  EHOSTUNREACH: 'NETWORK_UNREACHABLE',
  ENETUNREACH: 'NETWORK_UNREACHABLE',
  EHOSTDOWN: 'NETWORK_UNREACHABLE',
  ENETDOWN: 'NETWORK_UNREACHABLE',
  EADDRNOTAVAIL: 'NETWORK_UNREACHABLE',
  EACCES: 'NETWORK_UNREACHABLE',
  EPERM: 'NETWORK_UNREACHABLE',
  ETIMEDOUT: 'NETWORK_TIMEOUT',
  [ADDRESS_REFUSED]: 'NETWORK_ADDRESS_REFUSED',
  ECONNRESET: 'NETWORK_RESET',
  ECONNABORTED: 'NETWORK_RESET',
  EPIPE: 'NETWORK_RESET',
  EPROTO: 'NETWORK_TLS_FAILED',
  HPE_HEADER_OVERFLOW: 'NETWORK_REPLY_TOO_LARGE',
  CERT_HAS_EXPIRED: 'NETWORK_CERTIFICATE_EXPIRED',
  CERT_NOT_YET_VALID: 'NETWORK_CERTIFICATE_NOT_YET_VALID',
  ERR_TLS_CERT_ALTNAME_INVALID: 'NETWORK_CERTIFICATE_WRONG_HOST',
  [COMMON_NAME_ONLY]: 'NETWORK_CERTIFICATE_COMMON_NAME_ONLY',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'NETWORK_CERTIFICATE_SELF_SIGNED',
  SELF_SIGNED_CERT_IN_CHAIN: 'NETWORK_CERTIFICATE_UNKNOWN_AUTHORITY',
  UNABLE_TO_GET_ISSUER_CERT: 'NETWORK_CERTIFICATE_UNKNOWN_AUTHORITY',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'NETWORK_CERTIFICATE_UNKNOWN_AUTHORITY',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'NETWORK_CERTIFICATE_UNKNOWN_AUTHORITY',
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function classify(code: string, phase: Phase): NetworkFaultCode {
  const known = BY_CODE[code];
  if (known !== undefined) return known;
  if (code.startsWith('HPE_')) return 'NETWORK_REPLY_NOT_HTTP';
  if (/^ERR_(?:SSL|OSSL|TLS)_/.test(code)) return 'NETWORK_TLS_FAILED';
  // What is left of that phase are OpenSSL's names for a certificate that breaks a rule, such as INVALID_PURPOSE.
  if (phase === 'securing the connection' && code !== '') return 'NETWORK_CERTIFICATE_INVALID';
  return 'NETWORK_RESET';
}

/** The issuer as one short line: its organisation and common name. */
function issuerText(issuer: string | undefined): string {
  const parts = (issuer ?? '').split('\n').filter((part) => /^(?:O|CN)=/.test(part));
  return parts.map((part) => part.slice(part.indexOf('=') + 1)).join(', ') || 'unknown';
}

/** What a fault is where it is one of the proxy, and why that cannot be used. What is missing here names the proxy as any host. */
const AT_PROXY: Readonly<Partial<Record<NetworkFaultCode, readonly [NetworkFaultCode, string]>>> = {
  NETWORK_NAME_NOT_FOUND: ['NETWORK_PROXY_NOT_FOUND', ''],
  NETWORK_NAME_SERVER_FAILED: ['NETWORK_PROXY_UNREACHABLE', 'the DNS server did not answer'],
  NETWORK_CONNECTION_REFUSED: ['NETWORK_PROXY_UNREACHABLE', 'it refused the connection'],
  NETWORK_UNREACHABLE: ['NETWORK_PROXY_UNREACHABLE', 'this machine has no way to it'],
  NETWORK_TIMEOUT: ['NETWORK_PROXY_UNREACHABLE', 'it did not answer in time'],
  NETWORK_RESET: ['NETWORK_PROXY_UNREACHABLE', 'it cut the connection'],
  NETWORK_TLS_FAILED: ['NETWORK_PROXY_UNUSABLE', 'it does not speak TLS'],
  NETWORK_REPLY_NOT_HTTP: ['NETWORK_PROXY_UNUSABLE', 'it does not speak HTTP'],
};

/** Makes a fault with what is known about the place as its evidence. */
export function faultAt(
  code: NetworkFaultCode,
  place: FailurePlace,
  detail: string,
  values: FaultValues & { readonly errorCode?: string } = {},
): Fault {
  const { host, port, phase, variable } = place;
  const { errorCode, ...rest } = values;
  const [shown, reason] = (variable === undefined ? undefined : AT_PROXY[code]) ?? [code];
  return networkFaults.make(
    shown,
    {
      host,
      port,
      phase,
      ...(variable === undefined ? {} : { variable, proxy: `${host}:${port}` }),
      ...rest,
      ...(reason === undefined ? {} : { reason }),
    },
    {
      evidence: {
        kind: 'network',
        host: oneLine(host),
        port,
        ...(errorCode === undefined || errorCode === '' ? {} : { errorCode: oneLine(errorCode, 100) }),
        detail: oneLine(detail, 500),
      },
    },
  );
}

/** The fault of an error that a socket, a TLS handshake or an HTTP parser gave. `values` are the limits that a message may name. */
export function connectionFault(error: unknown, place: FailurePlace, values: FaultValues = {}): Fault {
  const errorCode = codeOf(error);
  const detail = error instanceof Error && error.message !== '' ? error.message : errorCode;
  const issuer = issuerText(place.issuer);
  const classified = classify(errorCode, place.phase);
  const code =
    classified === 'NETWORK_CERTIFICATE_UNKNOWN_AUTHORITY' && isInspectionProduct(issuer)
      ? 'NETWORK_CERTIFICATE_INSPECTED'
      : classified;
  return faultAt(code, place, detail, { reason: detail, issuer, ...values, errorCode });
}
