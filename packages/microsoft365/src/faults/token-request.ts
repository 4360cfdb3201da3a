/** The token request itself is wrong: scope, grant, parameters, or a flow for people in place of client credentials. */
import type { FaultDefinition } from '@postbearer/core';
import type { TokenRule } from './rules.ts';
import { AADSTS_CODES, AADSTS_SEEN, OAUTH_SMTP, READ } from './sources.ts';

/** Codes of this group. */
export type TokenRequestCode =
  | 'M365_SCOPE_INVALID'
  | 'M365_SCOPE_SEVERAL_RESOURCES'
  | 'M365_GRANT_TYPE_WRONG'
  | 'M365_TOKEN_PARAMETER_MISSING'
  | 'M365_TOKEN_REQUEST_MALFORMED'
  | 'M365_MFA_REQUIRED'
  | 'M365_USER_SIGN_IN_FAILED'
  | 'M365_GRANT_NOT_VALID';

const USE_CLIENT_CREDENTIALS =
  'Set smtp.oauth.grantType (EMAIL_OAUTH_TOKEN_GRANT_TYPE) to client_credentials, with client ID and client secret.';

/** The wording of this group. */
export const tokenRequestDefinitions: Readonly<Record<TokenRequestCode, FaultDefinition>> = {
  M365_SCOPE_INVALID: {
    title: 'Scope is missing or invalid',
    message: 'Microsoft Entra does not accept the scope of the request (AADSTS{aadsts}).',
    cause:
      'With client credentials the scope must be a resource followed by /.default; a single permission such as SMTP.Send is for people who sign in.',
    remedy: { steps: ['Set smtp.oauth.scope (EMAIL_OAUTH_TOKEN_SCOPE) to {scope}, this one value and nothing else.'] },
    next: 'fix-configuration',
    source: OAUTH_SMTP,
    read: READ,
  },
  M365_SCOPE_SEVERAL_RESOURCES: {
    title: 'Scope names several resources',
    message: 'The scope of the request names more than one resource (AADSTS{aadsts}).',
    cause: 'A token is for one resource; for SMTP that is Exchange Online and not Microsoft Graph.',
    remedy: { steps: ['Set smtp.oauth.scope (EMAIL_OAUTH_TOKEN_SCOPE) to {scope}, this one value and nothing else.'] },
    next: 'fix-configuration',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_GRANT_TYPE_WRONG: {
    title: 'Wrong grant type',
    message: 'Microsoft Entra does not know or does not support the grant type of the request (AADSTS{aadsts}).',
    cause: 'Sending without a person uses the grant client_credentials.',
    remedy: { steps: [USE_CLIENT_CREDENTIALS] },
    next: 'fix-configuration',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_TOKEN_PARAMETER_MISSING: {
    title: 'A parameter of the token request is missing',
    message: 'The token request reached Microsoft Entra without one of its parameters (AADSTS{aadsts}).',
    cause: 'A setting is empty, or something between here and Microsoft dropped the body of the request.',
    remedy: {
      steps: [
        'Check that client ID, client secret, scope and grant type under smtp.oauth are all set.',
        'Check that the token endpoint ends in /oauth2/v2.0/token: the older endpoint without v2.0 knows no scope.',
        'If all are right, check whether a proxy changes requests to {loginHost}.',
      ],
    },
    next: 'fix-configuration',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_TOKEN_REQUEST_MALFORMED: {
    title: 'Token request malformed',
    message: 'Microsoft Entra cannot read the token request (AADSTS{aadsts}).',
    cause: 'A value holds stray characters, the request was not a POST, or the endpoint is not the one of version 2.0.',
    remedy: {
      steps: [
        'Set smtp.oauth.tokenEndpoint (EMAIL_OAUTH_TOKEN_ENDPOINT) to https://{loginHost}/<Directory (tenant) ID>/oauth2/v2.0/token.',
        'Check client ID and scope for quotation marks, spaces and line breaks that were copied with them.',
        'Set smtp.oauth.tokenMethod (EMAIL_OAUTH_TOKEN_METHOD) to POST.',
      ],
    },
    next: 'fix-configuration',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_MFA_REQUIRED: {
    title: 'User sign-in needs MFA',
    message: 'A person was to be signed in, and multi-factor authentication is required (AADSTS{aadsts}).',
    cause:
      'The token was asked for with a user name and password; with client credentials there is no person and no MFA.',
    remedy: { steps: [USE_CLIENT_CREDENTIALS] },
    next: 'fix-configuration',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_USER_SIGN_IN_FAILED: {
    title: 'User sign-in failed',
    message: 'A person was to be signed in, and the account or its password is wrong (AADSTS{aadsts}).',
    cause: 'The token was asked for with a user name and password; with client credentials neither is sent.',
    remedy: { steps: [USE_CLIENT_CREDENTIALS] },
    next: 'fix-configuration',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_GRANT_NOT_VALID: {
    title: 'Stored grant no longer valid',
    message: 'A refresh token or code is expired, revoked or of another tenant (AADSTS{aadsts}).',
    cause: 'Grants of people end; client credentials have no refresh token that could end.',
    remedy: { steps: [USE_CLIENT_CREDENTIALS] },
    next: 'fix-configuration',
    source: AADSTS_CODES,
    read: READ,
  },
};

/** How the token endpoint says so. */
export const tokenRequestRules: readonly TokenRule<TokenRequestCode>[] = [
  { fault: 'M365_SCOPE_SEVERAL_RESOURCES', aadsts: [700022, 28000], source: AADSTS_CODES },
  {
    fault: 'M365_SCOPE_SEVERAL_RESOURCES',
    aadsts: [70011],
    phrase: 'are not compatible with the scopes',
    source: AADSTS_SEEN,
  },
  { fault: 'M365_SCOPE_INVALID', aadsts: [70011, 1002012, 28002], source: AADSTS_CODES },
  { fault: 'M365_GRANT_TYPE_WRONG', aadsts: [70003], source: AADSTS_CODES },
  { fault: 'M365_TOKEN_PARAMETER_MISSING', aadsts: [900144, 90014], source: AADSTS_CODES },
  { fault: 'M365_TOKEN_REQUEST_MALFORMED', aadsts: [9002313, 90023, 900561, 901002], source: AADSTS_CODES },
  { fault: 'M365_MFA_REQUIRED', aadsts: [50076, 50079], source: AADSTS_CODES },
  { fault: 'M365_USER_SIGN_IN_FAILED', aadsts: [50034, 50126], source: AADSTS_CODES },
  { fault: 'M365_GRANT_NOT_VALID', aadsts: [700082, 70008, 50173, 70000, 7000012], source: AADSTS_CODES },
];
