/**
 * The operations of a service on another machine, over its HTTP API with a key of the scope `admin`.
 *
 * The rules of this file: the key goes over a connection that is encrypted and whose certificate is checked, or to this machine
 * itself, and nowhere else; a redirect is not followed; what the API refuses is told as the fault that it names.
 */
import { request as plainRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { failure, success, type Fault, type Result, type Secret } from '@postbearer/core';
import { createTrust, isLoopbackHost } from '@postbearer/network';
import { reasonOf, remoteControl, textOf, type AskOperation } from './control-wire.ts';
import type { Control } from './control.ts';
import { controlFaults } from './faults.ts';

const ANSWER_MS = 30_000;
const LARGEST_PROBLEM_BYTES = 64 * 1024;

/** Where a service is asked, and as whom. */
export interface RemotePlace {
  /** The address of its API, `https://mail.example.com:8025`; plain http only where it is this machine. */
  readonly url: string;
  readonly key: Secret;
  /** Files of authorities that are trusted beside those of the system. */
  readonly caFiles?: readonly string[];
  /** For certificate authorities; that of the process where it is left out. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Thrown where the API answered with a problem. */
class Refused extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.name = 'Refused';
    this.fault = fault;
  }
}

function parseAddress(text: string): Result<URL> {
  const url = URL.parse(text);
  // What is no address, or has a user name in it, may hold a key.
  const shown = url === null || url.username !== '' || url.password !== '' ? 'the address that was given' : text;
  const invalid = (reason: string): Result<never> =>
    failure(controlFaults.make('SERVICE_URL_INVALID', { url: shown, reason }));
  if (url === null) return invalid('it is no address');
  if (url.username !== '' || url.password !== '') return invalid('a key is given by itself, not in the address');
  if (url.search !== '' || url.hash !== '') return invalid('it has a question mark or a number sign');
  if (url.protocol === 'https:') return success(url);
  const host = url.hostname.replaceAll(/^\[|\]$/g, '');
  return url.protocol === 'http:' && isLoopbackHost(host)
    ? success(url)
    : invalid('it must begin with https:// unless it is this machine');
}

/** The fault that a problem document carries. */
async function faultOf(incoming: IncomingMessage): Promise<Fault> {
  const text = await textOf(incoming, LARGEST_PROBLEM_BYTES);
  try {
    const { code, title, detail, cause, remedy, next } = JSON.parse(text) as Fault & { readonly detail: string };
    if (typeof code === 'string' && typeof detail === 'string')
      return { code, title, message: detail, cause, remedy, next };
  } catch {
    // It is no problem document, so it was not this API that answered.
  }
  const reason = `it answered with the status ${incoming.statusCode ?? 0}`;
  return controlFaults.make('SERVICE_ANSWER_UNCLEAR', { reason });
}

async function sent(url: URL, options: RequestOptions, body: string): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const asked = (url.protocol === 'https:' ? tlsRequest : plainRequest)(url, options);
  asked.once('error', reject);
  asked.once('timeout', () => asked.destroy(new Error('it did not answer in time')));
  asked.once('response', (incoming) => {
    // A stream may be silent for as long as nothing happens.
    asked.setTimeout(0);
    resolve(incoming);
  });
  asked.end(body);
  return await promise;
}

/** The operations of a service that is asked over its API. Fails with `SERVICE_URL_INVALID` or as `createTrust` does; nothing is sent yet. */
export function connectRemoteControl({ url: text, key, caFiles = [], environment }: RemotePlace): Result<Control> {
  const address = parseAddress(text);
  if (!address.ok) return address;
  const trust = createTrust({ caFiles, ...(environment === undefined ? {} : { environment }) });
  if (!trust.ok) return trust;
  const base = address.value;
  const secure = base.protocol === 'https:' ? { secureContext: trust.value.secureContext } : {};
  const ask: AskOperation = async (name, body) => {
    const options = {
      ...secure,
      method: 'POST',
      agent: false,
      timeout: ANSWER_MS,
      headers: { authorization: `Bearer ${key.reveal()}`, 'content-type': 'application/json' },
    };
    const incoming = await sent(new URL(`${base.pathname.replace(/\/$/, '')}/control/${name}`, base), options, body);
    if (incoming.statusCode === 200) return incoming;
    throw new Refused(await faultOf(incoming));
  };
  return success(
    remoteControl(ask, (error) =>
      failure(
        error instanceof Refused
          ? error.fault
          : controlFaults.make('SERVICE_NOT_REACHED', { url: base.href, reason: reasonOf(error) }),
      ),
    ),
  );
}
