/** Applications: read, made, changed, deleted; their secrets, certificates and federated credentials. */
import { X509Certificate } from 'node:crypto';
import { makeCertificate, makeSecret, newApp, type App, type RequiredRole } from '../state/directory.ts';
import type { FederatedCredentialState } from '../state/state.ts';
import { APPLICATION, asObject, FEDERATED_CREDENTIAL, mistakeIn, PASSWORD_CREDENTIAL } from './entity-types.ts';
import { badRequest, notFound, refuse, type GraphRefusal, type Json } from './graph-error.ts';
import { application, federatedCredential, keyCredential, passwordCredential } from './graph-objects.ts';
import { isKnown, type GraphCall, type GraphOutcome } from './graph-call.ts';

const HALF_A_YEAR_MS = 183 * 24 * 3_600_000;
const TWO_YEARS_MS = 2 * 365 * 24 * 3_600_000;
const MOST_SECRETS = 2;
const WRITE = 'Application.ReadWrite.All';
const READ = ['Application.Read.All', 'Directory.Read.All', WRITE] as const;

const DENIED = refuse(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');

/** Whether the caller may change an app, or make one. */
function mayWrite({ caller }: GraphCall, app: App | undefined): GraphRefusal | undefined {
  return caller.has(WRITE) || caller.owns(app) ? undefined : DENIED;
}

function mayRead({ caller }: GraphCall, app: App | undefined): GraphRefusal | undefined {
  return caller.has(...READ) || caller.owns(app) ? undefined : DENIED;
}

function rolesIn(body: Json): RequiredRole[] | undefined {
  const list = body['requiredResourceAccess'];
  if (!Array.isArray(list)) return undefined;
  return list.flatMap((entry) => {
    const resource = asObject(entry) ?? {};
    const access = Array.isArray(resource['resourceAccess']) ? resource['resourceAccess'] : [];
    return access.map((each) => ({
      resourceAppId: String(resource['resourceAppId']),
      id: String(asObject(each)?.['id']),
      type: String(asObject(each)?.['type']),
    }));
  });
}

/** Takes over what a body says of an application. */
function change(app: App, body: Json): GraphRefusal | undefined {
  if (body['passwordCredentials'] !== undefined)
    return badRequest('Updates to passwordCredentials are not allowed: use addPassword and removePassword.');
  const keys = body['keyCredentials'];
  if (Array.isArray(keys)) {
    const changed = keys.map((key) => certificateOf(app, asObject(key) ?? {}));
    if (changed.includes(undefined))
      return badRequest("Invalid value specified for property 'key' of resource 'KeyCredential'.");
    app.certificates = changed.flatMap((each) => each ?? []);
  }
  if (typeof body['displayName'] === 'string') app.displayName = body['displayName'];
  if (typeof body['uniqueName'] === 'string') app.uniqueName = body['uniqueName'];
  app.requiredRoles = rolesIn(body) ?? app.requiredRoles;
  return undefined;
}

function certificateOf(app: App, key: Json): App['certificates'][number] | undefined {
  const known = app.certificates.find(({ keyId }) => keyId === key['keyId']);
  if (typeof key['key'] !== 'string') return known;
  try {
    const certificate = new X509Certificate(Buffer.from(key['key'], 'base64'));
    if (known?.certificate.fingerprint256 === certificate.fingerprint256) return known;
    return makeCertificate(certificate, typeof key['displayName'] === 'string' ? key['displayName'] : '');
  } catch {
    return undefined;
  }
}

function make(call: GraphCall, body: Json): GraphOutcome {
  const denied = mayWrite(call, undefined);
  if (denied !== undefined) return denied;
  if (typeof body['displayName'] !== 'string' || body['displayName'] === '')
    return badRequest("A value is required for property 'displayName' of resource 'Application'.");
  const uniqueName = typeof body['uniqueName'] === 'string' ? body['uniqueName'] : '';
  if (uniqueName !== '' && call.caller.tenant.apps.some((app) => app.uniqueName === uniqueName))
    return refuse(
      400,
      'Request_MultipleObjectsWithSameKeyValue',
      'Another object with the same value for property uniqueName already exists.',
    );
  const app = newApp({ displayName: body['displayName'], uniqueName, requiredRoles: rolesIn(body) ?? [] }, call.now);
  const refused = change(app, body);
  if (refused !== undefined) return refused;
  call.caller.tenant.apps.push(app);
  return { status: 201, body: application(app, false) };
}

/** `/applications` */
export function applications(call: GraphCall): GraphOutcome {
  const { method, caller, body, query } = call;
  if (method === 'POST') {
    const mistake = mistakeIn(body, APPLICATION, 'Application');
    return mistake === undefined ? make(call, body) : badRequest(mistake);
  }
  const denied = mayRead(call, undefined);
  if (denied !== undefined) return denied;
  const known = caller.tenant.apps.filter(({ madeAt }) => isKnown(call, madeAt));
  const found = filtered(known, query.get('$filter'));
  return found === undefined
    ? refuse(400, 'Request_UnsupportedQuery', 'Unsupported Query.')
    : { status: 200, body: { value: found.map((app) => application(app, false)) } };
}

/** The two filters that clients use. */
function filtered(apps: readonly App[], filter: string | null): readonly App[] | undefined {
  if (filter === null) return apps;
  const begins = /^startswith\((uniqueName|displayName),'((?:[^']|'')*)'\)$/i.exec(filter);
  const equals = /^(appId|displayName|uniqueName) eq '((?:[^']|'')*)'$/i.exec(filter);
  const [, name, quoted] = begins ?? equals ?? [];
  if (name === undefined || quoted === undefined) return undefined;
  const wanted = quoted.replaceAll("''", "'");
  const value = (app: App): string =>
    name.toLowerCase() === 'appid'
      ? app.clientId
      : name.toLowerCase() === 'displayname'
        ? app.displayName
        : app.uniqueName;
  return apps.filter((app) => (begins === null ? value(app) === wanted : value(app).startsWith(wanted)));
}

