/**
 * Turns a way to authenticate into what oauth4webapi puts into a request.
 *
 * Credentials are read here, just before use, and form-encoded by oauth4webapi (RFC 6749 appendix B, in Basic too).
 */
import { failure, success, type Clock, type Result } from '@postbearer/core';
import { ClientSecretBasic, ClientSecretPost, type ClientAuth } from 'oauth4webapi';
import { certificateAuthentication } from './certificate-credential.ts';
import { oauthFaults } from './faults.ts';
import type { ClientAuthentication, TokenRequest } from './token-request.ts';

/** The ways that go to a token endpoint. */
export type EndpointAuthentication = Exclude<ClientAuthentication, { readonly method: 'managed_identity' }>;

/** Why a text cannot be a credential; `undefined` if it can. */
function textProblem(text: string): string | undefined {
  if (text === '') return 'it is empty';
  // It could not be encoded as UTF-8, and what would be sent instead is another secret.
  return text.isWellFormed() ? undefined : 'it holds half of a surrogate pair';
}

/** Sends a token of another issuer as assertion (RFC 7523 section 2.2). */
function assertionAuthentication(assertion: string): ClientAuth {
  return (_server, client, body) => {
    body.set('client_id', client.client_id);
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    body.set('client_assertion', assertion);
  };
}

/** Reads the credential of a request and makes it ready to send; passes on the fault of whoever reads it. */
export async function clientAuthentication(
  authentication: EndpointAuthentication,
  request: TokenRequest,
  clock: Clock,
): Promise<Result<ClientAuth>> {
  if (authentication.method === 'private_key_jwt') {
    const credential = await authentication.credential();
    if (!credential.ok) return credential;
    return certificateAuthentication(credential.value, request, () => clock.now());
  }
  const read = await (authentication.method === 'federated' ? authentication.assertion() : authentication.secret());
  if (!read.ok) return read;
  const text = read.value.reveal();
  const reason = textProblem(text);
  if (reason !== undefined)
    return failure(oauthFaults.make('OAUTH_CREDENTIAL_UNUSABLE', { clientId: request.clientId, reason }));
  switch (authentication.method) {
    case 'client_secret_post':
      return success(ClientSecretPost(text));
    case 'client_secret_basic':
      return success(ClientSecretBasic(text));
    case 'federated':
      return success(assertionAuthentication(text));
  }
}
