/** A small HTTPS client for tests: one request, the whole answer, the emulator's authority trusted. */
import { request, type RequestOptions } from 'node:https';
import type { Emulator } from '../options.ts';

/** An answer, its body as text and, where it is JSON, as a value. */
export interface TestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** What to send. */
export interface TestRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

function asJson(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** Sends a request to an emulator; rejects where the connection breaks before an answer. */
export function ask(emulator: Emulator, wanted: TestRequest): Promise<TestAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<TestAnswer>();
  const options: RequestOptions = {
    method: wanted.method ?? 'GET',
    path: wanted.path,
    headers: { ...wanted.headers },
    ca: emulator.certificateAuthorityPem,
    agent: false,
    // The name in the certificate, whatever a test puts into the Host header
    servername: 'localhost',
    ...(wanted.signal === undefined ? {} : { signal: wanted.signal }),
  };
  const sent = request(emulator.url, options, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('error', reject);
    answer.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, json: asJson(text) });
    });
  });
  sent.on('error', reject);
  sent.end(wanted.body);
  return promise;
}

/** Fields of a token request; `undefined` leaves one out. */
export type TokenFields = Readonly<Record<string, string | undefined>>;

/** The fields of a request that the emulator's default app makes. */
export function defaultFields(emulator: Emulator): TokenFields {
  const { oauth } = emulator.settings().smtp;
  return {
    client_id: oauth.clientId,
    client_secret: oauth.clientSecret,
    scope: oauth.scope,
    grant_type: oauth.grantType,
  };
}

/** Asks a token endpoint, with the default app's fields unless others are given. */
export function askToken(
  emulator: Emulator,
  changes: TokenFields = {},
  options: {
    readonly tenant?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
  } = {},
): Promise<TestAnswer> {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...defaultFields(emulator), ...changes }))
    if (value !== undefined) form.set(name, value);
  return ask(emulator, {
    method: 'POST',
    path: `/${options.tenant ?? emulator.defaults.tenantId}/oauth2/v2.0/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...options.headers },
    body: form.toString(),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

/** An access token for the default app. */
export async function accessToken(emulator: Emulator, changes: TokenFields = {}): Promise<string> {
  const { json } = await askToken(emulator, changes);
  const token = json['access_token'];
  if (typeof token !== 'string') throw new Error('no token was issued');
  return token;
}
