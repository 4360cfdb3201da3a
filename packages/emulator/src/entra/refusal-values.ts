/**
 * The values that a refusal on demand names: those of the request it answers, so that it reads like one that was earned.
 *
 * Where a request has none, one of the emulator's own stands in, so that no text has a gap.
 */
import { createHash } from 'node:crypto';
import type { App, Directory, Tenant } from '../state/directory.ts';
import { claimText, decodeJwt, type DecodedJwt } from './access-token.ts';
import { assertionTimes, audiencesOf, DEFAULT_FEDERATED_AUDIENCE, namedThumbprint } from './client-assertion.ts';
import type { AadstsCode, AadstsValues } from './errors.ts';
import { readTokenForm, type TokenForm, type TokenHttpRequest } from './token-request.ts';

const DEFAULT_SCOPE = 'https://outlook.office365.com/.default';
const EMPTY_GUID = '00000000-0000-0000-0000-000000000000';

/** The parameter that AADSTS900144 calls missing: one that is, or the one that most often is. */
function missingParameter(form: TokenForm): string {
  if (form.grantType === '') return 'grant_type';
  return form.clientId === '' ? 'client_id' : 'scope';
}

function filled(value: string | undefined, standIn: string): string {
  return value === undefined || value === '' ? standIn : value;
}

/** What {@link AADSTS} calls `value`: the claim that the refusals of a federated assertion are about. */
function claimFor(code: AadstsCode, jwt: DecodedJwt | undefined): string {
  if (code === 700211) return filled(claimText(jwt?.claims['iss']), 'https://issuer.example');
  if (code === 700213) return filled(claimText(jwt?.claims['sub']), 'system:serviceaccount:default:default');
  return filled(jwt === undefined ? '' : audiencesOf(jwt).join(', '), DEFAULT_FEDERATED_AUDIENCE);
}

function appOf(form: TokenForm, tenant: Tenant | undefined, directory: Directory): App | undefined {
  if (form.clientId !== '') return directory.findApp(form.clientId)?.app;
  return tenant?.apps[0] ?? directory.tenants.flatMap(({ apps }) => apps)[0];
}

function madeUpThumbprint(of: string): string {
  return createHash('sha1').update(of).digest('hex').toUpperCase();
}

/** Values for every `{name}` in the text of a code. `now` is milliseconds since 1970. */
export function refusalValues(
  code: AadstsCode,
  request: TokenHttpRequest,
  directory: Directory,
  now: number,
): AadstsValues {
  const form = readTokenForm(request);
  const tenant = directory.findTenant(request.tenantName);
  const app = appOf(form, tenant, directory);
  const jwt = decodeJwt(form.assertion);
  const clientId = filled(form.clientId, app?.clientId ?? EMPTY_GUID);
  const scope = filled(form.scope, DEFAULT_SCOPE);
  return {
    clientId,
    appName: filled(app?.displayName, 'Application'),
    tenant: request.tenantName,
    tenantId: tenant?.id ?? request.tenantName,
    scope,
    resource: scope.replace(/\/\.default$/, ''),
    grantType: filled(form.grantType, 'client_credentials'),
    method: request.method,
    parameter: missingParameter(form),
    reason: 'The key was not found.',
    thumbprint: filled(namedThumbprint(jwt), madeUpThumbprint(clientId)),
    value: claimFor(code, jwt),
    ...assertionTimes(jwt, now),
  };
}
