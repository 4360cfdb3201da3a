/**
 * From settings to what is needed to reach one upstream: where and how to connect, how to sign in, and what its faults mean.
 *
 * The one place that joins settings, secrets, trust, tokens and SMTP, so that a message and a check go exactly the same way.
 * Making it opens nothing; secrets are read when they are used. Which way to sign in is what the settings say: there is no
 * falling back from OAuth to a password.
 */
import {
  failure,
  Secret,
  success,
  systemClock,
  type Clock,
  type EventSink,
  type Result,
  type SecretRef,
} from '@postbearer/core';
import type { Microsoft365Context } from '@postbearer/microsoft365';
import { parseTokenEndpoint } from '@postbearer/microsoft365/clouds';
import { createHttpClient, createTrust, type HttpClient } from '@postbearer/network';
import {
  createTokenSource,
  type AccessToken,
  type ClientAuthentication,
  type TokenClaims,
  type TokenNeed,
  type TokenRequest,
  type TokenSource,
} from '@postbearer/oauth';
import { resolveSecret, type ReadFile } from '@postbearer/secrets';
import { settingsFaults, type OAuthSettings, type Settings, type Upstream } from '@postbearer/settings';
import type { ConnectOptions, CredentialSource } from '@postbearer/smtp/client';
import type { TokenSources } from './token-sources.ts';

/** What {@link upstreamAccess} works with; each has a real default. */
export interface UpstreamAccessOptions {
  /** For proxies, certificate authorities, systemd credentials and managed identities; by default that of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  /** Hears `token.acquired` and `token.failed` of the requests that are made for this access, each once. */
  readonly onEvent?: EventSink;
  /** Hears each secret when it is about to be used, under a name that a later one of its kind has as well. */
  readonly onSecret?: (name: string, secret: string) => void;
  /** The mailbox to sign in as, where it is another than the user name of the upstream. */
  readonly mailbox?: string;
  /** Reads files of secrets; by default from disk. */
  readonly readFile?: ReadFile;
  /** Reaches the token endpoint; by default a client with the trust and proxy of the upstream. */
  readonly http?: HttpClient;
  /** Tokens shared with other accesses, which have the same clock and environment; by default an access has its own. */
  readonly tokens?: TokenSources;
}

/** One upstream, ready to be used. */
export interface UpstreamAccess {
  readonly upstream: Upstream;
  /** The address that signs in; absent where the settings name none. */
  readonly mailbox?: string;
  readonly connect: Pick<ConnectOptions, 'host' | 'port' | 'security' | 'tls'>;
  /** Gives what to sign in with; absent where the upstream takes mail without signing in. */
  readonly credentials?: CredentialSource;
  /** The token that is asked for; present where the upstream signs in with OAuth. */
  readonly tokenRequest?: TokenRequest;
  /** Gives that token, from the cache where it may; otherwise as `credentials` does. */
  readonly token?: (need: Omit<TokenNeed, 'onEvent'>) => Promise<Result<AccessToken>>;
  /** What is known about this upstream now, the claims of its last token among it: what `refineFault` takes. */
  context(): Microsoft365Context;
  /** Ends token requests in flight and forgets tokens, unless they are shared; safe to repeat. */
  close(): void;
}

/** Resolves secrets of one upstream and tells of them. */
type ReadSecret = (name: string, reference: SecretRef) => Promise<Result<Secret>>;

function authenticationOf(oauth: OAuthSettings, readSecret: ReadSecret): ClientAuthentication {
  const { clientAuthentication } = oauth;
  switch (clientAuthentication.method) {
    case 'client_secret_post':
    case 'client_secret_basic': {
      const { method, secret } = clientAuthentication;
      return { method, secret: () => readSecret('client secret', secret) };
    }
    case 'private_key_jwt': {
      const { method, certificateFile, privateKey } = clientAuthentication;
      return {
        method,
        async credential() {
          // Not a secret, but a file with the same need: bounded, and read anew so that a renewed one is taken up.
          const certificate = await resolveFile(certificateFile, readSecret);
          if (!certificate.ok) return certificate;
          const key = await readSecret('private key', privateKey);
          if (!key.ok) return key;
          return success({ certificatePem: certificate.value.reveal(), privateKeyPem: key.value });
        },
      };
    }
    case 'federated_token_file': {
      const { path } = clientAuthentication;
      return { method: 'federated', assertion: () => readSecret('federated token', { kind: 'file', path }) };
    }
    case 'managed_identity':
      return clientAuthentication;
  }
}

function resolveFile(path: string, readSecret: ReadSecret): Promise<Result<Secret>> {
  return readSecret('certificate', { kind: 'file', path });
}

function tokenRequestOf(oauth: OAuthSettings, readSecret: ReadSecret): TokenRequest {
  const { tokenEndpoint, clientId, scope } = oauth;
  // A managed identity has no endpoint in the settings: the machine's own platform is asked.
  const endpoint = tokenEndpoint === '' ? 'managed identity' : tokenEndpoint;
  return { endpoint, clientId, scope, authentication: authenticationOf(oauth, readSecret) };
}

/** What the settings of an upstream say that the wording of a remedy may name. */
export function contextOf(upstream: Upstream, mailbox: string | undefined = upstream.username): Microsoft365Context {
  const { oauth, server, fromAddress } = upstream;
  const endpoint = parseTokenEndpoint(oauth?.tokenEndpoint ?? '');
  const tenant = oauth?.tenant ?? endpoint?.tenant;
  const cloud = oauth?.cloud ?? endpoint?.cloud;
  return {
    ...(tenant === undefined ? {} : { tenant }),
    ...(cloud === undefined ? {} : { cloud }),
    ...(oauth === undefined || oauth.clientId === '' ? {} : { clientId: oauth.clientId }),
    ...(mailbox === undefined ? {} : { mailbox }),
    ...(fromAddress === undefined ? {} : { fromAddress }),
    ...(server === '' ? {} : { server }),
  };
}

