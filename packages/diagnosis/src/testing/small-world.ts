/** A small world for the chain: a mail server that says what a test wants, and a token endpoint that is a function. */
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMailboxAddress, Secret, success, type MailboxAddress, type Result } from '@postbearer/core';
import type { HttpClient, HttpReply, HttpRequest } from '@postbearer/network';
import { createCertificateAuthority, type CertificateOptions } from '@postbearer/network/certificates';
import { STANDARD_SERVICE, type OAuthSettings, type Settings, type Upstream } from '@postbearer/settings';
import { createSmtpServer, type AuthAttempt, type SmtpServer, type SmtpServerHandler } from '@postbearer/smtp/server';

export const TENANT = '12345678-1234-1234-1234-123456789012';
export const CLIENT = '0a0b0c0d-1111-4111-8111-222222222222';
export const CLIENT_SECRET = 'canary-client-secret-7f3a91';
export const PASSWORD = 'canary-password-55c0de';
/** The signature of every token here. */
export const TOKEN_CANARY = 'canary-token-signature-90210';

/** An address that a test knows to be one. */
export function address(text: string): MailboxAddress {
  const parsed = parseMailboxAddress(text);
  if (!parsed.ok) throw new Error(parsed.fault.message);
  return parsed.value;
}

/** The claims of a token as Entra issues it for Exchange Online. */
export const GOOD_CLAIMS = {
  aud: 'https://outlook.office365.com',
  iss: `https://sts.windows.net/${TENANT}/`,
  appid: CLIENT,
  tid: TENANT,
  roles: ['SMTP.SendAsApp'],
} as const;

function jwtPart(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** A JWT with these claims. */
export function jwt(claims: Readonly<Record<string, unknown>>): string {
  return `${jwtPart({ alg: 'RS256' })}.${jwtPart(claims)}.${TOKEN_CANARY}`;
}

/** A reply in JSON. */
export function jsonReply(status: number, body: unknown): Result<HttpReply> {
  return success({ status, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) });
}

/** A reply with a token. */
export function tokenReply(token: string): Result<HttpReply> {
  return jsonReply(200, { token_type: 'Bearer', expires_in: 3599, access_token: token });
}

/** A token endpoint that answers what `answer` says. */
export function tokenEndpoint(
  answer: (request: HttpRequest) => Result<HttpReply> | Promise<Result<HttpReply>>,
): HttpClient {
  return { request: async (request) => answer(request) };
}

/** How the mail server behaves; by default it takes everything. */
export interface ServerPlan {
  readonly handler?: SmtpServerHandler;
  readonly security?: 'starttls' | 'tls' | 'plain';
  readonly certificate?: CertificateOptions;
}

/** A mail server with what it saw. */
export interface SmallWorld extends AsyncDisposable {
  readonly port: number;
  readonly attempts: readonly AuthAttempt[];
  readonly messages: number;
  /** Everything that was said in the clear or not, credentials blanked, as `C:` and `S:` lines. */
  readonly dialogue: readonly string[];
  readonly server: SmtpServer;
  readonly caFile: string;
  /** Resolves when no session is open. */
  allEnded(): Promise<void>;
}

/** Starts a mail server whose authority is in `caFile`. */
export async function startWorld(plan: ServerPlan = {}): Promise<SmallWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'postbearer-chain-'));
  const authority = await createCertificateAuthority();
  const issued = await authority.issue(plan.certificate ?? { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] });
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, authority.certificatePem);
  const attempts: AuthAttempt[] = [];
  const dialogue: string[] = [];
  const sessions = new Set<object>();
  const bell = new EventEmitter();
  let messages = 0;
  const { handler = {} } = plan;
  const server = createSmtpServer({
    hostname: 'mail.example.com',
    security: plan.security ?? 'starttls',
    certificate: { certificatePem: issued.chainPem, privateKeyPem: issued.privateKeyPem },
    onEvent: (event) => {
      if (event.name === 'smtp.dialogue') dialogue.push(`${event.from === 'client' ? 'C' : 'S'}: ${event.text}`);
    },
    handler: {
      ...handler,
      connect(session) {
        sessions.add(session);
        return handler.connect?.(session);
      },
      closed(session) {
        sessions.delete(session);
        bell.emit('closed');
      },
      authenticate(session, attempt) {
        attempts.push(attempt);
        return handler.authenticate?.(session, attempt) ?? { identity: attempt.username };
      },
      message() {
        messages += 1;
        return { code: 250, enhanced: '2.0.0', text: 'OK' };
      },
    },
  });
  const listening = await server.listen();
  if (!listening.ok) throw new Error(listening.fault.message);
  return {
    port: listening.value.port,
    attempts,
    dialogue,
    server,
    caFile,
    get messages() {
      return messages;
    },
    async allEnded() {
      while (sessions.size > 0) await once(bell, 'closed');
    },
    async [Symbol.asyncDispose]() {
      await server.close({ graceMs: 100 });
      await rm(folder, { recursive: true });
    },
  };
}

const OAUTH: OAuthSettings = {
  enabled: true,
  tokenEndpoint: `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`,
  tenant: TENANT,
  cloud: 'global',
  clientId: CLIENT,
  scope: 'https://outlook.office365.com/.default',
  clientAuthentication: { method: 'client_secret_post', secret: { kind: 'value', value: Secret.of(CLIENT_SECRET) } },
};

/** Settings with one upstream: OAuth at a mail server of this machine. */
export function settingsFor(world: Pick<SmallWorld, 'port' | 'caFile'>, changes: Partial<Upstream> = {}): Settings {
  const upstream: Upstream = {
    name: 'default',
    enabled: true,
    enabledFrom: { key: 'smtp.enabled', source: 'default' },
    server: '127.0.0.1',
    port: world.port,
    security: 'starttls',
    username: 'notifications@contoso.com',
    fromAddress: address('notifications@contoso.com'),
    caFile: world.caFile,
    authentication: 'oauth',
    oauth: OAUTH,
    ...changes,
  };
  return { logLevel: 'Information', upstreams: { default: upstream }, mailboxes: {}, service: STANDARD_SERVICE };
}

/** An upstream that signs in with a password. */
export const PASSWORD_SIGN_IN = {
  authentication: 'password',
  password: { kind: 'value', value: Secret.of(PASSWORD) },
} as const satisfies Partial<Upstream>;
