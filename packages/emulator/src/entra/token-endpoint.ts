/**
 * The decision of Entra's token endpoint for one request of the client credentials grant.
 *
 * It looks at one thing after the other and the first that is wrong is the answer: method, grant type, tenant, client,
 * scope, proof of the client, resource. The order between scope and proof is modelled; every single answer has its
 * grounds in `errors.ts`. A missing consent is not an error: the token then has no roles.
 */
import { timingSafeEqual } from 'node:crypto';
import { findAppIn, type App, type ClientSecret, type Directory, type Tenant } from '../state/directory.ts';
import { isGuid } from '../state/checks.ts';
import { checkAssertion } from './client-assertion.ts';
import type { AadstsCode, AadstsRefusal, AadstsValues } from './errors.ts';
import { readTokenForm, type TokenForm, type TokenHttpRequest } from './token-request.ts';
import type { TokenSubject } from './access-token.ts';

/** What the endpoint decides. */
export type TokenDecision =
  | { readonly outcome: 'granted'; readonly subject: TokenSubject }
  | { readonly outcome: 'refused'; readonly refusal: AadstsRefusal; readonly clientId: string };

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const EMPTY_GUID = '00000000-0000-0000-0000-000000000000';

/** Resources that every tenant of the emulator has, by every name under which they are asked for. */
const RESOURCES: ReadonlySet<string> = new Set([
  'https://outlook.office365.com',
  'https://outlook.office.com',
  'https://graph.microsoft.com',
]);

class Refused {
  readonly refusal: AadstsRefusal;

  constructor(code: AadstsCode, values: AadstsValues = {}) {
    this.refusal = { code, values };
  }
}

function need(value: string, parameter: string): Refused | undefined {
  return value === '' ? new Refused(900144, { parameter }) : undefined;
}

function findTenant(name: string, directory: Directory): Tenant | Refused {
  const lower = name.toLowerCase();
  if (lower === 'common' || lower === 'consumers') return new Refused(9001023);
  if (lower === EMPTY_GUID || lower === 'token') return new Refused(90002, { tenant: name });
  if (!isGuid(name) && !/^[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)+$/i.test(name))
    return new Refused(900023, { tenant: name });
  return directory.findTenant(name) ?? new Refused(90002, { tenant: name });
}

function findApp(form: TokenForm, tenant: Tenant): App | Refused {
  if (form.clientId === EMPTY_GUID) return new Refused(700038, { clientId: form.clientId });
  const values = { clientId: form.clientId, tenantId: tenant.id };
  const app = findAppIn(tenant, form.clientId);
  if (app === undefined) return new Refused(700016, values);
  if (app.servicePrincipal === undefined) return new Refused(7000229, values);
  return app.disabled ? new Refused(7000112, { ...values, appName: app.displayName }) : app;
}

/** The resource that a scope asks for, or why it asks for none. */
function resourceOf(scope: string): string | Refused {
  const values = scope.split(/ +/);
  // RFC 6749 section 3.3: the characters of a scope token.
  if (values.some((value) => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value) || value.includes(',')))
    return new Refused(70011, { scope });
  const suffix = '/.default';
  if (!values.every((value) => value.endsWith(suffix) && value.length > suffix.length))
    return new Refused(1002012, { scope });
  if (values.length > 1) return new Refused(700022, { scope });
  return scope.slice(0, -suffix.length);
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function checkSecret(given: string, app: App, now: number): Refused | undefined {
  const matching: ClientSecret | undefined = app.secrets.find((secret) => sameText(secret.value, given));
  if (matching === undefined || now < matching.startsAt) return new Refused(7000215, { clientId: app.clientId });
  return now < matching.endsAt ? undefined : new Refused(7000222, { clientId: app.clientId });
}

interface Proof {
  readonly strength: '1' | '2';
}

function proveClient(form: TokenForm, app: App, tenant: Tenant, base: string, now: number): Proof | Refused {
  if (form.assertion !== '') {
    if (form.assertionType !== ASSERTION_TYPE) return new Refused(900144, { parameter: 'client_assertion_type' });
    const issuers = [tenant.id, ...tenant.domains].flatMap((name) => [
      `${base}/${name}/oauth2/v2.0/token`,
      `${base}/${name}/v2.0`,
    ]);
    const refusal = checkAssertion(form.assertion, app, issuers, now);
    return refusal === undefined ? { strength: '2' } : new Refused(refusal.code, refusal.values);
  }
  if (form.clientSecret === '') return new Refused(7000216);
  return checkSecret(form.clientSecret, app, now) ?? { strength: '1' };
}

function decide(
  request: TokenHttpRequest,
  form: TokenForm,
  directory: Directory,
  base: string,
  now: number,
): TokenSubject | Refused {
  if (request.method !== 'POST') return new Refused(900561, { method: request.method });
  const missing = need(form.grantType, 'grant_type');
  if (missing !== undefined) return missing;
  if (form.grantType !== 'client_credentials') return new Refused(70003, { grantType: form.grantType });
  const isOrganizations = request.tenantName.toLowerCase() === 'organizations';
  const incomplete = need(form.clientId, 'client_id') ?? need(form.scope, 'scope');
  if (incomplete !== undefined) return incomplete;
  if (isOrganizations) {
    const app = directory.findApp(form.clientId)?.app;
    return new Refused(50194, { clientId: form.clientId, appName: app?.displayName ?? '' });
  }
  const tenant = findTenant(request.tenantName, directory);
  if (tenant instanceof Refused) return tenant;
  const app = findApp(form, tenant);
  if (app instanceof Refused) return app;
  const resource = resourceOf(form.scope);
  if (resource instanceof Refused) return resource;
  const proof = proveClient(form, app, tenant, base, now);
  if (proof instanceof Refused) return proof;
  if (!RESOURCES.has(resource) || app.servicePrincipal === undefined)
    return new Refused(500011, { resource, tenantId: tenant.id });
  return { tenant, app, servicePrincipal: app.servicePrincipal, resource, strength: proof.strength };
}

/**
 * Decides one request.
 *
 * @param base - scheme, host and port of the endpoint, for the audience of client assertions.
 * @param now - milliseconds since 1970.
 */
export function decideTokenRequest(
  request: TokenHttpRequest,
  directory: Directory,
  base: string,
  now: number,
): TokenDecision {
  const form = readTokenForm(request);
  const decided = decide(request, form, directory, base, now);
  return decided instanceof Refused
    ? { outcome: 'refused', refusal: decided.refusal, clientId: form.clientId }
    : { outcome: 'granted', subject: decided };
}
