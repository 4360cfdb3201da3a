/**
 * The causes that a text can be traced to, by the names that the results carry, and the faults that mean each.
 *
 * Rule: a name is never changed and never used for something else; scripts read them. The first fault of a cause explains it
 * where a sign names no other.
 */
import type { FaultCode } from '@postbearer/core';

/** The name of a cause: `client-secret-expired`. */
export type Cause = string;

/** The faults of each cause. */
export const CAUSES: Readonly<Record<Cause, readonly FaultCode[]>> = {
  'app-not-found-in-tenant': ['M365_APP_NOT_FOUND'],
  'tenant-not-found': ['M365_TENANT_NOT_FOUND'],
  'tenant-id-malformed': ['M365_TENANT_ID_MALFORMED'],
  'tenant-endpoint-common': ['M365_TENANT_ENDPOINT_SHARED'],
  'national-cloud-mismatch': ['M365_CLOUD_MISMATCH'],
  'client-secret-wrong': ['M365_CLIENT_SECRET_WRONG'],
  'client-secret-expired': ['M365_CLIENT_SECRET_EXPIRED'],
  'client-secret-missing': ['M365_CLIENT_CREDENTIAL_MISSING', 'M365_PUBLIC_CLIENT'],
  'assertion-signature-invalid': ['M365_CERTIFICATE_UNKNOWN'],
  'assertion-time-invalid': ['M365_ASSERTION_OUTSIDE_TIME'],
  'federated-credential-unknown': ['M365_FEDERATED_CREDENTIAL_UNKNOWN'],
  'scope-invalid': ['M365_SCOPE_INVALID'],
  'scope-multiple-resources': ['M365_SCOPE_SEVERAL_RESOURCES'],
  'resource-not-found': ['M365_RESOURCE_NOT_FOUND'],
  'permission-not-declared': ['M365_PERMISSION_NOT_DECLARED'],
  'admin-consent-missing': ['M365_CONSENT_MISSING'],
  'service-principal-missing-in-tenant': ['M365_ENTERPRISE_APP_MISSING', 'M365_RESOURCE_NOT_SUBSCRIBED'],
  'app-disabled': ['M365_APP_DISABLED'],
  'grant-type-wrong': ['M365_GRANT_TYPE_WRONG'],
  'request-parameter-missing': ['M365_TOKEN_PARAMETER_MISSING'],
  'token-request-malformed': ['M365_TOKEN_REQUEST_MALFORMED'],
  'token-endpoint-wrong': ['DIAGNOSIS_NOT_THE_TOKEN_ENDPOINT'],
  'grant-not-valid': ['M365_GRANT_NOT_VALID'],
  'mfa-required-user-flow': ['M365_MFA_REQUIRED'],
  'user-signin-failed': ['M365_USER_SIGN_IN_FAILED'],
  'conditional-access-blocked': ['M365_CONDITIONAL_ACCESS'],
  'token-throttled': ['M365_TOKEN_THROTTLED'],
  'token-service-transient': ['M365_TOKEN_SERVICE_TRANSIENT'],
  'dns-name-not-found': ['SMTP_HOST_NOT_FOUND'],
  'dns-temporary-failure': ['SMTP_NAME_LOOKUP_FAILED'],
  'connection-refused': ['SMTP_CONNECTION_REFUSED'],
  'connection-timeout': ['SMTP_UNREACHABLE'],
  'connection-reset': ['SMTP_CONNECTION_LOST'],
  'greeting-timeout': ['DIAGNOSIS_NO_GREETING'],
  'proxy-unreachable': ['NETWORK_PROXY_UNREACHABLE'],
  'proxy-auth-required': ['NETWORK_PROXY_SIGN_IN'],
  'tls-mode-mismatch': ['DIAGNOSIS_TLS_MODE'],
  'tls-untrusted-certificate': ['SMTP_CERTIFICATE_UNKNOWN_AUTHORITY', 'SMTP_CERTIFICATE_SELF_SIGNED'],
  'tls-certificate-name-or-date': [
    'SMTP_CERTIFICATE_WRONG_HOST',
    'SMTP_CERTIFICATE_EXPIRED',
    'SMTP_CERTIFICATE_NOT_YET_VALID',
  ],
  'tls-version-mismatch': ['SMTP_TLS_VERSION_UNSUPPORTED', 'M365_TLS_TOO_OLD'],
  'starttls-required': ['M365_STARTTLS_REQUIRED'],
  'starttls-not-offered': ['SMTP_STARTTLS_NOT_OFFERED'],
  'auth-rejected': ['M365_SIGN_IN_REFUSED', 'M365_ACS_SIGN_IN_REFUSED'],
  'smtp-auth-disabled-tenant': ['M365_SMTP_AUTH_DISABLED_TENANT'],
  'smtp-auth-disabled-mailbox': ['M365_SMTP_AUTH_DISABLED_MAILBOX'],
  'security-defaults-block': ['M365_SECURITY_DEFAULTS', 'M365_TOKEN_SECURITY_DEFAULTS'],
  'auth-policy-blocked': ['M365_SIGN_IN_POLICY'],
  'basic-auth-disabled': ['M365_BASIC_AUTH_DISABLED'],
  'basic-credentials-wrong': ['M365_PASSWORD_WRONG'],
  'federation-sts-failure': ['M365_FEDERATION_UNREACHABLE'],
  'auth-mechanism-unsupported': ['M365_AUTH_MECHANISM_UNSUPPORTED'],
  'auth-message-malformed': ['M365_AUTH_DATA_MALFORMED'],
  'client-not-authenticated': ['M365_NOT_AUTHENTICATED'],
  'smtp-credentials-missing': ['DIAGNOSIS_CREDENTIALS_EMPTY'],
  'client-token-unavailable': ['DIAGNOSIS_CLIENT_WITHOUT_TOKEN'],
  'send-as-denied': ['M365_SEND_AS_DENIED'],
  'mailbox-access-missing': ['M365_MAILBOX_ACCESS_MISSING', 'M365_USERNAME_NOT_MAILBOX'],
  'mailbox-full': ['M365_MAILBOX_FULL'],
  'throttled-concurrent-connections': ['M365_CONNECTIONS_EXCEEDED'],
  'throttled-daily-recipients': ['M365_DAILY_RECIPIENTS_EXCEEDED'],
  'tenant-external-recipient-limit': ['M365_TENANT_EXTERNAL_RECIPIENTS_EXCEEDED'],
  'recipients-per-domain-exceeded': ['M365_RECIPIENTS_PER_DOMAIN_EXCEEDED'],
  'sender-blocked-outbound-spam': ['M365_SENDER_BLOCKED'],
  'tenant-blocked-outbound': ['M365_TENANT_BLOCKED'],
  'server-temporary-error': ['M365_SERVER_BUSY'],
  'message-too-large': ['M365_MESSAGE_TOO_LARGE'],
  'message-address-invalid': ['M365_ADDRESS_INVALID'],
  'message-content-invalid': ['M365_CONTENT_INVALID'],
  'recipient-not-found': ['M365_RECIPIENT_NOT_FOUND'],
  'recipient-restricted': ['M365_RECIPIENT_RESTRICTED'],
  'recipient-mailbox-unavailable': ['M365_RECIPIENT_UNAVAILABLE'],
  'recipient-throttled': ['M365_RECIPIENT_THROTTLED'],
  'message-policy-rejected': ['M365_POLICY_REJECTED'],
  'dmarc-spf-failure': ['M365_DOMAIN_AUTHENTICATION_FAILED'],
  'sending-ip-blocked': ['M365_SENDING_IP_BLOCKED'],
  'relay-not-attributed': ['M365_RELAY_NOT_ATTRIBUTED'],
  'graph-request-refused': ['M365_GRAPH_PERMISSION_MISSING', 'M365_GRAPH_TOO_MANY_SECRETS'],
};

