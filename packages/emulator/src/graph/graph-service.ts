/**
 * The part of Microsoft Graph v1.0 that sets up apps: paths and methods of Microsoft's OpenAPI description, and nothing else.
 *
 * What Graph refuses is refused as it does: an unknown path (400), a wrong method (405), a wrong body (400), a missing permission (403).
 * What was made a moment ago may not be known yet, where the emulator is told so.
 */
import { jsonReply, type HttpReply, type HttpRequest } from '../http/exchange.ts';
import { pause } from '../pause.ts';
import type { App } from '../state/directory.ts';
import type { World } from '../world.ts';
import {
  addPassword,
  applications,
  changeKey,
  federatedCredentials,
  oneApplication,
  removePassword,
} from './application-routes.ts';
import { callerOf } from './caller.ts';
import { asObject } from './entity-types.ts';
import { isKnown, type GraphCall, type GraphOutcome } from './graph-call.ts';
import { notFound, refusalReply, refuse, type Json } from './graph-error.ts';
import {
  assignedTo,
  assignments,
  onePrincipal,
  principalByAppId,
  servicePrincipals,
} from './service-principal-routes.ts';

/** Where Graph is, below the base of the HTTPS side. */
export const GRAPH_PATH = '/v1.0';

/** Answers requests for Microsoft Graph. */
export interface GraphService {
  /** @param gone - aborts when the client is gone. */
  answer(request: HttpRequest, gone: AbortSignal): Promise<HttpReply | 'cut' | 'hang'>;
}

interface Route {
  /** Methods and pattern as Microsoft's description names them. */
  readonly methods: readonly string[];
  readonly path: RegExp;
  readonly answer: (call: GraphCall, parts: readonly string[]) => GraphOutcome;
}

function appById(call: GraphCall, id: string): App | undefined {
  return call.caller.tenant.apps.find(({ objectId }) => objectId === id.toLowerCase());
}

function appByKey(call: GraphCall, name: string, value: string): App | undefined {
  return call.caller.tenant.apps.find((app) =>
    name === 'appId' ? app.clientId === value.toLowerCase() : app.uniqueName === value,
  );
}

/** What is done with a registration that has to be known already. */
function withApp(id: string, call: GraphCall, work: (app: App) => GraphOutcome): GraphOutcome {
  const app = appById(call, id);
  return app === undefined || !isKnown(call, app.madeAt) ? notFound(id) : work(app);
}

const ID = String.raw`([0-9A-Za-z_-]+)`;

function route(methods: string, path: string, answer: Route['answer']): Route {
  return { methods: methods.split(' '), path: new RegExp(`^${path}$`), answer };
}

const ROUTES: readonly Route[] = [
  route('GET POST', '/applications', (call) => applications(call)),
  route('GET PATCH DELETE', `/applications/${ID}`, (call, [id = '']) => oneApplication(call, appById(call, id), id)),
  route('GET PATCH DELETE', String.raw`/applications\(appId='([^']*)'\)`, (call, [value = '']) =>
    oneApplication(call, appByKey(call, 'appId', value), `appId=${value}`),
  ),
  route('GET PATCH', String.raw`/applications\(uniqueName='((?:[^']|'')*)'\)`, (call, [value = '']) => {
    const name = value.replaceAll("''", "'");
    return oneApplication(call, appByKey(call, 'uniqueName', name), `uniqueName=${name}`);
  }),
  route('POST', `/applications/${ID}/(?:microsoft.graph.)?addPassword`, (call, [id = '']) =>
    withApp(id, call, (app) => addPassword(call, app)),
  ),
  route('POST', `/applications/${ID}/(?:microsoft.graph.)?removePassword`, (call, [id = '']) =>
    withApp(id, call, (app) => removePassword(call, app)),
  ),
  route('POST', `/applications/${ID}/(?:microsoft.graph.)?(?:addKey|removeKey)`, (call, [id = '']) =>
    withApp(id, call, (app) => changeKey(call, app)),
  ),
  route('GET POST', `/applications/${ID}/federatedIdentityCredentials`, (call, [id = '']) =>
    withApp(id, call, (app) => federatedCredentials(call, app, undefined)),
  ),
  route('GET PATCH DELETE', `/applications/${ID}/federatedIdentityCredentials/${ID}`, (call, [id = '', credential]) =>
    withApp(id, call, (app) => federatedCredentials(call, app, credential)),
  ),
  route('GET POST', '/servicePrincipals', (call) => servicePrincipals(call)),
  route('GET PATCH DELETE', `/servicePrincipals/${ID}`, (call, [id = '']) => onePrincipal(call, id)),
  route('GET', String.raw`/servicePrincipals\(appId='([^']*)'\)`, (call, [appId = '']) =>
    principalByAppId(call, appId),
  ),
  route('GET POST', `/servicePrincipals/${ID}/appRoleAssignments`, (call, [id = '']) =>
    assignments(call, id, undefined),
  ),
  route('GET DELETE', `/servicePrincipals/${ID}/appRoleAssignments/${ID}`, (call, [id = '', one]) =>
    assignments(call, id, one),
  ),
  route('GET POST', `/servicePrincipals/${ID}/appRoleAssignedTo`, (call, [id = '']) => assignedTo(call, id, undefined)),
  route('DELETE', `/servicePrincipals/${ID}/appRoleAssignedTo/${ID}`, (call, [id = '', one]) =>
    assignedTo(call, id, one),
  ),
  route('GET', `/servicePrincipals/${ID}/oauth2PermissionGrants`, () => ({ status: 200, body: { value: [] } })),
  route('GET', '/oauth2PermissionGrants', () => ({ status: 200, body: { value: [] } })),
];

