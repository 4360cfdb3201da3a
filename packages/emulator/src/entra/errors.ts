/**
 * Every refusal of the token endpoint, as Entra words it.
 *
 * The body has the members of the captured replies in their order; `error_uri` comes only with those codes with which it
 * was seen. `error_description` ends with trace id, correlation id and timestamp. Status is 401 for `invalid_client`, 400
 * for the rest. Grounds say how each entry is known: `captured` from a real tenant, `field` from texts that people
 * published, `documented` where only Microsoft's list of codes names it.
 */
import { randomUUID } from 'node:crypto';

/** How an entry is known. */
export type Grounds = 'captured' | 'field' | 'documented';

/** One refusal. `{name}` in the text stands for a value of the case. */
export interface AadstsDefinition {
  readonly error: string;
  readonly text: string;
  readonly errorUri?: true;
  /** HTTP status where it is neither 401 for `invalid_client` nor 400. */
  readonly status?: number;
  readonly grounds: Grounds;
  /** Where the text is from. */
  readonly source: string;
}

/** Microsoft's page of codes. */
const ERRDOC = 'learn.microsoft.com/entra/identity-platform/reference-error-codes';
/** The captures that `testing/captured-replies.ts` writes down. */
const CAPTURED = 'real tenant, 2026-08-13';

const notListed =
  'This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.';

/** A number that {@link AADSTS} knows. */
export type AadstsCode =
  | 50027
  | 50194
  | 50196
  | 53003
  | 65001
  | 70003
  | 70011
  | 90002
  | 90033
  | 90055
  | 500011
  | 700016
  | 700021
  | 700022
  | 700023
  | 700024
  | 700027
  | 700038
  | 700211
  | 700212
  | 700213
  | 900023
  | 900144
  | 900561
  | 1002012
  | 7000112
  | 7000215
  | 7000216
  | 7000222
  | 7000229
  | 9001023;

/** The refusals by their AADSTS number. */
export const AADSTS: Readonly<Record<AadstsCode, AadstsDefinition>> = {
  50027: {
    error: 'invalid_request',
    text: 'JWT token is invalid or malformed.',
    grounds: 'documented',
    source: ERRDOC,
  },
  50194: {
    error: 'invalid_request',
    text: "Application '{clientId}'({appName}) is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such applications created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant.",
    grounds: 'field',
    source: 'geoffsmith82/GmailAuthSMTP#27',
  },
  50196: {
    error: 'invalid_grant',
    text: 'The server terminated an operation because it encountered a client request loop. Please contact your app vendor.',
    status: 429,
    grounds: 'documented',
    source: ERRDOC,
  },
  53003: {
    error: 'invalid_grant',
    text: 'Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.',
    grounds: 'field',
    source: 'Azure/azure-cli#32809',
  },
  65001: {
    error: 'invalid_grant',
    text: "The user or administrator has not consented to use the application with ID '{clientId}' named '{appName}'. Send an interactive authorization request for this user and resource.",
    grounds: 'field',
    source: 'mguessan/davmail#217',
  },
  70003: {
    error: 'unsupported_grant_type',
    text: "The app requested an unsupported grant type '{grantType}'.",
    grounds: 'captured',
    source: CAPTURED,
  },
  70011: {
    error: 'invalid_scope',
    text: "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid. The scope format is invalid. Scope must be in a valid URI form <https://example/scope> or a valid Guid <guid/scope>.",
    errorUri: true,
    grounds: 'field',
    source: 'microsoftgraph/msgraph-sample-android#11',
  },
  90002: {
    error: 'invalid_request',
    text: "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
    errorUri: true,
    grounds: 'field',
    source: 'microsoftgraph/windowsupdates-webapplication-sample#6',
  },
  90033: {
    error: 'temporarily_unavailable',
    text: 'A transient error has occurred. Please try again.',
    status: 503,
    grounds: 'documented',
    source: ERRDOC,
  },
  90055: {
    error: 'temporarily_unavailable',
    text: 'The server is temporarily too busy to handle the request. Please try again.',
    status: 429,
    grounds: 'documented',
    source: ERRDOC,
  },
  500011: {
    error: 'invalid_resource',
    text: `The resource principal named {resource} was not found in the tenant named {tenantId}. ${notListed} You might have sent your authentication request to the wrong tenant.`,
    errorUri: true,
    grounds: 'captured',
    source: CAPTURED,
  },
  700016: {
    error: 'unauthorized_client',
    text: `Application with identifier '{clientId}' was not found in the directory '{tenantId}'. ${notListed} You may have sent your authentication request to the wrong tenant.`,
    errorUri: true,
    grounds: 'field',
    source: 'Azure/azure-powershell#9156; a placeholder as client ID: microsoftgraph/msgraph-sdk-dotnet#454',
  },
  700021: {
    error: 'invalid_client',
    text: "Client assertion application identifier doesn't match 'client_id' parameter.",
    grounds: 'documented',
    source: ERRDOC,
  },
  700022: {
    error: 'invalid_scope',
    text: "The provided value for the input parameter 'scope' isn't valid because it contains more than one resource. Scope {scope} is not valid.",
    grounds: 'documented',
    source: ERRDOC,
  },
  700023: {
    error: 'invalid_client',
    text: 'Client assertion audience claim does not match Realm issuer.',
    grounds: 'documented',
    source: ERRDOC,
  },
  700024: {
    error: 'invalid_client',
    text: 'Client assertion is not within its valid time range. Current time: {now}, assertion valid from {validFrom}, expiry time of assertion {validTo}.',
    grounds: 'field',
    source: 'AzureAD/microsoft-authentication-library-for-java#984',
  },
  700027: {
    error: 'invalid_client',
    text: "Client assertion contains an invalid signature. [Reason - {reason}, Thumbprint of key used by client: '{thumbprint}', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{clientId}'.]",
    grounds: 'field',
    source: 'Azure/azure-sdk-for-net#29007',
  },
  700038: {
    error: 'unauthorized_client',
    text: '{clientId} is not a valid application identifier.',
    grounds: 'captured',
    source: CAPTURED,
  },
  700211: {
    error: 'invalid_client',
    text: "No matching federated identity record found for presented assertion issuer '{value}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
    grounds: 'documented',
    source: ERRDOC,
  },
  700212: {
    error: 'invalid_client',
    text: "No matching federated identity record found for presented assertion audience '{value}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
    grounds: 'documented',
    source: ERRDOC,
  },
  700213: {
    error: 'invalid_client',
    text: "No matching federated identity record found for presented assertion subject '{value}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
    grounds: 'field',
    source: 'log lines of several public repositories',
  },
  900023: {
    error: 'invalid_request',
    text: "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.",
    errorUri: true,
    grounds: 'field',
    source: 'caddy-dns/azure#3',
  },
  900144: {
    error: 'invalid_request',
    text: "The request body must contain the following parameter: '{parameter}'.",
    errorUri: true,
    grounds: 'field',
    source: `ctron/oidc-cli#7; ${ERRDOC}`,
  },
  900561: {
    error: 'invalid_request',
    text: 'The endpoint only accepts POST requests. Received a {method} request.',
    grounds: 'documented',
    source: ERRDOC,
  },
  1002012: {
    error: 'invalid_scope',
    text: 'The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).',
    errorUri: true,
    grounds: 'field',
    source: 'MicrosoftDocs/azure-docs#99862',
  },
  7000112: {
    error: 'unauthorized_client',
    text: "Application '{clientId}'({appName}) is disabled.",
    errorUri: true,
    grounds: 'field',
    source: 'jgraph/drawio#4404',
  },
  7000215: {
    error: 'invalid_client',
    text: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{clientId}'.",
    errorUri: true,
    grounds: 'captured',
    source: CAPTURED,
  },
  7000216: {
    error: 'invalid_client',
    text: "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
    errorUri: true,
    grounds: 'field',
    source: 'troubleshooting notes of several public repositories',
  },
  7000222: {
    error: 'invalid_client',
    text: "The provided client secret keys for app '{clientId}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.",
    errorUri: true,
    grounds: 'field',
    source: 'spencerwooo/onedrive-vercel-index#1051',
  },
  7000229: {
    error: 'invalid_client',
    text: 'The client application {clientId} is missing service principal in the tenant {tenantId}. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119',
    grounds: 'field',
    source: 'Azure/Commercial-Marketplace-SaaS-Accelerator#830',
  },
  9001023: {
    error: 'invalid_request',
    text: 'The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.',
    errorUri: true,
    grounds: 'field',
    source: 'AzureAD/microsoft-authentication-library-for-java#382',
  },
};

