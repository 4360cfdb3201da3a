/** `postbearer setup audit`: what our registrations may do, what of it is needed, and which secrets they hold. */
import {
  EXCHANGE_ONLINE_APP_ID,
  SMTP_ROLE,
  type Application,
  type Directory,
  type ServicePrincipal,
} from '@postbearer/microsoft365';
import type { DefineCommand } from '../../command-table.ts';
import { need } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { addJsonOption } from '../../settings-options.ts';
import { addGraphOptions, openGraph, type GraphFlags } from '../../setup/graph-access.ts';
import { StepLines } from '../../setup/step-lines.ts';
import type { Terminal } from '../../terminal.ts';

interface AuditFlags extends GraphFlags {
  readonly uniqueName: string;
  readonly clientId?: string;
  readonly json?: true;
}

interface GrantedRole {
  readonly resource: string;
  readonly role: string;
  readonly isNeeded: boolean;
}

/** What is known of one registration. */
interface Audited {
  readonly displayName: string;
  readonly clientId: string;
  readonly granted: readonly GrantedRole[];
  readonly secrets: readonly {
    readonly keyId: string;
    readonly displayName: string;
    readonly hint: string;
    readonly endsAt: string;
    readonly daysLeft: number;
  }[];
  readonly certificates: number;
  readonly notes: readonly string[];
}

const DAY_MS = 24 * 3_600_000;
const SOON_DAYS = 60;

function notesOf(
  application: Application,
  granted: readonly GrantedRole[],
  principal: ServicePrincipal | undefined,
  now: number,
): string[] {
  const expired = application.secrets.filter(({ endsAt }) => endsAt <= now);
  const soon = application.secrets.filter(({ endsAt }) => endsAt > now && endsAt - now < SOON_DAYS * DAY_MS);
  const isIdle = granted.every(({ isNeeded }) => !isNeeded) && application.requiredRoles.length === 0;
  return [
    ...granted
      .filter(({ isNeeded }) => !isNeeded)
      .map(({ role }) => `${role} is granted and not needed for SMTP; take it away.`),
    ...(principal === undefined ? ['It has no enterprise application: no token can be had (AADSTS7000229).'] : []),
    ...(granted.length === 0 && principal !== undefined && !isIdle
      ? ['It asks for a permission that nobody consented to.']
      : []),
    ...(application.secrets.length > 1
      ? [`It holds ${application.secrets.length} secrets; one is enough outside of a rotation.`]
      : []),
    ...expired.map(({ hint }) => `The secret ${hint}… is expired; delete it.`),
    ...soon.map(
      ({ hint, endsAt }) => `The secret ${hint}… ends in ${Math.floor((endsAt - now) / DAY_MS)} days; rotate it.`,
    ),
  ];
}

async function audited(application: Application, directory: Directory, exchange: ServicePrincipal): Promise<Audited> {
  const now = Date.now();
  const principal = need(await directory.findServicePrincipal(application.appId));
  const assignments = principal === undefined ? [] : need(await directory.listRoleAssignments(principal.id));
  const granted = assignments.map(({ resourceId, resourceName, roleId }) => {
    const role =
      resourceId === exchange.id ? (exchange.roles.find(({ id }) => id === roleId)?.value ?? roleId) : roleId;
    return { resource: resourceName, role, isNeeded: resourceId === exchange.id && role === SMTP_ROLE };
  });
  return {
    displayName: application.displayName,
    clientId: application.appId,
    granted,
    secrets: application.secrets.map(({ keyId, displayName, hint, endsAt }) => ({
      keyId,
      displayName,
      hint,
      endsAt: new Date(endsAt).toISOString(),
      daysLeft: Math.floor((endsAt - now) / DAY_MS),
    })),
    certificates: application.certificates.length,
    notes: notesOf(application, granted, principal, now),
  };
}

function shown(each: Audited, terminal: Terminal): string {
  const rows = [
    `${terminal.style('bold', each.displayName)}  ${each.clientId}`,
    ...(each.granted.length === 0 ? ['  granted   nothing (as RBAC for Applications wants it)'] : []),
    ...each.granted.map(
      ({ role, resource, isNeeded }) =>
        `  granted   ${role} of ${resource}${isNeeded ? '' : '  ' + terminal.style('yellow', 'not needed')}`,
    ),
    ...each.secrets.map(
      ({ hint, endsAt, daysLeft }) =>
        `  secret    ${hint}…  until ${endsAt.slice(0, 10)}  ${daysLeft < 0 ? terminal.style('red', 'expired') : `${daysLeft} days left`}`,
    ),
    ...(each.certificates > 0 ? [`  certificates  ${each.certificates}`] : []),
    ...each.notes.map((note) => `  ${terminal.style('yellow', '!')} ${note}`),
  ];
  return rows.join('\n');
}

async function run(flags: AuditFlags, terminal: Terminal): Promise<number> {
  const lines = new StepLines(terminal);
  const { directory, tenant } = await openGraph(flags, terminal, (wait) => lines.wait(wait));
  const exchange = need(await directory.findExchangeOnline());
  const ours = need(await directory.listApplications(flags.uniqueName));
  const named =
    flags.clientId === undefined ? undefined : need(await directory.findApplication({ appId: flags.clientId }));
  const all = [...ours, ...(named === undefined || ours.some(({ appId }) => appId === named.appId) ? [] : [named])];
  const results: Audited[] = [];
  for (const application of all) results.push(await audited(application, directory, exchange));
  if (flags.json === true) {
    terminal.out(
      `${JSON.stringify({ tenant, exchangeOnline: EXCHANGE_ONLINE_APP_ID, applications: results }, undefined, 2)}\n`,
    );
    return EXIT.ok;
  }
  const none = `No registration in the tenant ${tenant} has a unique name that begins with ${flags.uniqueName}. Name one: --client-id ID.`;
  terminal.out(
    `${results.length === 0 ? none : results.map((each) => shown(each, terminal)).join('\n\n')}\n\nWhen an app was last used stands in the sign-in logs of Microsoft Entra (Service principal sign-ins); no supported interface gives it without a licence for them. What Exchange granted is told by the script of postbearer setup exchange.\n`,
  );
  return EXIT.ok;
}

/** Adds the options and the action of `postbearer setup audit`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Lists what is granted to our app registrations and what of it is needed, and their secrets with the days left. Changes nothing.',
    )
    .option('--unique-name <prefix>', 'registrations whose unique name begins so', 'postbearer')
    .option('--client-id <id>', 'this registration as well, whoever made it')
    .addHelpText(
      'after',
      '\nThe token needs Application.Read.All.\n\nExamples:\n  postbearer setup audit --token-stdin < token.txt\n  postbearer setup audit --client-id 8f0e7c52-1b1d-4c0a-a2a3-5f2b6d7e9c10 --json\n',
    );
  addJsonOption(addGraphOptions(command)).action(async (flags: AuditFlags) => finish(await run(flags, terminal)));
};