/** `/applications/{id}`, `(appId='…')`, `(uniqueName='…')` */
export function oneApplication(call: GraphCall, app: App | undefined, key: string): GraphOutcome {
  const { method, body, query } = call;
  const isUpsert =
    method === 'PATCH' && key.startsWith('uniqueName=') && /\bcreate-if-missing\b/.test(call.headers('prefer'));
  if (app === undefined && isUpsert) {
    const mistake = mistakeIn(body, APPLICATION, 'Application');
    if (mistake !== undefined) return badRequest(mistake);
    return make(call, { ...body, uniqueName: key.slice('uniqueName='.length) });
  }
  if (app === undefined || (method === 'GET' && !isKnown(call, app.madeAt))) return notFound(key);
  if (method === 'GET') {
    const denied = mayRead(call, app);
    if (denied !== undefined) return denied;
    // Keys are given only where the one object is asked for and the property by its name.
    const withKeys = /(?:^|,)keyCredentials(?:,|$)/.test(query.get('$select') ?? '');
    return { status: 200, body: application(app, withKeys) };
  }
  const denied = mayWrite(call, app);
  if (denied !== undefined) return denied;
  if (method === 'DELETE') {
    const { apps } = call.caller.tenant;
    apps.splice(apps.indexOf(app), 1);
    return { status: 204 };
  }
  const mistake = mistakeIn(body, APPLICATION, 'Application');
  if (mistake !== undefined) return badRequest(mistake);
  return change(app, body) ?? { status: 204 };
}

function policyRefusal({ caller, now }: GraphCall, endsAt: number): GraphRefusal | undefined {
  const { secretPolicy } = caller.tenant;
  if (secretPolicy === 'forbidden')
    return refuse(
      403,
      'CredentialTypeNotAllowedAsPerAppPolicy',
      "Credential type not allowed as per assigned policy 'passwordAddition'.",
    );
  if (secretPolicy === 'half-a-year' && endsAt - now > HALF_A_YEAR_MS)
    return refuse(
      403,
      'CredentialInvalidLifetimeAsPerAppPolicy',
      'Credential lifetime exceeds the max value allowed as per assigned policy.',
    );
  return undefined;
}

/** `/applications/{id}/addPassword` */
export function addPassword(call: GraphCall, app: App): GraphOutcome {
  const denied = mayWrite(call, app);
  if (denied !== undefined) return denied;
  const credential = call.body['passwordCredential'] === undefined ? {} : asObject(call.body['passwordCredential']);
  const extra = Object.keys(call.body).find((name) => name !== 'passwordCredential');
  if (credential === undefined || extra !== undefined)
    return badRequest(
      `The parameter '${extra ?? 'passwordCredential'}' in the request payload is not a valid parameter for the operation 'addPassword'.`,
    );
  const mistake = mistakeIn(credential, PASSWORD_CREDENTIAL, 'PasswordCredential');
  if (mistake !== undefined) return badRequest(mistake);
  const startsAt = typeof credential['startDateTime'] === 'string' ? Date.parse(credential['startDateTime']) : call.now;
  const endsAt =
    typeof credential['endDateTime'] === 'string' ? Date.parse(credential['endDateTime']) : startsAt + TWO_YEARS_MS;
  const refused = policyRefusal(call, endsAt);
  if (refused !== undefined) return refused;
  if (app.secrets.length >= MOST_SECRETS && app.madeAt > 0)
    return refuse(
      400,
      'TooManyAppPasswords',
      `Not allowed to add ${app.secrets.length + 1} passwords. You can only add a maximum of ${MOST_SECRETS} passwords.`,
    );
  const displayName = typeof credential['displayName'] === 'string' ? credential['displayName'] : '';
  const made = makeSecret(
    { startsAt: new Date(startsAt).toISOString(), endsAt: new Date(endsAt).toISOString() },
    call.now,
  );
  const secret = { ...made, displayName };
  app.secrets.push(secret);
  return { status: 200, body: { ...passwordCredential(secret), secretText: secret.value } };
}

