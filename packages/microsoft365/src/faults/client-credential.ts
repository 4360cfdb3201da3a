/**
 * The token endpoint does not accept what the app proves itself with: secret, certificate or federated token.
 *
 * "Invalid client secret" is two failures with two remedies: a wrong value (AADSTS7000215) and an expired one
 * (AADSTS7000222). A secret just created can fail with either for a short while.
 */
import type { FaultDefinition } from '@postbearer/core';
import type { TokenRule } from './rules.ts';
import { AADSTS_CODES, AADSTS_SEEN, READ } from './sources.ts';

/** Codes of this group. */
export type ClientCredentialCode =
  | 'M365_CLIENT_SECRET_WRONG'
  | 'M365_CLIENT_SECRET_EXPIRED'
  | 'M365_CLIENT_CREDENTIAL_MISSING'
  | 'M365_PUBLIC_CLIENT'
  | 'M365_CERTIFICATE_UNKNOWN'
  | 'M365_ASSERTION_OUTSIDE_TIME'
  | 'M365_FEDERATED_CREDENTIAL_UNKNOWN';

const WORKLOAD_IDENTITY = 'github.com/Azure/azure-workload-identity, docs/book/src/troubleshooting.md';

/** The wording of this group. */
export const clientCredentialDefinitions: Readonly<Record<ClientCredentialCode, FaultDefinition>> = {
  M365_CLIENT_SECRET_WRONG: {
    title: 'Invalid client secret',
    message: 'Microsoft Entra does not accept the client secret of the application {clientId} (AADSTS{aadsts}).',
    cause:
      'The secret is wrong: most often the Secret ID was copied in place of its Value; it may also be cut off, belong to another app, or have been created a moment ago.',
    remedy: {
      steps: [
        'In the app registration open "Certificates & secrets" and create a new client secret.',
        'Copy the column Value at once (not Secret ID); it is shown only once.',
        'Put it into smtp.oauth.clientSecret (EMAIL_OAUTH_TOKEN_CLIENT_SECRET, email_oauth_token_client_secret) and restart what reads the settings.',
        'If the secret is only minutes old, wait a little and try again before you replace it.',
      ],
    },
    next: 'fix-configuration',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_CLIENT_SECRET_EXPIRED: {
    title: 'Client secret expired',
    message: 'The client secret of the application {clientId} is past its end date (AADSTS{aadsts}).',
    cause: 'Client secrets end on the day that was chosen when they were created; nothing fails before that day.',
    remedy: {
      steps: [
        'In the app registration open "Certificates & secrets" and create a new client secret.',
        'Put its Value into smtp.oauth.clientSecret (EMAIL_OAUTH_TOKEN_CLIENT_SECRET, email_oauth_token_client_secret) and restart what reads the settings.',
        'Delete the expired secret, and note the end date of the new one at least 30 days ahead.',
      ],
    },
    next: 'needs-person',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_CLIENT_CREDENTIAL_MISSING: {
    title: 'Client authentication missing',
    message:
      'No client secret and no certificate assertion of the application {clientId} reached Microsoft Entra (AADSTS{aadsts}).',
    cause:
      'The secret is empty in the settings, or something between here and Microsoft dropped the body of the request.',
    remedy: {
      steps: [
        'Set smtp.oauth.clientSecret (EMAIL_OAUTH_TOKEN_CLIENT_SECRET, email_oauth_token_client_secret).',
        'If it is set, check whether a proxy changes requests to {loginHost}.',
      ],
    },
    next: 'fix-configuration',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_PUBLIC_CLIENT: {
    title: 'App registered as public client',
    message: 'The application {clientId} is a public client and may not send a secret (AADSTS{aadsts}).',
    cause: 'The app registration is of a kind for phones and desktops, which cannot use client credentials.',
    remedy: {
      steps: [
        'In the app registration open Authentication, remove the platform "Mobile and desktop applications" and set "Allow public client flows" to No; or register a new app without a redirect URI.',
      ],
    },
    next: 'needs-person',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_CERTIFICATE_UNKNOWN: {
    title: 'Certificate not registered with the app',
    message: 'Microsoft Entra does not know the key with which the application {clientId} signed (AADSTS{aadsts}).',
    cause: 'The certificate in use is not among those of the app registration, or its thumbprint was given wrong.',
    remedy: {
      steps: [
        'In the app registration open "Certificates & secrets", Certificates, and compare the thumbprint with that of the certificate in use.',
        'Upload this certificate (the public part), or use the private key of the one that is listed.',
      ],
    },
    next: 'needs-person',
    source: AADSTS_CODES,
    read: READ,
  },
  M365_ASSERTION_OUTSIDE_TIME: {
    title: 'Certificate assertion outside its time',
    message: 'The signed assertion of the application {clientId} is expired or not yet valid (AADSTS{aadsts}).',
    cause: 'The clock of this machine is wrong, or the certificate or federated token is past its end.',
    remedy: {
      steps: [
        'Compare the clock and time zone of this machine with the time in the error text and synchronize it.',
        'With a federated token file, check that whatever writes the file still renews it.',
      ],
    },
    next: 'fix-configuration',
    source: AADSTS_SEEN,
    read: READ,
  },
  M365_FEDERATED_CREDENTIAL_UNKNOWN: {
    title: 'Federated credential does not match',
    message:
      'The application {clientId} trusts no federated credential with this issuer, subject and audience (AADSTS{aadsts}).',
    cause:
      'Issuer, subject and audience of the presented token must be equal, letter by letter, to a federated credential of the app; a new one takes a while to be known.',
    remedy: {
      steps: [
        'In the app registration open "Certificates & secrets", Federated credentials, and compare issuer and subject with those in the error text.',
        'The audience is api://AzureADTokenExchange unless you chose another.',
      ],
    },
    next: 'needs-person',
    source: WORKLOAD_IDENTITY,
    read: READ,
  },
};

/** How the token endpoint says so. 70002 stands beside another code in most replies, so it comes last of all rules. */
export const clientCredentialRules: readonly TokenRule<ClientCredentialCode>[] = [
  { fault: 'M365_CLIENT_SECRET_EXPIRED', aadsts: [7000222], source: AADSTS_CODES },
  { fault: 'M365_CLIENT_SECRET_WRONG', aadsts: [7000215], source: AADSTS_CODES },
  { fault: 'M365_CLIENT_CREDENTIAL_MISSING', aadsts: [7000218, 7000216], source: AADSTS_CODES },
  { fault: 'M365_PUBLIC_CLIENT', aadsts: [700025], source: AADSTS_CODES },
  { fault: 'M365_CERTIFICATE_UNKNOWN', aadsts: [700027], source: AADSTS_CODES },
  { fault: 'M365_ASSERTION_OUTSIDE_TIME', aadsts: [700024], source: AADSTS_SEEN },
  { fault: 'M365_FEDERATED_CREDENTIAL_UNKNOWN', aadsts: [70021, 700211, 700212, 700213], source: WORKLOAD_IDENTITY },
  // 50012 was used for secrets and assertions alike.
  {
    fault: 'M365_ASSERTION_OUTSIDE_TIME',
    aadsts: [50012],
    phrase: 'Client assertion is not within its valid time range',
    source: AADSTS_SEEN,
  },
  {
    fault: 'M365_CERTIFICATE_UNKNOWN',
    aadsts: [50012],
    phrase: 'Client assertion contains an invalid signature',
    source: AADSTS_SEEN,
  },
  { fault: 'M365_CLIENT_SECRET_WRONG', aadsts: [50012, 70002], source: AADSTS_SEEN },
];
