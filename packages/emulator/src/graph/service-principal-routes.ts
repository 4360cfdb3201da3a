/** Enterprise applications and the permissions that were granted to them. */
import { randomUUID } from 'node:crypto';
import type { App, ServicePrincipal, Tenant } from '../state/directory.ts';
import { APP_ROLE_ASSIGNMENT, mistakeIn, SERVICE_PRINCIPAL } from './entity-types.ts';
import { isKnown, type GraphCall, type GraphOutcome } from './graph-call.ts';
import { badRequest, notFound, refuse, type GraphRefusal } from './graph-error.ts';
import {
  appRoleAssignment,
  EXCHANGE_APP_ID,
  EXCHANGE_ROLES,
  exchangeObjectId,
  exchangeServicePrincipal,
  roleId,
  roleOfAssignment,
  servicePrincipal,
} from './graph-objects.ts';

const WRITE = 'Application.ReadWrite.All';
const READ = ['Application.Read.All', 'Directory.Read.All', WRITE] as const;
const DENIED: GraphRefusal = refuse(
  403,
  'Authorization_RequestDenied',
  'Insufficient privileges to complete the operation.',
);

interface Found {
  readonly app: App;
  readonly principal: ServicePrincipal;
}

/** The enterprise application with this object ID, where it is known already. */
function findPrincipal(call: GraphCall, objectId: string): Found | undefined {
  const app = call.caller.tenant.apps.find((each) => each.servicePrincipal?.objectId === objectId.toLowerCase());
  const principal = app?.servicePrincipal;
  return app === undefined || principal === undefined || !isKnown(call, principal.madeAt)
    ? undefined
    : { app, principal };
}

/** `/servicePrincipals` */
export function servicePrincipals(call: GraphCall): GraphOutcome {
  const { method, caller, query } = call;
  if (method === 'POST') return makePrincipal(call);
  if (!caller.has(...READ)) return DENIED;
  const filter = /^appId eq '([0-9a-f-]{36})'$/i.exec(query.get('$filter') ?? '')?.[1];
  const own = caller.tenant.apps.flatMap((app) =>
    app.servicePrincipal === undefined ? [] : [servicePrincipal(app, app.servicePrincipal)],
  );
  const all = [...(hasExchange(caller.tenant) ? [exchangeServicePrincipal(caller.tenant)] : []), ...own];
  return {
    status: 200,
    body: { value: filter === undefined ? all : all.filter((each) => each['appId'] === filter.toLowerCase()) },
  };
}

/** A tenant without a mailbox has no Exchange Online. */
function hasExchange({ mailboxes }: Tenant): boolean {
  return mailboxes.length > 0;
}

function makePrincipal(call: GraphCall): GraphOutcome {
  const { caller, body, now } = call;
  if (!caller.has(WRITE)) return DENIED;
  const mistake = mistakeIn(body, SERVICE_PRINCIPAL, 'ServicePrincipal');
  if (mistake !== undefined) return badRequest(mistake);
  const appId = body['appId'];
  if (typeof appId !== 'string')
    return badRequest("A value is required for property 'appId' of resource 'ServicePrincipal'.");
  const app = caller.tenant.apps.find((each) => each.clientId === appId.toLowerCase());
  if (app === undefined || !isKnown(call, app.madeAt))
    return refuse(
      400,
      'NoBackingApplicationObject',
      `The appId '${appId}' of the service principal does not reference a valid application object.`,
    );
  if (app.servicePrincipal !== undefined)
    return refuse(
      409,
      'Request_MultipleObjectsWithSameKeyValue',
      `The service principal cannot be created, updated, or restored because the service principal name ${appId} is already in use.`,
    );
  const principal: ServicePrincipal = { objectId: randomUUID(), madeAt: now, exchangeObjectId: undefined };
  app.servicePrincipal = principal;
  return { status: 201, body: servicePrincipal(app, principal) };
}

/** `/servicePrincipals(appId='…')` */
export function principalByAppId(call: GraphCall, appId: string): GraphOutcome {
  const { tenant } = call.caller;
  if (!call.caller.has(...READ)) return DENIED;
  if (appId.toLowerCase() === EXCHANGE_APP_ID && hasExchange(tenant))
    return { status: 200, body: exchangeServicePrincipal(tenant) };
  const app = tenant.apps.find(({ clientId }) => clientId === appId.toLowerCase());
  const principal = app?.servicePrincipal;
  if (app === undefined || principal === undefined || !isKnown(call, principal.madeAt)) return notFound(appId);
  return { status: 200, body: servicePrincipal(app, principal) };
}

