/**
 * Opens a connection for one request: TCP, where asked the CONNECT of a proxy, where asked TLS with all checks.
 *
 * A certificate must pass Node's check of chain and name and name its host in a subject alternative name. TLS is 1.2 or later.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect as tcpConnect, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as tlsConnect, type PeerCertificate, type TLSSocket } from 'node:tls';
import type { Duplex } from 'node:stream';
import { failure, hasSubjectAltName, success, type Result } from '@postbearer/core';
import type { Attempt, Place } from './attempt.ts';
import { addressRefused, guardedLookup, type AddressRule } from './address-guard.ts';
import { COMMON_NAME_ONLY, connectionFault, faultAt } from './connection-fault.ts';
import type { Proxy } from './proxy.ts';
import type { Trust } from './trust.ts';

/** Where a connection goes. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Which of its addresses may be connected to; all where left out. */
  readonly allowsAddress?: AddressRule;
}

/** Starts a TCP connection; the place where tests send a name to another address. */
export type Dial = (target: Target) => Socket;

/** The real network. */
export const dialTcp: Dial = ({ host, port, allowsAddress: allows }) =>
  tcpConnect({ host, port, ...(allows === undefined ? {} : { lookup: guardedLookup(allows) }) });

/** What {@link openConnection} connects with. */
export interface Route {
  readonly target: Target;
  readonly isSecure: boolean;
  readonly proxy: Proxy | undefined;
  readonly trust: Trust;
  readonly dial: Dial;
}

function checkIdentity(host: string, certificate: PeerCertificate): Error | undefined {
  const error = checkServerIdentity(host, certificate);
  if (error !== undefined || hasSubjectAltName(certificate)) return error;
  return Object.assign(new Error('the certificate has no subject alternative name'), { code: COMMON_NAME_ONLY });
}

async function openTcp(target: Target, dial: Dial, attempt: Attempt): Promise<Result<Socket>> {
  const { host, allowsAddress: allows } = target;
  // An address is not looked up, so nobody else would ask the rule.
  if (allows !== undefined && isIP(host) !== 0 && !allows(host)) return refused(attempt);
  const socket = attempt.own(dial(target));
  const opened = await attempt.wait<Socket>(socket, (done) => void socket.once('connect', () => done(socket)));
  if (opened.ok && allows !== undefined && !allows(socket.remoteAddress ?? '')) return refused(attempt);
  return opened;
}

function refused(attempt: Attempt): Result<never> {
  return failure(connectionFault(addressRefused(), attempt.place(), {}));
}

async function openTls(socket: Duplex, target: Place, trust: Trust, attempt: Attempt): Promise<Result<TLSSocket>> {
  attempt.enter('securing the connection', target);
  const secured = attempt.own(
    tlsConnect({
      socket,
      host: target.host,
      // A name is announced to the server, an address must not be (RFC 6066 section 3).
      servername: isIP(target.host) === 0 ? target.host : '',
      secureContext: trust.secureContext,
      rejectUnauthorized: true,
      checkServerIdentity: checkIdentity,
      ALPNProtocols: ['http/1.1'],
    }),
  );
  // Node destroys the socket, and with it the certificate, before it reports a refusal. This event comes just before; it is
  // not documented, and without it the fault would only lack the issuer's name.
  secured.prependListener('secure', () => attempt.noteIssuer(secured.getPeerX509Certificate()?.issuer));
  return attempt.wait(secured, (done) => void secured.once('secureConnect', () => done(secured)));
}

function proxyRefusal(status: number, target: Target, attempt: Attempt): Result<never> {
  const code =
    status === 407 ? 'NETWORK_PROXY_SIGN_IN' : status >= 500 ? 'NETWORK_PROXY_FAILED' : 'NETWORK_PROXY_REFUSED';
  const detail = `CONNECT ${target.host}:${target.port} was answered with HTTP ${status}`;
  const values = { host: target.host, port: target.port, status };
  return failure(faultAt(code, attempt.place(), detail, values));
}

async function openTunnel(socket: Duplex, proxy: Proxy, target: Target, attempt: Attempt): Promise<Result<Duplex>> {
  attempt.enter('waiting for the proxy', proxy);
  const authority = `${isIP(target.host) === 6 ? `[${target.host}]` : target.host}:${target.port}`;
  const request = httpRequest({
    method: 'CONNECT',
    path: authority,
    headers: {
      host: authority,
      ...(proxy.authorization === undefined ? {} : { 'proxy-authorization': proxy.authorization }),
    },
    createConnection: () => socket,
  });
  const answered = attempt.wait<IncomingMessage>(request, (done) => void request.once('connect', done));
  request.end();
  const reply = await answered;
  if (!reply.ok) return reply;
  const status = reply.value.statusCode ?? 0;
  return status >= 200 && status < 300 ? success(socket) : proxyRefusal(status, target, attempt);
}

async function openThroughProxy(proxy: Proxy, route: Route, attempt: Attempt): Promise<Result<Duplex>> {
  attempt.enter('connecting to the proxy', proxy);
  const tcp = await openTcp(proxy, route.dial, attempt);
  if (!tcp.ok) return tcp;
  const toProxy = proxy.isSecure ? await openTls(tcp.value, proxy, route.trust, attempt) : tcp;
  return toProxy.ok ? openTunnel(toProxy.value, proxy, route.target, attempt) : toProxy;
}

async function openDirectly(route: Route, attempt: Attempt): Promise<Result<Socket>> {
  attempt.enter('connecting', route.target);
  return openTcp(route.target, route.dial, attempt);
}

/** Opens the connection, ready for the request. The attempt owns every socket and closes them at its end. */
export async function openConnection(route: Route, attempt: Attempt): Promise<Result<Duplex>> {
  const opened =
    route.proxy === undefined
      ? await openDirectly(route, attempt)
      : await openThroughProxy(route.proxy, route, attempt);
  if (!opened.ok || !route.isSecure) return opened;
  return openTls(opened.value, route.target, route.trust, attempt);
}
