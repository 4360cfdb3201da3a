/**
 * The token endpoint does not know the app, the tenant or the resource, or nobody has consented.
 *
 * AADSTS700016 is no proof of a wrong tenant ID: it says that this client ID is unknown in the directory that was asked. A
 * tenant that does not exist answers AADSTS90002. A missing consent usually gives no error here at all but a token
 * without roles.
 */
import type { FaultDefinition } from '@postbearer/core';
import type { TokenRule } from './rules.ts';
import { AADSTS_CODES, AADSTS_SEEN, CLIENT_CREDENTIALS, READ } from './sources.ts';

/** Codes of this group. */
export type AppAndTenantCode =
  | 'M365_APP_NOT_FOUND'
  | 'M365_APP_DISABLED'
  | 'M365_ENTERPRISE_APP_MISSING'
  | 'M365_TENANT_NOT_FOUND'
  | 'M365_TENANT_ID_MALFORMED'
  | 'M365_TENANT_ENDPOINT_SHARED'
  | 'M365_CLOUD_MISMATCH'
  | 'M365_CONSENT_MISSING'
  | 'M365_PERMISSION_NOT_DECLARED'
  | 'M365_RESOURCE_NOT_FOUND'
  | 'M365_RESOURCE_NOT_SUBSCRIBED';