/** `/servicePrincipals/{id}` */
export function onePrincipal(call: GraphCall, objectId: string): GraphOutcome {
  const { caller, method, body } = call;
  if (objectId === exchangeObjectId(caller.tenant) && method === 'GET')
    return caller.has(...READ) ? { status: 200, body: exchangeServicePrincipal(caller.tenant) } : DENIED;
  const found = findPrincipal(call, objectId);
  if (found === undefined) return notFound(objectId);
  if (method === 'GET')
    return caller.has(...READ) ? { status: 200, body: servicePrincipal(found.app, found.principal) } : DENIED;
  if (!caller.has(WRITE)) return DENIED;
  if (method === 'DELETE') {
    found.app.servicePrincipal = undefined;
    found.app.consent.clear();
    return { status: 204 };
  }
  const mistake = mistakeIn(body, SERVICE_PRINCIPAL, 'ServicePrincipal');
  if (mistake !== undefined) return badRequest(mistake);
  if (typeof body['accountEnabled'] === 'boolean') found.app.disabled = !body['accountEnabled'];
  return { status: 204 };
}

function assignmentsOf(tenant: Tenant, { app, principal }: Found): readonly Readonly<Record<string, unknown>>[] {
  return [...app.consent].map((role) => appRoleAssignment(tenant, app, principal, role));
}

function grant(call: GraphCall): GraphOutcome {
  const { caller, body } = call;
  if (!caller.has('AppRoleAssignment.ReadWrite.All')) return DENIED;
  const mistake = mistakeIn(body, APP_ROLE_ASSIGNMENT, 'AppRoleAssignment');
  if (mistake !== undefined) return badRequest(mistake);
  const { principalId, resourceId, appRoleId } = body;
  if (typeof principalId !== 'string' || typeof resourceId !== 'string' || typeof appRoleId !== 'string')
    return badRequest('One or more required properties are missing: principalId, resourceId, appRoleId.');
  const found = findPrincipal(call, principalId);
  if (found === undefined) return notFound(principalId);
  if (resourceId !== exchangeObjectId(caller.tenant)) return notFound(resourceId);
  const role = EXCHANGE_ROLES.find((value) => roleId(value) === appRoleId);
  if (role === undefined)
    return badRequest(`Permission being assigned was not found on application '${EXCHANGE_APP_ID}'.`);
  if (found.app.consent.has(role)) return badRequest('Permission being assigned already exists on the object');
  found.app.consent.add(role);
  return { status: 201, body: appRoleAssignment(caller.tenant, found.app, found.principal, role) };
}

function withdraw({ caller }: GraphCall, app: App, id: string): GraphOutcome {
  if (!caller.has('AppRoleAssignment.ReadWrite.All')) return DENIED;
  const role = roleOfAssignment(app, id);
  if (role === undefined) return notFound(id);
  app.consent.delete(role);
  return { status: 204 };
}

/** `/servicePrincipals/{id}/appRoleAssignments` and one of them: what was granted to it. */
export function assignments(call: GraphCall, objectId: string, id: string | undefined): GraphOutcome {
  const found = findPrincipal(call, objectId);
  if (found === undefined) return notFound(objectId);
  if (call.method === 'POST') return grant(call);
  if (call.method === 'DELETE') return withdraw(call, found.app, id ?? '');
  if (!call.caller.has(...READ)) return DENIED;
  const all = assignmentsOf(call.caller.tenant, found);
  if (id === undefined) return { status: 200, body: { value: all } };
  const one = all.find((each) => each['id'] === id);
  return one === undefined ? notFound(id) : { status: 200, body: one };
}

/** `/servicePrincipals/{id}/appRoleAssignedTo` and one of them: what it grants to others; only Exchange Online grants anything here. */
export function assignedTo(call: GraphCall, objectId: string, id: string | undefined): GraphOutcome {
  const { tenant } = call.caller;
  if (objectId !== exchangeObjectId(tenant)) {
    if (findPrincipal(call, objectId) === undefined) return notFound(objectId);
    return call.method === 'GET' ? { status: 200, body: { value: [] } } : notFound(id ?? objectId);
  }
  if (call.method === 'POST') return grant(call);
  if (call.method === 'DELETE') {
    const app = tenant.apps.find((each) => roleOfAssignment(each, id ?? '') !== undefined);
    return app === undefined ? notFound(id ?? '') : withdraw(call, app, id ?? '');
  }
  if (!call.caller.has(...READ)) return DENIED;
  const value = tenant.apps.flatMap((app) =>
    app.servicePrincipal === undefined ? [] : assignmentsOf(tenant, { app, principal: app.servicePrincipal }),
  );
  return { status: 200, body: { value } };
}
