/**
 * The faults of getting a token, in the words of OAuth itself.
 *
 * What a code of one provider means more precisely (Microsoft's AADSTS numbers) is said by the package of that provider,
 * which reads the evidence kept here.
 */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

const ERROR_RESPONSE = { source: 'RFC 6749 section 5.2', read: '2026-11-24' } as const;
const SUCCESS_RESPONSE = { source: 'RFC 6749 section 5.1', read: '2026-11-24' } as const;
const CLIENT_ASSERTION = { source: 'RFC 7523 section 3, RFC 7518 section 3.1', read: '2026-11-24' } as const;
const MANAGED_IDENTITY = {
  source: 'learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token',
  read: '2026-11-24',
} as const;

/** Every code of this package. */
export type OAuthFaultCode =
  | 'OAUTH_ENDPOINT_INVALID'
  | 'OAUTH_ENDPOINT_INSECURE'
  | 'OAUTH_CREDENTIAL_UNUSABLE'
  | 'OAUTH_CERTIFICATE_UNREADABLE'
  | 'OAUTH_PRIVATE_KEY_UNREADABLE'
  | 'OAUTH_PRIVATE_KEY_UNSUPPORTED'
  | 'OAUTH_CERTIFICATE_KEY_MISMATCH'
  | 'OAUTH_CLIENT_REFUSED'
  | 'OAUTH_CLIENT_NOT_ALLOWED'
  | 'OAUTH_SCOPE_REFUSED'
  | 'OAUTH_GRANT_UNSUPPORTED'
  | 'OAUTH_GRANT_REFUSED'
  | 'OAUTH_REQUEST_REFUSED'
  | 'OAUTH_THROTTLED'
  | 'OAUTH_SERVER_UNAVAILABLE'
  | 'OAUTH_REDIRECTED'
  | 'OAUTH_ENDPOINT_NOT_FOUND'
  | 'OAUTH_REPLY_UNEXPECTED'
  | 'OAUTH_REPLY_UNREADABLE'
  | 'OAUTH_REPLY_EMPTY'
  | 'OAUTH_REPLY_NOT_JSON'
  | 'OAUTH_TOKEN_MISSING'
  | 'OAUTH_TOKEN_TYPE_WRONG'
  | 'OAUTH_TOKEN_UNUSABLE'
  | 'OAUTH_EXPIRY_INVALID'
  | 'OAUTH_TOKEN_EXPIRED'
  | 'OAUTH_MANAGED_IDENTITY_ABSENT'
  | 'OAUTH_MANAGED_IDENTITY_REFUSED';

