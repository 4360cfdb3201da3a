/**
 * What the set-up and the rotation of secrets ask of a tenant's directory, one operation a method.
 *
 * Each is the call that Microsoft documents for it, with the least that it needs:
 * learn.microsoft.com/graph/api/application-upsert, serviceprincipal-post-serviceprincipals, serviceprincipal-post-approleassignedto,
 * application-addpassword, application-removepassword, application-post-federatedidentitycredentials (read 2026-11-25).
 */
import { failure, Secret, success, type Fault, type Result } from '@postbearer/core';
import { microsoft365Faults } from '../faults.ts';
import type { GraphClient, GraphRequest } from './graph-client.ts';
import {
  readApplication,
  readFederatedCredential,
  readList,
  readNewSecret,
  readRoleAssignment,
  readServicePrincipal,
  type Application,
  type CredentialFacts,
  type FederatedCredential,
  type Json,
  type RequiredRole,
  type RoleAssignment,
  type ServicePrincipal,
} from './graph-objects.ts';

/** appId of Office 365 Exchange Online, the same in every tenant. */
export const EXCHANGE_ONLINE_APP_ID = '00000002-0000-0ff1-ce00-000000000000';

/** A secret that was just made. Its value is given this once. */
export interface NewSecret {
  readonly facts: CredentialFacts;
  readonly value: Secret;
}

/** What a new or changed registration is made of. */
export interface ApplicationInput {
  /** Makes a repeat find the same registration. */
  readonly uniqueName: string;
  readonly displayName: string;
  readonly requiredRoles: readonly RequiredRole[];
}

/** The directory of a tenant. Every operation fails with a `M365_GRAPH_…` fault or one of the network. */
export interface Directory {
  /** Exchange Online's own service principal, with its roles. Fails with `M365_NO_EXCHANGE_ONLINE`. */
  findExchangeOnline(): Promise<Result<ServicePrincipal>>;
  /** The registration of that unique name, or of that client ID; `undefined` where there is none. */
  findApplication(
    by: { readonly uniqueName: string } | { readonly appId: string },
  ): Promise<Result<Application | undefined>>;
  /** Registrations whose unique name begins so. */
  listApplications(uniqueNamePrefix: string): Promise<Result<readonly Application[]>>;
  /** Makes the registration or brings it to what is given; `isNew` says which. */
  upsertApplication(
    input: ApplicationInput,
  ): Promise<Result<{ readonly application: Application; readonly isNew: boolean }>>;
  deleteApplication(id: string): Promise<Result<void>>;
  findServicePrincipal(appId: string): Promise<Result<ServicePrincipal | undefined>>;
  createServicePrincipal(appId: string): Promise<Result<ServicePrincipal>>;
  /** The permissions that a service principal was granted. */
  listRoleAssignments(servicePrincipalId: string): Promise<Result<readonly RoleAssignment[]>>;
  /** Grants a permission: this is the admin consent. */
  assignRole(assignment: {
    readonly principalId: string;
    readonly resourceId: string;
    readonly roleId: string;
  }): Promise<Result<RoleAssignment>>;
  deleteRoleAssignment(servicePrincipalId: string, assignmentId: string): Promise<Result<void>>;
  /** Makes a secret that ends at `endsAt`, milliseconds since 1970. */
  addSecret(
    applicationId: string,
    secret: { readonly displayName: string; readonly endsAt: number },
  ): Promise<Result<NewSecret>>;
  removeSecret(applicationId: string, keyId: string): Promise<Result<void>>;
  /** Adds a certificate beside those that are there. @param der - the certificate, DER. */
  addCertificate(
    applicationId: string,
    certificate: { readonly displayName: string; readonly der: Uint8Array },
  ): Promise<Result<void>>;
  listFederatedCredentials(applicationId: string): Promise<Result<readonly FederatedCredential[]>>;
  addFederatedCredential(
    applicationId: string,
    credential: Omit<FederatedCredential, 'id'>,
  ): Promise<Result<FederatedCredential>>;
}

const APPLICATION_FIELDS =
  '$select=id,appId,displayName,uniqueName,passwordCredentials,keyCredentials,requiredResourceAccess';

/** A text as a value of an OData key or filter. */
function odata(value: string): string {
  return encodeURIComponent(value.replaceAll("'", "''"));
}

function unclear(what: string): Fault {
  return microsoft365Faults.make('M365_GRAPH_REPLY_UNCLEAR', { what });
}

class GraphDirectory implements Directory {
  readonly #client: GraphClient;

  constructor(client: GraphClient) {
    this.#client = client;
  }