const CAUSE_OF: ReadonlyMap<string, Cause> = new Map(
  Object.entries(CAUSES).flatMap(([cause, codes]) => codes.map((code) => [code, cause] as const)),
);

/** The cause that a fault means; `undefined` of one that no text is traced to. */
export function causeOfCode(code: string): Cause | undefined {
  return CAUSE_OF.get(code);
}

/**
 * What tells apart the causes that look alike, for the reader: by the cause that comes first.
 *
 * Only where a text names no reason is there something to tell apart.
 */
export const TELL_APART: Readonly<Record<Cause, string>> = {
  'auth-rejected':
    'Run postbearer verify: it reads the token (audience, roles, app, tenant, end) and tries the sign-in, which leaves one of these causes.',
  'basic-credentials-wrong':
    'Sign in once at outlook.office.com with the same user name and password: if that works, the password is right and something refuses its use for SMTP.',
  'client-not-authenticated':
    'Look a few lines further up in the same log for the reply to AUTH: if there is none, no sign-in was tried; if it is a 535, its words name the reason.',
  'connection-timeout':
    'Run postbearer verify on the same machine: it tries name, connection and encryption one by one and names the first that fails.',
  'connection-reset':
    'Run postbearer verify on the same machine: it shows whether the line breaks before the greeting, at STARTTLS or later.',
  'connection-refused': 'Look which host and port the program really uses: localhost means that no server is set.',
  'tls-version-mismatch':
    'Run openssl s_client -starttls smtp -connect smtp.office365.com:587 -tls1_2 on the same machine: if that works, the program is too old, not the way.',
  'tls-untrusted-certificate':
    'Run postbearer verify on the same machine: it shows who issued the certificate; an issuer that is your own company or a security product means inspection.',
  'client-token-unavailable':
    "Look for the reply of the token endpoint in the same program's log, and explain that text.",
  'greeting-timeout':
    'Connect with openssl s_client -connect HOST:PORT: if certificates appear at once, the port wants TLS from the first byte.',
};