/** The wording of this group. */
export const appAndTenantDefinitions: Readonly<Record<AppAndTenantCode, FaultDefinition>> = {
  M365_APP_NOT_FOUND: {
    title: 'App not found in this tenant',
    message: 'The tenant {tenant} does not know the application {clientId} (AADSTS{aadsts}).',
    cause:
      'The client ID is wrong (a placeholder, the object ID or the secret ID in its place), or it is right and the request went to another existing tenant than the one in which the app is registered.',
    remedy: {
      steps: [
        'Open the app registration in the Microsoft Entra admin center and compare "Application (client) ID" with smtp.oauth.clientId (EMAIL_OAUTH_TOKEN_CLIENT_ID), now {clientId}.',
        'Compare "Directory (tenant) ID" on the same page with the tenant in smtp.oauth.tokenEndpoint (EMAIL_OAUTH_TOKEN_ENDPOINT), now {tenant}.',
        'If both are right, the app has no enterprise application in that tenant: grant admin consent there.',
      ],
    },
    next: 'fix-configuration',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_APP_DISABLED: {
    title: 'Application disabled',
    message: 'The application {clientId} is disabled in the tenant {tenant} (AADSTS{aadsts}).',
    cause: 'An administrator, or Microsoft, switched off sign-in for the enterprise application.',
    remedy: {
      steps: [
        'In the Microsoft Entra admin center open Enterprise applications, choose the app, open Properties and set "Enabled for users to sign in?" to Yes.',
        'If Microsoft disabled it, ask Microsoft support why before you enable it, or register another app.',
      ],
    },
    next: 'needs-person',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_ENTERPRISE_APP_MISSING: {
    title: 'Enterprise application missing',
    message: 'The application {clientId} has no service principal in the tenant {tenant} (AADSTS{aadsts}).',
    cause:
      'An app registration alone is not enough: tools such as "az ad app create" make no enterprise application (service principal) beside it.',
    remedy: {
      steps: [
        'Create the enterprise application of this app in the tenant, by the command below or by granting admin consent.',
        'Then register its object ID in Exchange Online with New-ServicePrincipal.',
      ],
      command: 'az ad sp create --id {psClientId}',
    },
    next: 'needs-person',
    source: AADSTS_SEEN,
    read: READ,
  },
  M365_TENANT_NOT_FOUND: {
    title: 'Tenant does not exist',
    message: 'Microsoft Entra at {loginHost} knows no tenant {tenant} (AADSTS{aadsts}).',
    cause:
      'The tenant in the token endpoint is misspelt or a placeholder, the segment is empty (then the word "token" is taken for the tenant), or the tenant belongs to another national cloud.',
    remedy: {
      steps: [
        'Copy "Directory (tenant) ID" from the Overview page of the app registration.',
        'Set smtp.oauth.tokenEndpoint (EMAIL_OAUTH_TOKEN_ENDPOINT) to https://{loginHost}/<Directory (tenant) ID>/oauth2/v2.0/token.',
        'For a US Government tenant the host is login.microsoftonline.us, for 21Vianet login.partner.microsoftonline.cn.',
      ],
    },
    next: 'fix-configuration',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_TENANT_ID_MALFORMED: {
    title: 'Tenant identifier has the wrong form',
    message: '"{tenant}" is neither a tenant ID nor a domain name (AADSTS{aadsts}).',
    cause:
      'The tenant in the token endpoint must be the Directory (tenant) ID, a GUID, or a verified domain of the tenant.',
    remedy: {
      steps: [
        'Copy "Directory (tenant) ID" from the Overview page of the app registration.',
        'Set smtp.oauth.tokenEndpoint (EMAIL_OAUTH_TOKEN_ENDPOINT) to https://{loginHost}/<Directory (tenant) ID>/oauth2/v2.0/token.',
      ],
    },
    next: 'fix-configuration',
    source: AADSTS_SEEN,
    read: READ,
  },
  M365_TENANT_ENDPOINT_SHARED: {
    title: 'The token endpoint names no tenant',
    message: 'A token with client credentials cannot come from {endpoint} (AADSTS{aadsts}).',
    cause: '/common, /organizations and /consumers are for people who sign in; an app must ask its own tenant.',
    remedy: {
      steps: [
        'Copy "Directory (tenant) ID" from the Overview page of the app registration.',
        'Set smtp.oauth.tokenEndpoint (EMAIL_OAUTH_TOKEN_ENDPOINT) to https://{loginHost}/<Directory (tenant) ID>/oauth2/v2.0/token.',
      ],
    },
    next: 'fix-configuration',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_CLOUD_MISMATCH: {
    title: 'Wrong national cloud',
    message: 'The tenant {tenant} belongs to another national cloud than {loginHost} (AADSTS{aadsts}).',
    cause:
      'Each national cloud has its own login host, SMTP host and scope; an app is registered in exactly one of them.',
    remedy: {
      steps: [
        'US Government (GCC High): use the login host login.microsoftonline.us, the server smtp.office365.us and the scope https://outlook.office365.us/.default.',
        'China (21Vianet): use the login host login.partner.microsoftonline.cn and the server smtp.partner.outlook.cn.',
        'All others, GCC included: use login.microsoftonline.com, smtp.office365.com and https://outlook.office365.com/.default.',
      ],
    },
    next: 'fix-configuration',
    source: 'learn.microsoft.com/entra/identity-platform/authentication-national-cloud',
    read: READ,
  },
  M365_CONSENT_MISSING: {
    title: 'Admin consent missing',
    message:
      'Nobody has consented to the permissions of the application {clientId} in the tenant {tenant} (AADSTS{aadsts}).',
    cause:
      'An administrator has not consented. With client credentials Microsoft usually issues a token without roles instead of this error, so also check that the request really uses client credentials.',
    remedy: {
      steps: [
        'In the app registration open API permissions and check that Office 365 Exchange Online > SMTP.SendAsApp is listed as an Application permission (Mail.Send is not needed for SMTP).',
        'Have an administrator press "Grant admin consent"; the status must say "Granted for <your organization>".',
        'Check that smtp.oauth.grantType (EMAIL_OAUTH_TOKEN_GRANT_TYPE) is client_credentials.',
        'Wait some minutes before you try again.',
      ],
    },
    next: 'needs-person',
    source: `${AADSTS_CODES}; ${CLIENT_CREDENTIALS}`,
    read: READ,
  },
  M365_PERMISSION_NOT_DECLARED: {
    title: 'Permission not declared in the app',
    message: 'The application {clientId} lists no permission of the resource in the scope (AADSTS{aadsts}).',
    cause: 'The app registration has no permission of Office 365 Exchange Online, or nobody consented to it.',
    remedy: {
      steps: [
        'In the app registration open API permissions, "Add a permission", "APIs my organization uses", Office 365 Exchange Online, Application permissions, and add SMTP.SendAsApp.',
        'Have an administrator press "Grant admin consent".',
      ],
    },
    next: 'needs-person',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_RESOURCE_NOT_FOUND: {
    title: 'Resource in the scope unknown',
    message: 'The tenant {tenant} knows no resource of the name in the scope (AADSTS{aadsts}).',
    cause: 'The scope is misspelt, the request went to another tenant, or the tenant has no Exchange Online.',
    remedy: {
      steps: [
        'Set smtp.oauth.scope (EMAIL_OAUTH_TOKEN_SCOPE) to {scope}.',
        'Compare the tenant in the token endpoint, now {tenant}, with the "Directory (tenant) ID" of the app registration.',
        'Check that the tenant has a subscription with Exchange Online.',
      ],
    },
    next: 'fix-configuration',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_RESOURCE_NOT_SUBSCRIBED: {
    title: 'Exchange Online missing in the tenant',
    message: 'The tenant {tenant} has no subscription to the resource in the scope (AADSTS{aadsts}).',
    cause: 'The organization has no service principal of the resource: the service was never activated there.',
    remedy: {
      steps: [
        'Check that {tenant} is the tenant with the mailboxes.',
        'Give it a licence with Exchange Online, or use the tenant that has one.',
      ],
    },
    next: 'needs-person',
    source: AADSTS_CODES,
    read: READ,
  },
};

/** How the token endpoint says so. */
export const appAndTenantRules: readonly TokenRule<AppAndTenantCode>[] = [
  {
    fault: 'M365_TENANT_ID_MALFORMED',
    aadsts: [90002],
    phrase: 'Tenant identifiers may not be an empty GUID',
    source: AADSTS_SEEN,
  },
  { fault: 'M365_TENANT_NOT_FOUND', aadsts: [90002], source: AADSTS_CODES },
  { fault: 'M365_TENANT_ID_MALFORMED', aadsts: [900023], source: AADSTS_SEEN },
  { fault: 'M365_TENANT_ENDPOINT_SHARED', aadsts: [50194, 9001023, 90130, 50059, 50128], source: AADSTS_CODES },
  { fault: 'M365_CLOUD_MISMATCH', aadsts: [90038, 900382], source: AADSTS_CODES },
  { fault: 'M365_APP_DISABLED', aadsts: [7000112], source: AADSTS_CODES },
  // 70001 says both; only the disabled form says so in words.
  { fault: 'M365_APP_DISABLED', aadsts: [70001], phrase: 'is disabled', source: AADSTS_CODES },
  // 700038 answers an ID that cannot be one, such as all zeros (seen at a real tenant, 2026-08-13).
  { fault: 'M365_APP_NOT_FOUND', aadsts: [700016, 70001, 700011, 700038], source: AADSTS_CODES },
  { fault: 'M365_ENTERPRISE_APP_MISSING', aadsts: [7000229], source: AADSTS_SEEN },
  { fault: 'M365_CONSENT_MISSING', aadsts: [65001, 90094], source: AADSTS_CODES },
  { fault: 'M365_PERMISSION_NOT_DECLARED', aadsts: [650056, 650057, 65005], source: AADSTS_CODES },
  { fault: 'M365_RESOURCE_NOT_FOUND', aadsts: [500011], source: AADSTS_CODES },
  { fault: 'M365_RESOURCE_NOT_SUBSCRIBED', aadsts: [650052], source: AADSTS_CODES },
];