  async #read<T>(request: GraphRequest, read: (json: Json) => T | undefined): Promise<Result<T>> {
    const reply = await this.#client.call(request);
    if (!reply.ok) return reply;
    const value = read(reply.value.body);
    return value === undefined ? failure(unclear(request.what)) : success(value);
  }

  async #find<T>(request: GraphRequest, read: (json: Json) => T | undefined): Promise<Result<T | undefined>> {
    const found = await this.#read(request, read);
    return !found.ok && found.fault.code === 'M365_GRAPH_NOT_FOUND' ? success(undefined) : found;
  }

  async #do(request: GraphRequest): Promise<Result<void>> {
    const reply = await this.#client.call(request);
    return reply.ok ? success(undefined) : reply;
  }

  /** All pages of a list; Graph names the next one by an absolute URL of its own host, of which the path is taken. */
  async #list<T>(request: GraphRequest, read: (json: Json) => T | undefined): Promise<Result<readonly T[]>> {
    const items: T[] = [];
    let { path } = request;
    for (;;) {
      const reply = await this.#client.call({ ...request, path });
      if (!reply.ok) return reply;
      items.push(...readList(reply.value.body).flatMap((json) => read(json) ?? []));
      const next = reply.value.body['@odata.nextLink'];
      const url = typeof next === 'string' ? URL.parse(next) : null;
      if (url === null) return success(items);
      path = `${url.pathname.replace(/^\/(?:v1\.0|beta)(?=\/)/, '')}${url.search}`;
    }
  }

  async findExchangeOnline(): Promise<Result<ServicePrincipal>> {
    const path = `/servicePrincipals(appId='${EXCHANGE_ONLINE_APP_ID}')?$select=id,appId,displayName,appRoles`;
    const found = await this.#find({ method: 'GET', path, what: 'Office 365 Exchange Online' }, readServicePrincipal);
    if (!found.ok) return found;
    return found.value === undefined
      ? failure(microsoft365Faults.make('M365_NO_EXCHANGE_ONLINE'))
      : success(found.value);
  }

  async findApplication(
    by: { readonly uniqueName: string } | { readonly appId: string },
  ): Promise<Result<Application | undefined>> {
    const key = 'appId' in by ? `appId='${odata(by.appId)}'` : `uniqueName='${odata(by.uniqueName)}'`;
    const what = `the application ${'appId' in by ? by.appId : by.uniqueName}`;
    return await this.#find(
      { method: 'GET', path: `/applications(${key})?${APPLICATION_FIELDS}`, what },
      readApplication,
    );
  }

  async listApplications(uniqueNamePrefix: string): Promise<Result<readonly Application[]>> {
    const path = `/applications?$filter=startswith(uniqueName,'${odata(uniqueNamePrefix)}')&${APPLICATION_FIELDS}`;
    return await this.#list({ method: 'GET', path, what: 'the list of applications' }, readApplication);
  }

  async upsertApplication(
    input: ApplicationInput,
  ): Promise<Result<{ readonly application: Application; readonly isNew: boolean }>> {
    const { uniqueName, displayName, requiredRoles } = input;
    const what = `the application ${displayName}`;
    const reply = await this.#client.call({
      method: 'PATCH',
      path: `/applications(uniqueName='${odata(uniqueName)}')`,
      headers: { prefer: 'create-if-missing' },
      body: { displayName, signInAudience: 'AzureADMyOrg', requiredResourceAccess: resourceAccess(requiredRoles) },
      what,
    });
    if (!reply.ok) return reply;
    const isNew = reply.value.status === 201;
    const made = isNew ? readApplication(reply.value.body) : undefined;
    if (made !== undefined) return success({ application: made, isNew });
    const path = `/applications(uniqueName='${odata(uniqueName)}')?${APPLICATION_FIELDS}`;
    const found = await this.#read({ method: 'GET', path, what, awaitsNewObject: true }, readApplication);
    return found.ok ? success({ application: found.value, isNew }) : found;
  }

  async deleteApplication(id: string): Promise<Result<void>> {
    return await this.#do({ method: 'DELETE', path: `/applications/${odata(id)}`, what: 'the application' });
  }

  async findServicePrincipal(appId: string): Promise<Result<ServicePrincipal | undefined>> {
    const path = `/servicePrincipals(appId='${odata(appId)}')?$select=id,appId,displayName,appRoles`;
    return await this.#find(
      { method: 'GET', path, what: `the enterprise application of ${appId}` },
      readServicePrincipal,
    );
  }

  async createServicePrincipal(appId: string): Promise<Result<ServicePrincipal>> {
    const what = `the enterprise application of ${appId}`;
    return await this.#read(
      { method: 'POST', path: '/servicePrincipals', body: { appId }, what, awaitsNewObject: true },
      readServicePrincipal,
    );
  }

  async listRoleAssignments(servicePrincipalId: string): Promise<Result<readonly RoleAssignment[]>> {
    const path = `/servicePrincipals/${odata(servicePrincipalId)}/appRoleAssignments`;
    return await this.#list(
      { method: 'GET', path, what: 'the granted permissions', awaitsNewObject: true },
      readRoleAssignment,
    );
  }

  async assignRole(assignment: {
    readonly principalId: string;
    readonly resourceId: string;
    readonly roleId: string;
  }): Promise<Result<RoleAssignment>> {
    const { principalId, resourceId, roleId } = assignment;
    return await this.#read(
      {
        method: 'POST',
        path: `/servicePrincipals/${odata(resourceId)}/appRoleAssignedTo`,
        body: { principalId, resourceId, appRoleId: roleId },
        what: 'the consent to SMTP.SendAsApp',
        awaitsNewObject: true,
      },
      readRoleAssignment,
    );
  }

  async deleteRoleAssignment(servicePrincipalId: string, assignmentId: string): Promise<Result<void>> {
    const path = `/servicePrincipals/${odata(servicePrincipalId)}/appRoleAssignments/${odata(assignmentId)}`;
    return await this.#do({ method: 'DELETE', path, what: 'the granted permission' });
  }

  async addSecret(
    applicationId: string,
    secret: { readonly displayName: string; readonly endsAt: number },
  ): Promise<Result<NewSecret>> {
    const { displayName, endsAt } = secret;
    const endDateTime = new Date(endsAt).toISOString();
    const made = await this.#read(
      {
        method: 'POST',
        path: `/applications/${odata(applicationId)}/addPassword`,
        body: { passwordCredential: { displayName, endDateTime } },
        what: 'a new client secret',
        awaitsNewObject: true,
      },
      readNewSecret,
    );
    if (!made.ok) return made;
    return success({ facts: made.value.facts, value: Secret.of(made.value.secretText) });
  }

  async removeSecret(applicationId: string, keyId: string): Promise<Result<void>> {
    return await this.#do({
      method: 'POST',
      path: `/applications/${odata(applicationId)}/removePassword`,
      body: { keyId },
      what: `the client secret ${keyId}`,
      // Removing what is gone already changes nothing.
      isRepeatable: true,
    });
  }

  async addCertificate(
    applicationId: string,
    certificate: { readonly displayName: string; readonly der: Uint8Array },
  ): Promise<Result<void>> {
    const path = `/applications/${odata(applicationId)}`;
    const what = 'the certificates of the application';
    // PATCH replaces the whole list, so those that are there go with it; only this form of GET gives their keys.
    const now = await this.#client.call({
      method: 'GET',
      path: `${path}?$select=keyCredentials`,
      what,
      awaitsNewObject: true,
    });
    if (!now.ok) return now;
    const present = now.value.body['keyCredentials'];
    const key = Buffer.from(certificate.der).toString('base64');
    const added = { type: 'AsymmetricX509Cert', usage: 'Verify', displayName: certificate.displayName, key };
    const keyCredentials = [...(Array.isArray(present) ? (present as readonly unknown[]) : []), added];
    return await this.#do({ method: 'PATCH', path, body: { keyCredentials }, what });
  }

  async listFederatedCredentials(applicationId: string): Promise<Result<readonly FederatedCredential[]>> {
    const path = `/applications/${odata(applicationId)}/federatedIdentityCredentials`;
    return await this.#list(
      { method: 'GET', path, what: 'the federated credentials', awaitsNewObject: true },
      readFederatedCredential,
    );
  }

  async addFederatedCredential(
    applicationId: string,
    credential: Omit<FederatedCredential, 'id'>,
  ): Promise<Result<FederatedCredential>> {
    const { name, issuer, subject } = credential;
    return await this.#read(
      {
        method: 'POST',
        path: `/applications/${odata(applicationId)}/federatedIdentityCredentials`,
        body: { name, issuer, subject, audiences: ['api://AzureADTokenExchange'] },
        what: `the federated credential ${name}`,
        awaitsNewObject: true,
      },
      readFederatedCredential,
    );
  }
}

function resourceAccess(roles: readonly RequiredRole[]): readonly Json[] {
  return [...Map.groupBy(roles, ({ resourceAppId }) => resourceAppId)].map(([resourceAppId, ofResource]) => ({
    resourceAppId,
    resourceAccess: ofResource.map(({ roleId }) => ({ id: roleId, type: 'Role' })),
  }));
}

/** The directory that a client of Microsoft Graph reaches. */
export function openDirectory(client: GraphClient): Directory {
  return new GraphDirectory(client);
}
