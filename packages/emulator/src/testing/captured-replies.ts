/**
 * The replies of a real Entra tenant, as shapes: what varies stands in braces.
 *
 * Source: calvinchengx/entra-emulator, e2e/differential/testdata/fixtures at 4e61f24 (Apache-2.0), taken 2026-08-13. Member
 * names and Microsoft's texts are facts of the service and are written down here anew.
 */

/** One captured reply of the token endpoint. */
export interface CapturedReply {
  readonly file: string;
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const TAIL = 'Trace ID: {guid} Correlation ID: {guid} Timestamp: {timestamp}';

function refusal(error: string, code: number, text: string, withUri: boolean): Readonly<Record<string, unknown>> {
  return {
    error,
    error_description: `AADSTS${code}: ${text} ${TAIL}`,
    error_codes: [code],
    timestamp: '{timestamp}',
    trace_id: '{guid}',
    correlation_id: '{guid}',
    ...(withUri ? { error_uri: `https://login.microsoftonline.com/error?code=${code}` } : {}),
  };
}

/** The replies by a short name. */
export const CAPTURED_REPLIES = {
  granted: {
    file: 'token-client-credentials.json',
    status: 200,
    body: {
      token_type: 'Bearer',
      expires_in: '{seconds}',
      ext_expires_in: '{seconds}',
      access_token: '{redacted-jwt}',
    },
  },
  wrongSecret: {
    file: 'token-error-invalid-client.json',
    status: 401,
    body: refusal(
      'invalid_client',
      7000215,
      "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{daemon-app-id}'.",
      true,
    ),
  },
  unknownResource: {
    file: 'token-error-invalid-scope.json',
    status: 400,
    body: refusal(
      'invalid_resource',
      500011,
      'The resource principal named api://not-a-registered-resource was not found in the tenant named {tenant-id}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.',
      true,
    ),
  },
  emptyClientId: {
    file: 'token-error-unknown-client.json',
    status: 400,
    body: refusal('unauthorized_client', 700038, '{guid} is not a valid application identifier.', false),
  },
  unknownGrant: {
    file: 'token-error-unsupported-grant-type.json',
    status: 400,
    body: refusal(
      'unsupported_grant_type',
      70003,
      "The app requested an unsupported grant type 'no_such_grant'.",
      false,
    ),
  },
} as const satisfies Readonly<Record<string, CapturedReply>>;

const GUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g;
const TIMESTAMP = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g;

/** What varies, in the braces of the captures. */
function shapeOfText(text: string, known: Readonly<Record<string, string>>): string {
  if (/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) return '{redacted-jwt}';
  let shape = text;
  for (const [name, value] of Object.entries(known)) shape = shape.replaceAll(value, `{${name}}`);
  return shape.replaceAll(GUID, '{guid}').replaceAll(TIMESTAMP, '{timestamp}');
}

/** The shape of a body, member by member in its own order. `known` names the values that a capture has words for. */
export function shapeOf(
  body: Readonly<Record<string, unknown>>,
  known: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  const entries = Object.entries(body).map(([name, value]): [string, unknown] => {
    if (typeof value === 'string') return [name, shapeOfText(value, known)];
    return [name, typeof value === 'number' ? '{seconds}' : value];
  });
  return Object.fromEntries(entries);
}
