/**
 * Microsoft Graph refuses a step of the set-up.
 *
 * "Insufficient privileges to complete the operation" is a reply of Graph, never of the token endpoint or of SMTP: it can
 * only come when an app or its secrets are made or changed, and it concerns whoever makes the change, not the app that sends.
 */
import type { FaultDefinition } from '@postbearer/core';
import { READ } from './sources.ts';

const ERRORS = 'learn.microsoft.com/graph/errors';
const READ_ERRORS = '2026-11-25';

/** Codes of this group. */
export type GraphCode =
  | 'M365_GRAPH_PERMISSION_MISSING'
  | 'M365_GRAPH_TOO_MANY_SECRETS'
  | 'M365_GRAPH_TOKEN_REFUSED'
  | 'M365_GRAPH_POLICY_FORBIDS'
  | 'M365_GRAPH_NOT_FOUND'
  | 'M365_GRAPH_CONFLICT'
  | 'M365_GRAPH_QUOTA'
  | 'M365_GRAPH_THROTTLED'
  | 'M365_GRAPH_UNAVAILABLE'
  | 'M365_GRAPH_REQUEST_REFUSED'
  | 'M365_GRAPH_REPLY_UNCLEAR'
  | 'M365_NO_EXCHANGE_ONLINE'
  | 'M365_SMTP_ROLE_ABSENT';

/** The wording of this group. */
export const graphDefinitions: Readonly<Record<GraphCode, FaultDefinition>> = {
  M365_GRAPH_PERMISSION_MISSING: {
    title: 'Insufficient privileges in Microsoft Graph',
    message: 'Microsoft Graph refuses this step of the set-up: insufficient privileges to complete the operation.',
    cause:
      'Whoever runs the set-up may not manage applications in this tenant; the permissions of the app that sends mail have no part in it.',
    remedy: {
      steps: [
        'Sign in for the set-up with the role Application Administrator or Cloud Application Administrator; both may consent to the permission of Exchange Online that is needed.',
        'Where a program does the set-up, give it Application.ReadWrite.All and AppRoleAssignment.ReadWrite.All as Application permissions (not Delegated) with admin consent.',
      ],
    },
    next: 'needs-person',
    source: 'github.com/microsoftgraph/microsoft-graph-docs-contrib issues 3970 and 1051',
    read: READ,
  },
  M365_GRAPH_TOO_MANY_SECRETS: {
    title: 'The app holds too many secrets',
    message: 'Microsoft Graph adds no further secret to the application {clientId}.',
    cause: 'An app that was made through the API may hold two secrets at a time.',
    remedy: { steps: ['Remove a secret that nothing uses, then add the new one.'] },
    next: 'needs-person',
    source: 'github.com/Azure/azure-cli issue 12946',
    read: READ,
  },
  M365_GRAPH_TOKEN_REFUSED: {
    title: 'Token for Microsoft Graph not accepted',
    message: 'Microsoft Graph does not accept the token that was handed over.',
    cause: 'It is expired, belongs to another service or another cloud, or was cut when it was copied.',
    remedy: {
      steps: [
        'Get a new one for {graphHost} and hand it over at once; it lasts about an hour.',
        'With the Azure CLI: run the command below after az login.',
      ],
      command: 'az account get-access-token --resource https://{graphHost} --query accessToken --output tsv',
    },
    next: 'needs-person',
    source: ERRORS,
    read: READ_ERRORS,
  },
  M365_GRAPH_POLICY_FORBIDS: {
    title: 'A policy of the tenant forbids this credential',
    message: 'The application management policy of the tenant does not allow this secret or its lifetime.',
    cause: 'Hardened tenants forbid client secrets for apps, or cap how long they may live.',
    remedy: {
      steps: [
        'Best: use no secret at all. A certificate, or a federated credential of the machine, works with the same app: postbearer setup entra --certificate FILE.',
        'Or ask for a shorter life: postbearer setup entra --secret-lifetime 6.',
        'Or have the policy make an exception for this app (Entra admin center, Enterprise applications, Application policies).',
      ],
    },
    next: 'needs-person',
    source: 'learn.microsoft.com/graph/api/resources/applicationauthenticationmethodpolicy',
    read: READ_ERRORS,
  },
  M365_GRAPH_NOT_FOUND: {
    title: 'Not there in Microsoft Graph',
    message: 'Microsoft Graph does not know {what}.',
    cause: 'It was deleted, belongs to another tenant, or was made a moment ago and is not known everywhere yet.',
    remedy: {
      steps: [
        'If it was made a moment ago, wait a minute and run the same command again: it goes on where it stopped.',
        'Otherwise check that the token is of the tenant {tenant}.',
      ],
    },
    next: 'retry',
    source: ERRORS,
    read: READ_ERRORS,
  },
  M365_GRAPH_CONFLICT: {
    title: 'Already there in Microsoft Graph',
    message: 'Microsoft Graph has another object where {what} should be.',
    cause: 'Somebody made it at the same time, or a deleted one still holds the name.',
    remedy: {
      steps: [
        'Run the same command again: it looks first and uses what is there.',
        'Look under Deleted applications in the app registrations for one of the same name, and delete it for good.',
      ],
    },
    next: 'needs-person',
    source: ERRORS,
    read: READ_ERRORS,
  },
  M365_GRAPH_QUOTA: {
    title: 'Directory quota reached',
    message: 'The directory takes no further object from whoever runs the set-up.',
    cause:
      'A person without an administrative role may own 250 objects, deleted ones included, and a tenant has a limit as well.',
    remedy: {
      steps: [
        'Sign in with the role Application Developer or Cloud Application Administrator, or delete apps that nobody uses.',
      ],
    },
    next: 'needs-person',
    source: 'learn.microsoft.com/entra/identity/users/directory-service-limits-restrictions',
    read: READ_ERRORS,
  },
  M365_GRAPH_THROTTLED: {
    title: 'Microsoft Graph asks to slow down',
    message: 'Microsoft Graph answers that there were too many requests.',
    cause: 'The tenant or the program asked too often in a short time.',
    remedy: { steps: ['Wait some minutes and run the same command again: it goes on where it stopped.'] },
    next: 'retry',
    source: 'learn.microsoft.com/graph/throttling',
    read: READ_ERRORS,
  },
  M365_GRAPH_UNAVAILABLE: {
    title: 'Microsoft Graph is not available',
    message: 'Microsoft Graph has a passing fault of its own (HTTP {status}).',
    cause: 'The service is being changed or is overloaded.',
    remedy: { steps: ['Run the same command again later: it goes on where it stopped.'] },
    next: 'retry',
    source: ERRORS,
    read: READ_ERRORS,
  },
  M365_GRAPH_REQUEST_REFUSED: {
    title: 'Microsoft Graph refuses the request',
    message: 'Microsoft Graph refuses {what} (HTTP {status}).',
    cause: 'What it said stands beside this; a value does not fit the tenant, or a rule of the tenant is against it.',
    remedy: {
      steps: [
        'Read what Microsoft Graph said; it names the property.',
        'If it says nothing that helps, run the command with --log-level Debug and keep the request ID for Microsoft support.',
      ],
    },
    next: 'needs-person',
    source: ERRORS,
    read: READ_ERRORS,
  },
  M365_GRAPH_REPLY_UNCLEAR: {
    title: 'Answer of Microsoft Graph not understood',
    message: 'The answer to {what} is not what Microsoft Graph is known to give.',
    cause: 'A proxy answered in its place, or the address is not that of Microsoft Graph.',
    remedy: { steps: ['Check the address of Microsoft Graph, here https://{graphHost}, and let it pass the proxy.'] },
    next: 'fix-configuration',
    source: ERRORS,
    read: READ_ERRORS,
  },
  M365_NO_EXCHANGE_ONLINE: {
    title: 'No Exchange Online in this tenant',
    message: 'The tenant has no service principal of Office 365 Exchange Online.',
    cause: 'The tenant has no licence with Exchange Online, or the token is of another tenant than meant.',
    remedy: {
      steps: [
        'Check that the token is of the tenant whose mailboxes send.',
        'Otherwise buy a licence with Exchange Online, or an Exchange Online Kiosk licence for one mailbox, first.',
      ],
    },
    next: 'needs-person',
    source: 'learn.microsoft.com/graph/api/serviceprincipal-get',
    read: READ_ERRORS,
  },
  M365_SMTP_ROLE_ABSENT: {
    title: 'Exchange Online offers no SMTP.SendAsApp',
    message: 'Office 365 Exchange Online of this tenant does not offer the permission SMTP.SendAsApp to applications.',
    cause: 'This cloud does not offer it, or the service principal of Exchange Online is out of date.',
    remedy: {
      steps: [
        "Use the other of Microsoft's ways, which needs no permission: postbearer setup exchange --model application-rbac.",
      ],
    },
    next: 'needs-person',
    source: 'learn.microsoft.com/exchange/client-developer/legacy-protocols/smtp-app-rbac-onboarding',
    read: READ_ERRORS,
  },
};