/** `/applications/{id}/removePassword` */
export function removePassword(call: GraphCall, app: App): GraphOutcome {
  const denied = mayWrite(call, app);
  if (denied !== undefined) return denied;
  const { keyId } = call.body;
  if (typeof keyId !== 'string')
    return badRequest("The parameter 'keyId' is required for the operation 'removePassword'.");
  if (!app.secrets.some((secret) => secret.keyId === keyId))
    return badRequest(`No password credential found with keyId '${keyId}'.`);
  app.secrets = app.secrets.filter((secret) => secret.keyId !== keyId);
  return { status: 204 };
}

/** `/applications/{id}/addKey` and `removeKey`: they want a proof that is signed with a certificate which the app has already. */
export function changeKey(call: GraphCall, app: App): GraphOutcome {
  const denied = mayWrite(call, app);
  if (denied !== undefined) return denied;
  if (app.certificates.length === 0 || typeof call.body['proof'] !== 'string' || call.body['proof'] === '')
    return refuse(
      400,
      'Authentication_MissingOrMalformed',
      'Access Token missing or malformed: a valid proof of possession is required.',
    );
  const keyId = call.body['keyId'];
  if (typeof keyId === 'string') {
    app.certificates = app.certificates.filter((certificate) => certificate.keyId !== keyId);
    return { status: 204 };
  }
  const added = certificateOf(app, asObject(call.body['keyCredential']) ?? {});
  if (added === undefined) return badRequest("Invalid value specified for property 'key' of resource 'KeyCredential'.");
  app.certificates.push(added);
  return { status: 200, body: keyCredential(added, false) };
}

/** `/applications/{id}/federatedIdentityCredentials` and one of them. */
export function federatedCredentials(call: GraphCall, app: App, id: string | undefined): GraphOutcome {
  const denied = call.method === 'GET' ? mayRead(call, app) : mayWrite(call, app);
  if (denied !== undefined) return denied;
  if (id === undefined && call.method === 'GET')
    return {
      status: 200,
      body: { value: app.federatedCredentials.map((credential) => federatedCredential(credential)) },
    };
  if (id === undefined) return addFederatedCredential(call, app);
  const index = app.federatedCredentials.findIndex((credential) => {
    const shown = federatedCredential(credential);
    return shown['id'] === id || shown['name'] === id;
  });
  const found = app.federatedCredentials[index];
  if (found === undefined) return notFound(id);
  if (call.method === 'GET') return { status: 200, body: federatedCredential(found) };
  if (call.method === 'DELETE') {
    app.federatedCredentials.splice(index, 1);
    return { status: 204 };
  }
  const mistake = mistakeIn(call.body, FEDERATED_CREDENTIAL, 'FederatedIdentityCredential');
  if (mistake !== undefined) return badRequest(mistake);
  const { issuer = found.issuer, subject = found.subject } = call.body as Partial<FederatedCredentialState>;
  app.federatedCredentials[index] = { ...found, issuer, subject };
  return { status: 204 };
}

function addFederatedCredential({ body }: GraphCall, app: App): GraphOutcome {
  const mistake = mistakeIn(body, FEDERATED_CREDENTIAL, 'FederatedIdentityCredential');
  if (mistake !== undefined) return badRequest(mistake);
  const { name, issuer, subject, audiences } = body;
  if (
    typeof name !== 'string' ||
    typeof issuer !== 'string' ||
    typeof subject !== 'string' ||
    !Array.isArray(audiences)
  )
    return badRequest('One or more required properties are missing: name, issuer, subject, audiences.');
  if (app.federatedCredentials.some((each) => each.issuer === issuer && each.subject === subject))
    return refuse(
      409,
      'Request_MultipleObjectsWithSameKeyValue',
      'FederatedIdentityCredential with the same issuer and subject already exists.',
    );
  const added: FederatedCredentialState = { issuer, subject, name, audience: String(audiences[0]), keys: [] };
  app.federatedCredentials.push(added);
  return { status: 201, body: federatedCredential(added) };
}