/** Whether the table has this number. */
export function isAadstsCode(code: number): code is AadstsCode {
  return Object.hasOwn(AADSTS, code);
}

/** Values for the `{name}` places of a text. */
export type AadstsValues = Readonly<Record<string, string>>;

/** A refusal to be sent. */
export interface AadstsRefusal {
  readonly code: AadstsCode;
  readonly values: AadstsValues;
}

/** What ties a reply to Entra's own logs. */
export interface RequestIds {
  readonly traceId: string;
  /** The caller's `client-request-id` where it sent one. */
  readonly correlationId: string;
}

/** Ids for one request. */
export function requestIds(clientRequestId: string | undefined): RequestIds {
  return {
    // Every trace id of Entra that was seen ends with the byte 00.
    traceId: `${randomUUID().slice(0, -2)}00`,
    correlationId: clientRequestId ?? randomUUID(),
  };
}

/** Entra's spelling of a moment: `2026-11-24 09:30:00Z`. */
function entraTimestamp(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** HTTP status of a refusal. */
export function statusOf(code: AadstsCode): number {
  const definition = AADSTS[code];
  return definition.status ?? (definition.error === 'invalid_client' ? 401 : 400);
}

/** The JSON body of a refusal. */
export function refusalBody(refusal: AadstsRefusal, ids: RequestIds, now: number): Readonly<Record<string, unknown>> {
  const definition = AADSTS[refusal.code];
  const timestamp = entraTimestamp(now);
  const text = definition.text.replaceAll(/\{(\w+)\}/g, (_, name: string) => refusal.values[name] ?? '');
  return {
    error: definition.error,
    error_description: `AADSTS${refusal.code}: ${text} Trace ID: ${ids.traceId} Correlation ID: ${ids.correlationId} Timestamp: ${timestamp}`,
    error_codes: [refusal.code],
    timestamp,
    trace_id: ids.traceId,
    correlation_id: ids.correlationId,
    ...(definition.errorUri === true
      ? { error_uri: `https://login.microsoftonline.com/error?code=${refusal.code}` }
      : {}),
  };
}
