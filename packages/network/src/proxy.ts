/**
 * Which proxy a request goes through.
 *
 * HTTPS_PROXY (or https_proxy, which wins) names one proxy for all https requests; NO_PROXY lists hosts to reach directly.
 * This machine itself is always reached directly: a proxy would take its name for its own. Plain http goes to this machine
 * only, so HTTP_PROXY has no use here. What a proxy needs as credentials appears in no fault.
 */
import { BlockList, isIP } from 'node:net';
import { failure, success, type Result } from '@postbearer/core';
import { networkFaults } from './faults.ts';
import { isLinkLocalHost, isLoopbackHost } from './loopback.ts';

/** A proxy that speaks CONNECT (RFC 9110 section 9.3.6). */
export interface Proxy {
  /** The environment variable that names it. */
  readonly variable: string;
  readonly host: string;
  readonly port: number;
  /** The connection to the proxy itself is TLS. */
  readonly isSecure: boolean;
  /** The whole value of the header Proxy-Authorization: a credential. */
  readonly authorization?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_PORT = { 'http:': 80, 'https:': 443 } as const;

/** The host without the brackets that a URL puts around IPv6. */
export function bareHost(url: URL): string {
  return url.hostname.replaceAll(/^\[|\]$/g, '');
}

/** The port of a URL, also where it is not written. */
export function portOf(url: URL): number {
  return url.port === '' ? DEFAULT_PORT[url.protocol === 'http:' ? 'http:' : 'https:'] : Number(url.port);
}

function matchesSubnet(host: string, entry: string): boolean {
  const [network = '', bits = ''] = entry.split('/');
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128))
    return false;
  const list = new BlockList();
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(network, Number(bits), kind);
  return list.check(host, kind);
}

function matchesEntry(host: string, port: number, entry: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return matchesSubnet(host, entry);
  const entryPort = isIP(entry) === 0 ? /:(\d{1,5})$/.exec(entry)?.[1] : undefined;
  if (entryPort !== undefined && Number(entryPort) !== port) return false;
  const named = entryPort === undefined ? entry : entry.slice(0, -1 - entryPort.length);
  const name = named
    .replaceAll(/^\[|\]$/g, '')
    .replace(/^\*?\./, '')
    .toLowerCase();
  if (name === '') return false;
  return host === name || (isIP(host) === 0 && host.endsWith(`.${name}`));
}

/**
 * Whether NO_PROXY exempts a host: entries are parted by commas or spaces; `*` is every host, `example.com` and `.example.com`
 * are the host and all below it, an entry may end in `:port`, addresses may be subnets such as `10.0.0.0/8`.
 */
export function isExempt(host: string, port: number, noProxy: string): boolean {
  return noProxy
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => matchesEntry(host.toLowerCase(), port, entry));
}

/** The first of the variables that is set to something, lower case before upper case as in other programs. */
function variable(
  environment: Environment,
  name: string,
): { readonly name: string; readonly value: string } | undefined {
  for (const spelling of [name.toLowerCase(), name]) {
    const value = environment[spelling];
    if (value !== undefined && value.trim() !== '') return { name: spelling, value: value.trim() };
  }
  return undefined;
}

function parseProxy(name: string, text: string): Result<Proxy> {
  const refuse = (reason: string): Result<Proxy> =>
    failure(networkFaults.make('NETWORK_PROXY_INVALID', { variable: name, reason }));
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null || url.hostname === '') return refuse('it is not an address');
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return refuse(`"${url.protocol}" proxies are not supported`);
  const proxy = { variable: name, host: bareHost(url), port: portOf(url), isSecure: url.protocol === 'https:' };
  if (url.username === '' && url.password === '') return success(proxy);
  try {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    return success({ ...proxy, authorization: `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}` });
  } catch {
    return refuse('its user name or password is not percent-encoded right');
  }
}

/** The proxy for an https request to `host`, `undefined` for a direct connection, or `NETWORK_PROXY_INVALID`. */
export function proxyFor(host: string, port: number, environment: Environment): Result<Proxy | undefined> {
  if (isLoopbackHost(host) || isLinkLocalHost(host)) return success(undefined);
  const proxy = variable(environment, 'HTTPS_PROXY');
  if (proxy === undefined) return success(undefined);
  if (isExempt(host, port, variable(environment, 'NO_PROXY')?.value ?? '')) return success(undefined);
  return parseProxy(proxy.name, proxy.value);
}
