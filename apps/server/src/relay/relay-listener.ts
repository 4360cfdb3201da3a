/** One listener of the relay: its certificate, its limits, and what it does at each stage of a session. */
import { success, type Clock, type EventSink, type PostbearerEvent, type Result } from '@postbearer/core';
import {
  createSmtpServer,
  type ListeningAddress,
  type SmtpServer,
  type SmtpServerLimits,
  type SmtpServerTimeouts,
} from '@postbearer/smtp/server';
import type { AppRegistry } from '../access/app-registry.ts';
import {
  followCertificate,
  ownCertificate,
  readCertificate,
  type CertificateFiles,
  type CertificateFollower,
} from '../access/certificate.ts';
import type { Submitter } from '../delivery/submit.ts';
import { createRelayHandler } from './relay-handler.ts';
import type { SignInLimit } from './sign-in-limit.ts';

/** One place where mail is taken. */
export interface ListenerSettings {
  /** Loopback where it is left out. */
  readonly host?: string;
  readonly port: number;
  /** STARTTLS (587, 2525), TLS from the first byte (465), or none: for the networks of apps alone, and never with a password. */
  readonly security: 'starttls' | 'tls' | 'plain';
}

/** What may change while a listener is open. */
export interface RelaySettings {
  /** The name in the greeting, in Received and in the certificate that is made. */
  readonly hostname: string;
  /** The certificate to present; one is made where it is left out. */
  readonly certificate?: CertificateFiles;
  readonly limits: Partial<SmtpServerLimits>;
}

/** What a listener works with. */
export interface RelayOptions {
  readonly dataFolder: string;
  readonly apps: AppRegistry;
  readonly submitter: Submitter;
  /** One for all listeners. */
  readonly limit: SignInLimit;
  readonly timeouts: Partial<SmtpServerTimeouts>;
  /** The name in Received, looked up for each message. */
  readonly hostname: () => string;
  readonly clock: Clock;
  readonly onEvent: EventSink;
  /** Whether anybody wants the lines of SMTP dialogues now. */
  readonly wantsDialogue: () => boolean;
  readonly onError: (error: unknown) => void;
}

/** A line of a dialogue, with the app that the address of its client belongs to where nobody signed in. */
function withApp(event: PostbearerEvent, apps: AppRegistry): PostbearerEvent {
  if (event.name !== 'smtp.dialogue' || event.app !== undefined) return event;
  const app = event.client === undefined ? undefined : apps.byAddress(event.client);
  return app === undefined ? event : { ...event, app: app.name };
}

/** Where a listener listens. */
export interface RelayAddress extends ListeningAddress {
  readonly security: ListenerSettings['security'];
}

/** Other settings for a listener, ready to be taken into use or not. */
export interface PreparedSettings {
  commit(): void;
  abandon(): void;
}

interface Certificate {
  readonly files: CertificateFiles;
  readonly follower: CertificateFollower;
}

/** Opens a listener. Fails as `SmtpServer.listen` does, or with `ACCESS_CERTIFICATE_UNREADABLE`. */
export async function openRelayListener(
  options: RelayOptions,
  place: ListenerSettings,
  settings: RelaySettings,
): Promise<Result<RelayListener>> {
  const { apps, submitter, limit, clock, onEvent, onError } = options;
  const { security, port, host = '127.0.0.1' } = place;
  const files = security === 'plain' ? undefined : await certificateFilesOf(options, settings);
  const certificate = files === undefined ? undefined : await readCertificate(files);
  if (certificate?.ok === false) return certificate;
  const server = createSmtpServer({
    hostname: settings.hostname,
    security,
    ...(certificate === undefined ? {} : { certificate: certificate.value }),
    handler: createRelayHandler({
      security,
      get hostname() {
        return options.hostname();
      },
      apps,
      learning: apps.learning,
      refusals: apps.refusals,
      usage: apps.usage,
      limit,
      submitter,
      clock,
      onEvent,
    }),
    limits: settings.limits,
    timeouts: options.timeouts,
    clock,
    onError,
    wantsDialogue: options.wantsDialogue,
    onEvent: (event) => onEvent(withApp(event, apps)),
  });
  const listening = await server.listen({ host, port });
  if (!listening.ok) return listening;
  const address = { ...listening.value, security };
  onEvent({
    name: 'service.listening',
    ...address,
    ...(files === undefined ? {} : { certificateFile: files.certificateFile }),
  });
  const listener = new RelayListener(options, address, server);
  if (files !== undefined && certificate !== undefined) listener.follow(files, certificate.value);
  return success(listener);
}

/** The certificate that a listener presents; it is made where the settings name none and it is not there. */
export async function certificateFilesOf(
  { dataFolder, clock }: Pick<RelayOptions, 'dataFolder' | 'clock'>,
  settings: RelaySettings,
): Promise<CertificateFiles> {
  return settings.certificate ?? (await ownCertificate(dataFolder, settings.hostname, clock));
}

/** An open listener. Made by {@link openRelayListener}. */
export class RelayListener {
  readonly address: RelayAddress;
  readonly #options: RelayOptions;
  readonly #server: SmtpServer;
  #certificate: Certificate | undefined;

  constructor(options: RelayOptions, address: RelayAddress, server: SmtpServer) {
    this.address = address;
    this.#options = options;
    this.#server = server;
  }

  /** Connections that are open now. */
  get connectionCount(): number {
    return this.#server.connectionCount;
  }

  /** Uses another certificate as soon as the files hold one. */
  follow(files: CertificateFiles, current: Parameters<SmtpServer['replaceCertificate']>[0]): void {
    const { clock, onEvent } = this.#options;
    this.#certificate?.follower.close();
    const follower = followCertificate({
      files,
      current,
      clock,
      replace: (renewed) => this.#server.replaceCertificate(renewed),
      onFault: (fault) => onEvent({ name: 'settings.warning', fault }),
    });
    this.#certificate = { files, follower };
  }

  /**
   * Prepares other settings: sessions that are open go on as they began.
   *
   * Fails with `ACCESS_CERTIFICATE_UNREADABLE` or `SMTP_SERVER_CERTIFICATE_UNUSABLE`; the old certificate stays then.
   */
  async prepare(next: RelaySettings): Promise<Result<PreparedSettings>> {
    const change = (): void => this.#server.reconfigure({ hostname: next.hostname, limits: next.limits });
    const before = this.#certificate;
    if (before === undefined) return success({ commit: change, abandon: () => undefined });
    const files = await certificateFilesOf(this.#options, next);
    const certificate = await readCertificate(files);
    if (!certificate.ok) return certificate;
    const old = await readCertificate(before.files);
    const replaced = this.#server.replaceCertificate(certificate.value);
    if (!replaced.ok) return replaced;
    return success({
      commit: () => {
        change();
        this.follow(files, certificate.value);
      },
      abandon: () => {
        if (old.ok) this.#server.replaceCertificate(old.value);
      },
    });
  }

  /** Takes no new connection, and lets those that are in a transaction finish it for `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#certificate?.follower.close();
    await this.#server.close({ graceMs });
  }
}
