/**
 * The HTTPS side of the emulator: Entra's token endpoint and key documents, Microsoft Graph, the emulator's own API, and a page for
 * people.
 *
 * API and page answer only requests that name this machine as their host and that no page of another origin made.
 */
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isLoopbackHost } from '@postbearer/network';
import { keyDocument } from '../entra/access-token.ts';
import type { TokenService } from '../entra/token-service.ts';
import { EmulatorError, emulatorFaults } from '../faults.ts';
import { GRAPH_PATH, type GraphService } from '../graph/graph-service.ts';
import { answerControl, type ControlledEmulator } from './control-api.ts';
import { jsonReply, readRequest, sendReply, type HttpReply, type HttpRequest } from './exchange.ts';
import { renderPage } from './page.ts';

/** Where to listen and with which certificate. */
export interface HttpsSettings {
  readonly host: string;
  readonly port: number;
  readonly keyPem: string;
  readonly chainPem: string;
  readonly allowRemote: boolean;
}

/** A listening server. */
export interface HttpsFace {
  /** Scheme, host and port, no path. */
  readonly base: string;
  close(): Promise<void>;
}

const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
  'x-content-type-options': 'nosniff',
} as const;

function decodedSegment(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isForeign(request: HttpRequest, base: string, allowRemote: boolean): boolean {
  const origin = request.header('origin');
  if (origin !== '' && origin !== base) return true;
  const host = request.header('host').replace(/:\d+$/, '');
  return !allowRemote && !isLoopbackHost(host);
}

function discoveryDocument(base: string, tenant: string, tenantId: string): HttpReply {
  return jsonReply(200, {
    token_endpoint: `${base}/${tenant}/oauth2/v2.0/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    jwks_uri: `${base}/${tenant}/discovery/v2.0/keys`,
    issuer: `${base}/${tenantId}/v2.0`,
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
    subject_types_supported: ['pairwise'],
  });
}

function answerDocument(emulator: ControlledEmulator, path: string, base: string): HttpReply | undefined {
  const [, name = '', document = ''] =
    /^\/([^/]+)\/(v2\.0\/\.well-known\/openid-configuration|discovery\/v2\.0\/keys)$/.exec(path) ?? [];
  const tenant = emulator.world.directory.findTenant(decodedSegment(name));
  if (tenant === undefined) return undefined;
  if (document.startsWith('v2.0')) return discoveryDocument(base, name, tenant.id);
  return jsonReply(200, keyDocument(emulator.world.signingKey, `https://sts.windows.net/${tenant.id}/`));
}

/** The tenant that a path to the token endpoint names; a missing one reads as `token`, as it did at Entra. */
function tokenTenant(path: string): string | undefined {
  const found = /^\/*(?:([^/]+)\/)?oauth2\/v2\.0\/token\/?$/.exec(path);
  return found === null ? undefined : decodedSegment(found[1] ?? 'token');
}

function listen(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (error: NodeJS.ErrnoException) =>
    reject(new EmulatorError(emulatorFaults.make('EMULATOR_CANNOT_LISTEN', { host, port, reason: error.code }))),
  );
  server.listen({ host, port }, resolve);
  return promise;
}

/** Host and port as they stand in a URL. */
function urlAuthority(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** A mistake of ours is answered too: whoever waits for a reply must not wait in vain. */
function apologize(outgoing: ServerResponse): void {
  if (outgoing.headersSent) outgoing.destroy();
  else sendReply(outgoing, jsonReply(500, { error: 'the emulator failed' }));
}

/**
 * Starts the server.
 *
 * @throws EmulatorError with `EMULATOR_CANNOT_LISTEN`.
 */
export async function startHttps(
  emulator: ControlledEmulator,
  tokens: TokenService,
  graph: GraphService,
  settings: HttpsSettings,
): Promise<HttpsFace> {
  let base = '';

  const answerOwn = (request: HttpRequest): HttpReply => {
    const document = request.method === 'GET' ? answerDocument(emulator, request.path, base) : undefined;
    if (document !== undefined) return document;
    if (isForeign(request, base, settings.allowRemote)) return jsonReply(403, { error: 'foreign origin or host name' });
    if (request.path.startsWith('/emulator/')) return answerControl(emulator, request);
    if (request.path !== '/' || request.method !== 'GET') return jsonReply(404, { error: 'not found' });
    return { status: 200, headers: PAGE_HEADERS, body: renderPage(emulator.world.messages.list()) };
  };

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { socket } = incoming;
    const gone = new AbortController();
    outgoing.on('close', () => gone.abort());
    const request = await readRequest(incoming);
    if (request === undefined) {
      sendReply(outgoing, jsonReply(413, { error: 'the body is longer than a megabyte' }));
      // What still comes is thrown away: a client that is cut off while it sends may not see the answer.
      incoming.resume();
      return;
    }
    const tenant = tokenTenant(request.path);
    const answer =
      tenant !== undefined
        ? await tokens.answer(request, tenant, base, gone.signal)
        : request.path.startsWith(`${GRAPH_PATH}/`)
          ? await graph.answer(request, gone.signal)
          : answerOwn(request);
    if (answer === 'cut') socket.destroy();
    else if (answer !== 'hang') sendReply(outgoing, answer);
  };

  const server = createServer({ key: settings.keyPem, cert: settings.chainPem }, (incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => apologize(outgoing));
  });
  await listen(server, settings.host, settings.port);
  const address = server.address();
  base = `https://${urlAuthority(settings.host, typeof address === 'object' ? (address?.port ?? 0) : 0)}`;
  return {
    base,
    async close() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    },
  };
}