class Access implements UpstreamAccess {
  readonly upstream: Upstream;
  readonly mailbox?: string;
  readonly connect: UpstreamAccess['connect'];
  readonly credentials?: CredentialSource;
  readonly tokenRequest?: TokenRequest;
  readonly token?: NonNullable<UpstreamAccess['token']>;
  readonly #options: UpstreamAccessOptions;
  readonly #http: HttpClient;
  readonly #clock: Clock;
  readonly #facts: Microsoft365Context;
  #ownTokens: TokenSource | undefined;
  #claims: TokenClaims | undefined;

  constructor(upstream: Upstream, ca: readonly string[], http: HttpClient, options: UpstreamAccessOptions) {
    const mailbox = options.mailbox ?? upstream.username;
    this.upstream = upstream;
    if (mailbox !== undefined) this.mailbox = mailbox;
    this.connect = { host: upstream.server, port: upstream.port, security: upstream.security, tls: { ca } };
    this.#http = http;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#facts = contextOf(upstream, mailbox);
    const { authentication, oauth, password } = upstream;
    if (authentication === 'oauth' && oauth !== undefined) {
      const request = tokenRequestOf(oauth, this.#readSecret);
      this.tokenRequest = request;
      this.token = (need) => this.#token(request, need);
      this.credentials = (need) => this.#bearer(request, need);
    } else if (authentication === 'password') this.credentials = () => this.#password(password);
  }

  context(): Microsoft365Context {
    const claims = this.#claims;
    return { ...this.#facts, now: this.#clock.now(), ...(claims === undefined ? {} : { claims }) };
  }

  close(): void {
    this.#ownTokens?.close();
  }

  readonly #readSecret: ReadSecret = async (name, reference) => {
    const { environment, readFile, onSecret } = this.#options;
    const secret = await resolveSecret(reference, {
      ...(environment === undefined ? {} : { environment }),
      ...(readFile === undefined ? {} : { readFile }),
    });
    if (secret.ok) onSecret?.(name, secret.value.reveal());
    return secret;
  };

  #source(): TokenSource {
    const { environment, tokens } = this.#options;
    const make = (): TokenSource =>
      createTokenSource({
        http: this.#http,
        clock: this.#clock,
        ...(environment === undefined ? {} : { environment }),
      });
    return tokens === undefined ? (this.#ownTokens ??= make()) : tokens.of(this.upstream.caFile ?? '', make);
  }

  async #token(request: TokenRequest, need: Omit<TokenNeed, 'onEvent'>): Promise<Result<AccessToken>> {
    const { onEvent, onSecret } = this.#options;
    const token = await this.#source().get(request, { ...need, onEvent });
    if (!token.ok) return token;
    this.#claims = token.value.claims;
    onSecret?.('token', token.value.value.reveal());
    return token;
  }

  async #bearer(request: TokenRequest, need: Parameters<CredentialSource>[0]): ReturnType<CredentialSource> {
    const token = await this.#token(request, need);
    if (!token.ok) return token;
    const { value, fromCache } = token.value;
    return success({ kind: 'bearer', username: this.mailbox ?? '', token: value, fromCache });
  }

  async #password(reference: SecretRef | undefined): ReturnType<CredentialSource> {
    const password = await this.#readSecret('password', reference ?? { kind: 'value', value: Secret.of('') });
    if (!password.ok) return password;
    // A password belongs to its user name, whatever mailbox the mail is from.
    const username = this.upstream.username ?? this.mailbox ?? '';
    return success({ kind: 'password', username, password: password.value });
  }
}

/**
 * Makes an upstream of the settings ready to be used.
 *
 * @returns the access, or `CONFIG_UPSTREAM_UNKNOWN`, or a `NETWORK_…` fault where its certificate authorities cannot be read.
 *
 * @example
 * ```ts
 * import { upstreamAccess } from '@postbearer/diagnosis';
 *
 * const settings = { logLevel: 'Information', upstreams: {}, mailboxes: {} } as const;
 * const access = upstreamAccess(settings, 'reports');
 * access.ok ? '' : access.fault.code; // => 'CONFIG_UPSTREAM_UNKNOWN'
 * ```
 */
export function upstreamAccess(
  settings: Pick<Settings, 'upstreams'>,
  name: string,
  options: UpstreamAccessOptions = {},
): Result<UpstreamAccess> {
  const upstream = Object.hasOwn(settings.upstreams, name) ? settings.upstreams[name] : undefined;
  if (upstream === undefined) {
    const guess = `known are ${Object.keys(settings.upstreams).join(', ') || 'none'}`;
    const values = { key: 'The call', upstream: name, guess };
    return failure(settingsFaults.make('CONFIG_UPSTREAM_UNKNOWN', values));
  }
  const { environment, clock = systemClock } = options;
  const known = environment === undefined ? {} : { environment };
  const trust = createTrust({ ...known, ...(upstream.caFile === undefined ? {} : { caFiles: [upstream.caFile] }) });
  if (!trust.ok) return trust;
  const http = options.http ?? createHttpClient({ ...known, trust: trust.value, clock });
  return success(new Access(upstream, trust.value.ca, http, options));
}