/** The methods and patterns that are served, for a comparison with Microsoft's description. */
export const GRAPH_ROUTES: readonly { readonly methods: readonly string[]; readonly path: RegExp }[] = ROUTES;

function bodyOf({ body }: HttpRequest): Json | undefined {
  if (body.trim() === '') return {};
  try {
    return asObject(JSON.parse(body));
  } catch {
    return undefined;
  }
}

/** Only what was asked for; `id` stays where nothing was asked. */
function selected(body: Json, select: string | null): Json {
  if (select === null || Array.isArray(body['value'])) return body;
  const wanted = new Set(select.split(',').map((name) => name.trim()));
  return Object.fromEntries(Object.entries(body).filter(([name]) => wanted.has(name)));
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Makes the service. @param propagationMs - how long it takes until what was made is known everywhere. */
export function createGraphService(world: World, propagationMs: number): GraphService {
  const { directory, signingKey, clock, counters, faults } = world;

  const usual = (request: HttpRequest): HttpReply => {
    const now = clock.now();
    const path = decoded(request.path.slice(GRAPH_PATH.length));
    const caller = callerOf(request.header('authorization'), directory, signingKey, now);
    if ('status' in caller) return refusalReply(caller, now, { 'www-authenticate': 'Bearer' });
    const found = ROUTES.filter((each) => each.path.test(path));
    if (found.length === 0) {
      const segment = path.split('/')[1] ?? '';
      return refusalReply(refuse(400, 'BadRequest', `Resource not found for the segment '${segment}'.`), now);
    }
    const matching = found.find(({ methods }) => methods.includes(request.method));
    if (matching === undefined)
      return refusalReply(
        refuse(405, 'Request_BadRequest', 'Specified HTTP method is not allowed for the request target.'),
        now,
      );
    const hasBody = request.method === 'POST' || request.method === 'PATCH';
    const body = hasBody ? bodyOf(request) : {};
    if (
      body === undefined ||
      (hasBody && request.body !== '' && !/^application\/json\b/i.test(request.header('content-type')))
    )
      return refusalReply(
        refuse(
          400,
          'BadRequest',
          'Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.',
        ),
        now,
      );
    const query = new URLSearchParams(request.query);
    const call: GraphCall = {
      method: request.method,
      caller,
      query,
      headers: (name) => request.header(name),
      body,
      now,
      propagationMs,
    };
    const outcome = matching.answer(call, (matching.path.exec(path) ?? []).slice(1));
    if ('message' in outcome) return refusalReply(outcome, now);
    if (outcome.body === undefined) return { status: outcome.status, headers: {}, body: '' };
    return jsonReply(outcome.status, {
      '@odata.context': `https://graph.microsoft.com/v1.0/$metadata`,
      ...selected(outcome.body, query.get('$select')),
    });
  };

  return {
    async answer(request, gone) {
      counters.graphRequests += 1;
      const action = faults.next('graph');
      if (action?.kind === 'delay') await pause(clock, action.ms, gone);
      if (gone.aborted) return 'cut';
      if (action?.kind === 'cut' || action?.kind === 'hang') return action.kind;
      if (action?.kind === 'http') {
        const headers = Object.fromEntries(
          Object.entries(action.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
        );
        return { status: action.status, headers, body: action.body ?? '' };
      }
      return usual(request);
    },
  };
}
