/**
 * Registers an app in Entra so that it may send mail by SMTP, step by step.
 *
 * The rules of this file:
 * - every step looks first and makes only what is missing, so a set-up that was broken off is simply run again;
 * - the registration is found again by its unique name, never by its display name, which others may use as well;
 * - the permission is looked up by its value: its ID is published nowhere;
 * - a secret is handed over the moment it exists; where it cannot be kept it is removed again, so that none is left that nobody knows;
 * - under RBAC for Applications nothing is granted in Entra: with the permission Exchange would ask for FullAccess as well.
 *
 * Sources: learn.microsoft.com/graph/permissions-grant-via-msgraph and smtp-app-rbac-onboarding (read 2026-11-25).
 */
import { failure, success, type ExchangePlan, type Result } from '@postbearer/core';
import { microsoft365Faults } from '../faults.ts';
import { EXCHANGE_ONLINE_APP_ID, type Directory, type NewSecret } from '../graph/directory.ts';
import type {
  Application,
  CredentialFacts,
  RequiredRole,
  RoleAssignment,
  ServicePrincipal,
} from '../graph/graph-objects.ts';
import { SMTP_ROLE } from '../token-claims.ts';

/** How the app will prove who it is. */
export type SetupCredential =
  | { readonly kind: 'secret'; readonly displayName: string; /** Milliseconds since 1970. */ readonly endsAt: number }
  | { readonly kind: 'certificate'; readonly displayName: string; readonly der: Uint8Array }
  | { readonly kind: 'federated'; readonly name: string; readonly issuer: string; readonly subject: string }
  /** It has one already. */
  | { readonly kind: 'none' };

/** What is set up. */
export interface EntraSetupInput {
  readonly uniqueName: string;
  readonly displayName: string;
  readonly model: ExchangePlan['model'];
  readonly credential: SetupCredential;
}

/** The steps, in their order. */
export const ENTRA_STEPS = ['exchange-online', 'application', 'service-principal', 'consent', 'credential'] as const;

/** A step of the set-up. */
export type EntraStep = (typeof ENTRA_STEPS)[number];

/** How a step came out: it was so already, it was made so, or it is not part of this way. */
export type EntraStepOutcome = 'present' | 'made' | 'not-needed';

/** What works with the set-up. */
export interface EntraSetupOptions {
  readonly directory: Directory;
  /** Hears of each step, before and after. */
  readonly onStep?: (step: EntraStep, outcome: EntraStepOutcome | 'begun') => void;
  /** Keeps the new secret for good, where the settings will find it. When it fails the secret is removed again. */
  readonly keepSecret: (secret: NewSecret, application: Application) => Promise<Result<void>>;
}

/** What stands afterwards. */
export interface EntraSetup {
  readonly application: Application;
  /** Its object ID is what Exchange has to be told. */
  readonly servicePrincipal: ServicePrincipal;
  readonly consent?: RoleAssignment;
  /** Facts of the secret that was made. */
  readonly secret?: CredentialFacts;
}

interface ExchangeRole {
  readonly exchange: ServicePrincipal;
  readonly required: RequiredRole;
}

async function findRole(directory: Directory): Promise<Result<ExchangeRole>> {
  const exchange = await directory.findExchangeOnline();
  if (!exchange.ok) return exchange;
  const role = exchange.value.roles.find(({ value }) => value === SMTP_ROLE);
  if (role === undefined) return failure(microsoft365Faults.make('M365_SMTP_ROLE_ABSENT'));
  return success({
    exchange: exchange.value,
    required: { resourceAppId: EXCHANGE_ONLINE_APP_ID, roleId: role.id },
  });
}

function isAsWanted(application: Application, displayName: string, roles: readonly RequiredRole[]): boolean {
  return (
    application.displayName === displayName &&
    application.requiredRoles.length === roles.length &&
    roles.every((role) =>
      application.requiredRoles.some(
        (each) => each.resourceAppId === role.resourceAppId && each.roleId === role.roleId,
      ),
    )
  );
}

class Setup {
  readonly #input: EntraSetupInput;
  readonly #options: EntraSetupOptions;

  constructor(input: EntraSetupInput, options: EntraSetupOptions) {
    this.#input = input;
    this.#options = options;
  }

