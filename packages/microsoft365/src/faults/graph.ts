/**
 * Microsoft Graph refuses a step of the set-up.
 *
 * "Insufficient privileges to complete the operation" is a reply of Graph, never of the token endpoint or of SMTP: it can
 * only come when an app or its secrets are made or changed, and it concerns whoever makes the change, not the app that sends.
 */
import type { FaultDefinition } from '@postbearer/core';
import { READ } from './sources.ts';

/** Codes of this group. */
export type GraphCode = 'M365_GRAPH_PERMISSION_MISSING' | 'M365_GRAPH_TOO_MANY_SECRETS';

/** The wording of this group. */
export const graphDefinitions: Readonly<Record<GraphCode, FaultDefinition>> = {
  M365_GRAPH_PERMISSION_MISSING: {
    title: 'Insufficient privileges in Microsoft Graph',
    message: 'Microsoft Graph refuses this step of the set-up: insufficient privileges to complete the operation.',
    cause:
      'Whoever runs the set-up may not manage applications in this tenant; the permissions of the app that sends mail have no part in it.',
    remedy: {
      steps: [
        'Sign in for the set-up with the role Application Administrator or Cloud Application Administrator; consent to an application permission of Exchange Online needs Privileged Role Administrator.',
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
};

/** The `error.code` of Graph by fault. */
export const graphErrors: Readonly<Record<string, GraphCode>> = {
  Authorization_RequestDenied: 'M365_GRAPH_PERMISSION_MISSING',
  TooManyAppPasswords: 'M365_GRAPH_TOO_MANY_SECRETS',
};
