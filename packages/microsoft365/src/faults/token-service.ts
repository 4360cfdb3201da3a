/** The token endpoint refuses by policy, asks to slow down, or has a passing fault of its own. */
import type { FaultDefinition } from '@postbearer/core';
import type { TokenRule } from './rules.ts';
import { AADSTS_CODES, AADSTS_SEEN, READ } from './sources.ts';

/** Codes of this group. */
export type TokenServiceCode =
  | 'M365_CONDITIONAL_ACCESS'
  | 'M365_TOKEN_SECURITY_DEFAULTS'
  | 'M365_TOKEN_THROTTLED'
  | 'M365_TOKEN_SERVICE_TRANSIENT';

/** The wording of this group. */
export const tokenServiceDefinitions: Readonly<Record<TokenServiceCode, FaultDefinition>> = {
  M365_CONDITIONAL_ACCESS: {
    title: 'Conditional access refused the token',
    message: 'A policy of the tenant {tenant} does not let the application {clientId} have a token (AADSTS{aadsts}).',
    cause: 'A conditional access policy, for an app one for workload identities, refuses this place or this risk.',
    remedy: {
      steps: [
        'In the Microsoft Entra admin center open Sign-in logs, Service principal sign-ins, find the failed entry of {clientId} and open its tab Conditional Access: it names the policy.',
        'Add the public address of this machine to the named location that the policy allows, or exempt the app.',
      ],
    },
    next: 'needs-person',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_TOKEN_SECURITY_DEFAULTS: {
    title: 'Blocked by security defaults',
    message: 'Security defaults of the tenant {tenant} refuse the token (AADSTS{aadsts}).',
    cause: 'Microsoft takes the request for legacy authentication, or for unsafe under security defaults.',
    remedy: {
      steps: [
        'Check that the token is asked for with client credentials (smtp.oauth.grantType client_credentials) and not with a user name and password.',
        'If it is, look for the reason in Sign-in logs, Service principal sign-ins, before anything is changed at security defaults.',
      ],
    },
    next: 'needs-person',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_TOKEN_THROTTLED: {
    title: 'Too many token requests',
    message: 'Microsoft Entra asks the application {clientId} to slow down (AADSTS{aadsts}).',
    cause:
      'The app asked for tokens too often in a short time; another program with the same client ID counts as well.',
    remedy: {
      steps: [
        'Wait some minutes; a token is kept and used until shortly before its end.',
        'If it comes back, look for another program that uses the same client ID and give it a registration of its own.',
      ],
    },
    next: 'retry',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_TOKEN_SERVICE_TRANSIENT: {
    title: 'Passing fault of the token service',
    message: 'Microsoft Entra has a passing fault of its own (AADSTS{aadsts}).',
    cause: 'A part of the service was not available for a moment.',
    remedy: {
      steps: [
        'Try again later; nothing has to be changed here.',
        'If it lasts, look at Service health in the Microsoft 365 admin center.',
      ],
    },
    next: 'retry',
    source: AADSTS_CODES,
    read: READ,
  },
};

/** How the token endpoint says so. */
export const tokenServiceRules: readonly TokenRule<TokenServiceCode>[] = [
  { fault: 'M365_CONDITIONAL_ACCESS', aadsts: [53003, 530032], source: AADSTS_CODES },
  { fault: 'M365_CONDITIONAL_ACCESS', aadsts: [53005], source: AADSTS_SEEN },
  { fault: 'M365_TOKEN_SECURITY_DEFAULTS', aadsts: [530035], source: AADSTS_CODES },
  { fault: 'M365_TOKEN_THROTTLED', aadsts: [50196, 90055], source: AADSTS_CODES },
  { fault: 'M365_TOKEN_SERVICE_TRANSIENT', aadsts: [50033, 90033, 90024, 90006], source: AADSTS_CODES },
];