  #tell(step: EntraStep, outcome: EntraStepOutcome | 'begun'): void {
    this.#options.onStep?.(step, outcome);
  }

  async run(): Promise<Result<EntraSetup>> {
    const needsRole = this.#input.model === 'mailbox-permission';
    this.#tell('exchange-online', 'begun');
    const role = await findRole(this.#options.directory);
    // Without a role to grant it is enough that Exchange Online is there.
    if (!role.ok && (needsRole || role.fault.code !== 'M365_SMTP_ROLE_ABSENT')) return role;
    this.#tell('exchange-online', 'present');
    const application = await this.#application(needsRole && role.ok ? [role.value.required] : []);
    if (!application.ok) return application;
    const servicePrincipal = await this.#servicePrincipal(application.value);
    if (!servicePrincipal.ok) return servicePrincipal;
    const consent = needsRole && role.ok ? await this.#consent(servicePrincipal.value, role.value) : this.#noConsent();
    if (!consent.ok) return consent;
    const secret = await this.#credential(application.value);
    if (!secret.ok) return secret;
    return success({
      application: application.value,
      servicePrincipal: servicePrincipal.value,
      ...(consent.value === undefined ? {} : { consent: consent.value }),
      ...(secret.value === undefined ? {} : { secret: secret.value }),
    });
  }

  async #application(requiredRoles: readonly RequiredRole[]): Promise<Result<Application>> {
    const { uniqueName, displayName } = this.#input;
    this.#tell('application', 'begun');
    const found = await this.#options.directory.findApplication({ uniqueName });
    if (!found.ok) return found;
    if (found.value !== undefined && isAsWanted(found.value, displayName, requiredRoles)) {
      this.#tell('application', 'present');
      return success(found.value);
    }
    const made = await this.#options.directory.upsertApplication({ uniqueName, displayName, requiredRoles });
    if (!made.ok) return made;
    this.#tell('application', 'made');
    return success(made.value.application);
  }

  async #servicePrincipal({ appId }: Application): Promise<Result<ServicePrincipal>> {
    const { directory } = this.#options;
    this.#tell('service-principal', 'begun');
    const found = await directory.findServicePrincipal(appId);
    if (!found.ok) return found;
    if (found.value !== undefined) {
      this.#tell('service-principal', 'present');
      return success(found.value);
    }
    const made = await directory.createServicePrincipal(appId);
    if (made.ok) this.#tell('service-principal', 'made');
    return made;
  }

  async #consent(
    { id: principalId }: ServicePrincipal,
    { exchange, required }: ExchangeRole,
  ): Promise<Result<RoleAssignment | undefined>> {
    const { directory } = this.#options;
    this.#tell('consent', 'begun');
    const granted = await directory.listRoleAssignments(principalId);
    if (!granted.ok) return granted;
    const present = granted.value.find(
      ({ resourceId, roleId }) => resourceId === exchange.id && roleId === required.roleId,
    );
    if (present !== undefined) {
      this.#tell('consent', 'present');
      return success(present);
    }
    const made = await directory.assignRole({ principalId, resourceId: exchange.id, roleId: required.roleId });
    if (made.ok) this.#tell('consent', 'made');
    return made;
  }

  #noConsent(): Result<RoleAssignment | undefined> {
    this.#tell('consent', 'not-needed');
    return success(undefined);
  }

  async #credential(application: Application): Promise<Result<CredentialFacts | undefined>> {
    const { credential } = this.#input;
    if (credential.kind === 'none') {
      this.#tell('credential', 'not-needed');
      return success(undefined);
    }
    this.#tell('credential', 'begun');
    const made = await this.#makeCredential(application, credential);
    if (made.ok) this.#tell('credential', 'made');
    return made;
  }

  async #makeCredential(
    application: Application,
    credential: Exclude<SetupCredential, { readonly kind: 'none' }>,
  ): Promise<Result<CredentialFacts | undefined>> {
    const { directory, keepSecret } = this.#options;
    if (credential.kind === 'certificate') {
      const added = await directory.addCertificate(application.id, credential);
      return added.ok ? success(undefined) : added;
    }
    if (credential.kind === 'federated') {
      const { name, issuer, subject } = credential;
      const present = await directory.listFederatedCredentials(application.id);
      if (!present.ok) return present;
      if (present.value.some((each) => each.issuer === issuer && each.subject === subject)) return success(undefined);
      const added = await directory.addFederatedCredential(application.id, { name, issuer, subject });
      return added.ok ? success(undefined) : added;
    }
    const secret = await directory.addSecret(application.id, credential);
    if (!secret.ok) return secret;
    const kept = await keepSecret(secret.value, application);
    if (kept.ok) return success(secret.value.facts);
    // What nobody keeps must not stay valid.
    await directory.removeSecret(application.id, secret.value.facts.keyId);
    return kept;
  }
}

/** Sets an app up in Entra. Fails with the fault of the step that failed; run it again and it goes on there. */
export async function setUpEntra(input: EntraSetupInput, options: EntraSetupOptions): Promise<Result<EntraSetup>> {
  return await new Setup(input, options).run();
}

/** What {@link undoEntra} took away. */
export interface EntraUndone {
  readonly consents: number;
  readonly application: boolean;
}

/** Takes back what {@link setUpEntra} made: the consents, then the registration with its enterprise application and secrets. */
export async function undoEntra(uniqueName: string, directory: Directory): Promise<Result<EntraUndone>> {
  const application = await directory.findApplication({ uniqueName });
  if (!application.ok) return application;
  if (application.value === undefined) return success({ consents: 0, application: false });
  const { id, appId } = application.value;
  const servicePrincipal = await directory.findServicePrincipal(appId);
  if (!servicePrincipal.ok) return servicePrincipal;
  let consents = 0;
  if (servicePrincipal.value !== undefined) {
    const granted = await directory.listRoleAssignments(servicePrincipal.value.id);
    if (!granted.ok) return granted;
    for (const assignment of granted.value) {
      const deleted = await directory.deleteRoleAssignment(servicePrincipal.value.id, assignment.id);
      if (!deleted.ok) return deleted;
      consents += 1;
    }
  }
  const deleted = await directory.deleteApplication(id);
  return deleted.ok ? success({ consents, application: true }) : deleted;
}
