/**
 * Brings a tenant's Exchange into the state that a plan describes: what the PowerShell script does that is rendered from the same plan.
 *
 * Sources: OAUTHDOC and RBACDOC of `parity.ts`. Exchange takes any object ID that it is given; the wrong one shows at the sign-in.
 */
import type { ExchangePlan, ExchangeStep } from '@postbearer/core';
import { EmulatorError, emulatorFaults } from '../faults.ts';
import { findAppIn, findMailboxIn, type App, type Mailbox, type Tenant } from '../state/directory.ts';

function missing(kind: string, name: string): EmulatorError {
  return new EmulatorError(emulatorFaults.make('EMULATOR_NOT_IN_STATE', { kind, name }));
}

function mailboxOf(tenant: Tenant, address: string): Mailbox {
  const mailbox = findMailboxIn(tenant, address);
  if (mailbox === undefined) throw missing('mailbox', address);
  return mailbox;
}

function appOf(tenant: Tenant, clientId: string): App {
  const app = findAppIn(tenant, clientId);
  if (app === undefined) throw missing('app', clientId);
  return app;
}

/** The app that Exchange knows by an object ID. */
function registeredApp(tenant: Tenant, objectId: string): App {
  const app = tenant.apps.find(({ servicePrincipal }) => servicePrincipal?.exchangeObjectId === objectId.toLowerCase());
  if (app === undefined) throw missing('service principal', objectId);
  return app;
}

/** Groups and scopes as the steps of one plan name them. */
interface Names {
  readonly groups: Map<string, readonly string[]>;
  readonly scopes: Map<string, string>;
}

function applyStep(tenant: Tenant, step: ExchangeStep, { groups, scopes }: Names): void {
  switch (step.kind) {
    case 'register-service-principal': {
      const { servicePrincipal } = appOf(tenant, step.appId);
      if (servicePrincipal === undefined) throw missing('enterprise application', step.appId);
      servicePrincipal.exchangeObjectId = step.objectId.toLowerCase();
      return;
    }
    case 'grant-mailbox':
      registeredApp(tenant, step.objectId).mailboxPermissions.add(
        mailboxOf(tenant, step.mailbox).address.toLowerCase(),
      );
      return;
    case 'grant-send-as':
      registeredApp(tenant, step.objectId).sendAs.add(step.address.toLowerCase());
      return;
    case 'group-mailboxes':
      groups.set(
        step.group,
        step.mailboxes.map((address) => mailboxOf(tenant, address).address.toLowerCase()),
      );
      return;
    case 'limit-to-group':
      scopes.set(step.scope, step.group);
      return;
    case 'assign-role': {
      const members = groups.get(scopes.get(step.scope) ?? '');
      if (members === undefined) throw missing('management scope', step.scope);
      for (const member of members) appOf(tenant, step.appId).rbac.add(member);
      return;
    }
    case 'enable-smtp-auth':
      mailboxOf(tenant, step.mailbox).smtpAuthDisabled = false;
      return;
    case 'enable-smtp-auth-for-organization':
      tenant.smtpAuthDisabled = false;
  }
}

/** Makes true what a plan says. Throws EmulatorError with `EMULATOR_NOT_IN_STATE` for what is not there. */
export function applyPlan(tenant: Tenant, plan: ExchangePlan): void {
  const names: Names = { groups: new Map(), scopes: new Map() };
  for (const step of plan.steps) applyStep(tenant, step, names);
}