/** The `error.code` of Graph by fault; others are judged by their HTTP status. */
export const graphErrors: Readonly<Record<string, GraphCode>> = {
  Authorization_RequestDenied: 'M365_GRAPH_PERMISSION_MISSING',
  Authorization_IdentityNotFound: 'M365_GRAPH_PERMISSION_MISSING',
  TooManyAppPasswords: 'M365_GRAPH_TOO_MANY_SECRETS',
  InvalidAuthenticationToken: 'M365_GRAPH_TOKEN_REFUSED',
  AuthenticationError: 'M365_GRAPH_TOKEN_REFUSED',
  Authentication_ExpiredToken: 'M365_GRAPH_TOKEN_REFUSED',
  CredentialTypeNotAllowedAsPerAppPolicy: 'M365_GRAPH_POLICY_FORBIDS',
  CredentialInvalidLifetimeAsPerAppPolicy: 'M365_GRAPH_POLICY_FORBIDS',
  Directory_QuotaExceeded: 'M365_GRAPH_QUOTA',
  Request_ResourceNotFound: 'M365_GRAPH_NOT_FOUND',
  Request_MultipleObjectsWithSameKeyValue: 'M365_GRAPH_CONFLICT',
  ObjectConflict: 'M365_GRAPH_CONFLICT',
  TooManyRequests: 'M365_GRAPH_THROTTLED',
};