/** Faults of token endpoints, credentials of a client, token replies and managed identities. */
export const oauthFaults: FaultCatalogue<OAuthFaultCode> = defineFaults<OAuthFaultCode>({
  OAUTH_ENDPOINT_INVALID: {
    title: 'Token endpoint not usable',
    message: 'The token endpoint cannot be used: {reason}.',
    cause: 'A token endpoint is an https address without user name and without fragment.',
    remedy: { steps: ['Correct the token endpoint in the settings.'] },
    next: 'fix-configuration',
    source: 'RFC 6749 section 3.2',
    read: '2026-11-24',
  },
  OAUTH_ENDPOINT_INSECURE: {
    title: 'Token endpoint without encryption',
    message: 'The token endpoint {endpoint} is plain http, so nothing was sent there.',
    cause: 'The client secret and the token would be readable on the way. Plain http is allowed to this machine only.',
    remedy: { steps: ['Write the token endpoint with https.'] },
    next: 'fix-configuration',
    source: 'RFC 6749 section 3.2',
    read: '2026-11-24',
  },
  OAUTH_CREDENTIAL_UNUSABLE: {
    title: 'Client credential not usable',
    message: 'The credential of client {clientId} cannot be used: {reason}.',
    cause: 'What was found as client secret or token cannot be sent.',
    remedy: { steps: ['Store the credential again, exactly as it was issued.'] },
    next: 'fix-configuration',
  },
  OAUTH_CERTIFICATE_UNREADABLE: {
    title: 'Client certificate not readable',
    message: 'The certificate of client {clientId} is not a PEM certificate.',
    cause: 'The file holds something else, such as a PFX or DER file.',
    remedy: {
      steps: ['Convert the certificate to PEM.'],
      command: 'openssl pkcs12 -in app.pfx -nokeys -clcerts -out app.pem',
    },
    next: 'fix-configuration',
    source: 'RFC 7468 section 5',
    read: '2026-11-24',
  },
  OAUTH_PRIVATE_KEY_UNREADABLE: {
    title: 'Private key not readable',
    message: 'The private key of client {clientId} cannot be read: {reason}.',
    cause: 'The key has to be an unencrypted PEM file.',
    remedy: {
      steps: ['Convert the key to an unencrypted PEM file that only this program may read.'],
      command: 'openssl pkcs12 -in app.pfx -nocerts -nodes -out app.key',
    },
    next: 'fix-configuration',
    source: 'RFC 7468 section 10',
    read: '2026-11-24',
  },
  OAUTH_PRIVATE_KEY_UNSUPPORTED: {
    title: 'Kind of private key not supported',
    message: 'The private key of client {clientId} is {kind}.',
    cause: 'Assertions are signed with RSA of 2048 bits or more (PS256, which Entra asks for) or ECDSA P-256 (ES256).',
    remedy: { steps: ['Create a certificate with an RSA key of 2048 bits and register it.'] },
    next: 'fix-configuration',
    ...CLIENT_ASSERTION,
  },
  OAUTH_CERTIFICATE_KEY_MISMATCH: {
    title: 'Certificate and key do not match',
    message: 'The private key of client {clientId} does not belong to its certificate.',
    cause: 'One of the two files was renewed and the other was not.',
    remedy: { steps: ['Put the key that was made together with the certificate beside it.'] },
    next: 'fix-configuration',
    ...CLIENT_ASSERTION,
  },
  OAUTH_CLIENT_REFUSED: {
    title: 'Client credential refused',
    message: '{endpoint} did not accept the credential of client {clientId}.',
    cause: 'The client secret or certificate is wrong, expired or not registered for this client.',
    remedy: {
      steps: ['Check the client id.', 'Issue a new client secret or certificate and put it into the settings.'],
    },
    next: 'needs-person',
    ...ERROR_RESPONSE,
  },
  OAUTH_CLIENT_NOT_ALLOWED: {
    title: 'Client not allowed',
    message: '{endpoint} does not let client {clientId} ask for a token this way.',
    cause: 'The client is not known there, or is not allowed to use client credentials.',
    remedy: { steps: ['Check client id and token endpoint.', 'Allow the client credentials grant for this client.'] },
    next: 'needs-person',
    ...ERROR_RESPONSE,
  },
  OAUTH_SCOPE_REFUSED: {
    title: 'Scope refused',
    message: '{endpoint} refused the scope {scope} for client {clientId}.',
    cause: 'The scope is mistyped, or the resource that it names is not known to this organisation.',
    remedy: { steps: ['Correct the scope in the settings.'] },
    next: 'fix-configuration',
    source: 'RFC 6749 section 5.2, RFC 8707 section 2',
    read: '2026-11-24',
  },
  OAUTH_GRANT_UNSUPPORTED: {
    title: 'Client credentials not supported',
    message: '{endpoint} does not support the grant type client_credentials.',
    cause: 'This is not the token endpoint, or the provider does not offer tokens to programs.',
    remedy: { steps: ['Check the token endpoint.'] },
    next: 'fix-configuration',
    ...ERROR_RESPONSE,
  },
  OAUTH_GRANT_REFUSED: {
    title: 'Grant refused',
    message: '{endpoint} refused the grant of client {clientId}.',
    cause: 'A policy of the organisation stands against it, or the assertion is not valid there.',
    remedy: { steps: ['Read what the endpoint said, and let whoever runs it allow this client.'] },
    next: 'needs-person',
    ...ERROR_RESPONSE,
  },
  OAUTH_REQUEST_REFUSED: {
    title: 'Token request refused',
    message: '{endpoint} refused the token request of client {clientId} ({error}).',
    cause:
      'Something in the request is not as the endpoint wants it: often the endpoint itself, the client id or the scope.',
    remedy: { steps: ['Read what the endpoint said.', 'Check token endpoint, client id and scope.'] },
    next: 'fix-configuration',
    ...ERROR_RESPONSE,
  },
  OAUTH_THROTTLED: {
    title: 'Too many token requests',
    message: '{endpoint} asks to wait before the next token request (HTTP {status}).',
    cause: 'More token requests than allowed came from this client or this network.',
    remedy: { steps: ['Wait; the next attempt is made by itself.'] },
    next: 'retry',
    source: 'RFC 6585 section 4',
    read: '2026-11-24',
  },
  OAUTH_SERVER_UNAVAILABLE: {
    title: 'Token endpoint out of order',
    message: '{endpoint} could not answer the token request (HTTP {status}).',
    cause: 'The service behind the token endpoint, or a gateway before it, has a fault.',
    remedy: {
      steps: ['Wait; the next attempt is made by itself.', 'If it lasts, look at the status page of the provider.'],
    },
    next: 'retry',
    source: 'RFC 9110 section 15.6',
    read: '2026-11-24',
  },
  OAUTH_REDIRECTED: {
    title: 'Token endpoint redirects',
    message: '{endpoint} sent the token request on to {location}; it was not followed.',
    cause: 'A token request carries the client secret and goes to the configured endpoint only.',
    remedy: {
      steps: [
        'If the new address is right, put it into the settings.',
        'Else look for a proxy or sign-in page on the way.',
      ],
    },
    next: 'fix-configuration',
    source: 'RFC 9700 section 4.12',
    read: '2026-11-24',
  },
  OAUTH_ENDPOINT_NOT_FOUND: {
    title: 'No token endpoint there',
    message: '{endpoint} is not a token endpoint (HTTP {status}).',
    cause: 'The path of the endpoint is wrong.',
    remedy: { steps: ['Correct the token endpoint in the settings.'] },
    next: 'fix-configuration',
  },
  OAUTH_REPLY_UNEXPECTED: {
    title: 'Unexpected reply',
    message: '{endpoint} answered with HTTP {status}, which says neither token nor error.',
    cause: 'Something other than a token endpoint answers there.',
    remedy: { steps: ['Check the token endpoint.', 'Look for a proxy or sign-in page on the way.'] },
    next: 'fix-configuration',
    ...SUCCESS_RESPONSE,
  },
  OAUTH_REPLY_UNREADABLE: {
    title: 'Refusal that cannot be read',
    message:
      '{endpoint} refused the token request of client {clientId} (HTTP {status}), but its reason could not be read: {reason}.',
    cause:
      'The request was refused. Replies are asked for uncompressed and read up to a limit; something on the way does not honour that.',
    remedy: {
      steps: [
        'Let the server, or the proxy on the way, honour "Accept-Encoding: identity".',
        'Check client id, credential, scope and token endpoint.',
      ],
    },
    next: 'fix-configuration',
    source: 'RFC 6749 section 5.2, RFC 9110 section 12.5.3',
    read: '2026-11-24',
  },
  OAUTH_REPLY_EMPTY: {
    title: 'Empty reply',
    message: '{endpoint} answered with nothing (HTTP {status}).',
    cause: 'The reply was cut on the way, or something other than a token endpoint answers there.',
    remedy: {
      steps: [
        'Wait; the next attempt is made by itself.',
        'If it lasts, check the token endpoint and look for a proxy on the way.',
      ],
    },
    next: 'retry',
    ...SUCCESS_RESPONSE,
  },
  OAUTH_REPLY_NOT_JSON: {
    title: 'Reply is not JSON',
    message: '{endpoint} answered with something that is not a JSON object (HTTP {status}).',
    cause: 'A sign-in page or a proxy of the network answers in place of the token endpoint, or the reply was cut.',
    remedy: {
      steps: [
        'Wait; the next attempt is made by itself.',
        'If it lasts, look for a proxy or sign-in page on the way, and check the token endpoint.',
      ],
    },
    next: 'retry',
    ...SUCCESS_RESPONSE,
  },
  OAUTH_TOKEN_MISSING: {
    title: 'Reply without token',
    message: '{endpoint} answered without an access token.',
    cause: 'The reply says success but holds no access_token text.',
    remedy: { steps: ['Check the token endpoint.'] },
    next: 'fix-configuration',
    ...SUCCESS_RESPONSE,
  },
  OAUTH_TOKEN_TYPE_WRONG: {
    title: 'Wrong type of token',
    message: '{endpoint} gave a token of type {type}; a bearer token is needed.',
    cause: 'Mail servers take bearer tokens only.',
    remedy: { steps: ['Let the provider issue bearer tokens to this client.'] },
    next: 'fix-configuration',
    source: 'RFC 6749 sections 5.1 and 7.1',
    read: '2026-11-24',
  },
  OAUTH_TOKEN_UNUSABLE: {
    title: 'Token not usable',
    message: '{endpoint} gave a token that cannot be used: it holds {reason}.',
    cause: 'A token with such a character could break out of the command that carries it to the mail server.',
    remedy: { steps: ['Check the token endpoint: a provider does not issue such tokens.'] },
    next: 'fix-configuration',
    source: 'RFC 6750 section 2.1, RFC 6749 appendix A.12',
    read: '2026-11-24',
  },
  OAUTH_EXPIRY_INVALID: {
    title: 'Token without usable lifetime',
    message: '{endpoint} gave a token that cannot be used: {reason}.',
    cause:
      'When a token ends has to be known. A lifetime (expires_in) is a number of seconds, from 60 seconds to 10 years.',
    remedy: { steps: ['Let the provider give expires_in with each token, as a number of seconds.'] },
    next: 'retry',
    ...SUCCESS_RESPONSE,
  },
  OAUTH_TOKEN_EXPIRED: {
    title: 'Token has ended already',
    message: '{endpoint} gave a token that, by the clock of this machine, {reason}.',
    cause: 'The clock of this machine is ahead, or the token was kept for too long before it was given.',
    remedy: {
      steps: [
        'Check the clock of this machine.',
        'Else let the provider give new tokens, and their lifetime as expires_in.',
      ],
    },
    next: 'retry',
    source: 'RFC 7519 section 4.1.4, RFC 6749 section 5.1',
    read: '2026-11-24',
  },
  OAUTH_MANAGED_IDENTITY_ABSENT: {
    title: 'No managed identity here',
    message: 'No managed identity service answered on this machine ({endpoint}).',
    cause:
      'This machine is not an Azure resource, has no identity switched on, or a firewall or proxy stands before 169.254.169.254.',
    remedy: {
      steps: [
        'Switch on a managed identity for this virtual machine, App Service or container app.',
        'Outside Azure use a certificate or a federated credential.',
      ],
    },
    next: 'fix-configuration',
    ...MANAGED_IDENTITY,
  },
  OAUTH_MANAGED_IDENTITY_REFUSED: {
    title: 'Managed identity refused',
    message: 'The managed identity service gave no token for {scope} (HTTP {status}).',
    cause:
      'The identity is not assigned to this resource, its client id is wrong, or the scope names no known resource.',
    remedy: {
      steps: [
        'Check that the identity is assigned to this resource.',
        'Check the client id of the identity and the scope.',
      ],
    },
    next: 'fix-configuration',
    ...MANAGED_IDENTITY,
  },
});
