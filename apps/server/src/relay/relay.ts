/** The listeners of the relay, as the settings name them. */
import { success, type Clock, type EventSink, type Result } from '@postbearer/core';
import { createSmtpServer, type ListeningAddress, type SmtpServer } from '@postbearer/smtp/server';
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
import { SignInLimit } from './sign-in-limit.ts';

/** One place where mail is taken. */
export interface ListenerSettings {
  /** Loopback where it is left out. */
  readonly host?: string;
  readonly port: number;
  /** STARTTLS (587, 2525), TLS from the first byte (465), or none: for the networks of apps alone, and never with a password. */
  readonly security: 'starttls' | 'tls' | 'plain';
}

/** How the relay is set up. */
export interface RelaySettings {
  readonly listeners: readonly ListenerSettings[];
  /** The name in the greeting, in Received and in the certificate that is made. */
  readonly hostname: string;
  /** The certificate to present; one is made where it is left out. */
  readonly certificate?: CertificateFiles;
}

/** What a relay works with. */
export interface RelayOptions {
  readonly settings: RelaySettings;
  readonly dataFolder: string;
  readonly apps: AppRegistry;
  readonly submitter: Submitter;
  readonly clock: Clock;
  readonly onEvent: EventSink;
  readonly onError: (error: unknown) => void;
}

/** A listener that listens. */
export interface RelayAddress extends ListeningAddress {
  readonly security: ListenerSettings['security'];
}

/** The running relay. */
export interface Relay {
  readonly addresses: readonly RelayAddress[];
  /** Takes no new connection and lets those that are in a transaction finish it. */
  close(graceMs: number): Promise<void>;
}

interface OpenListener {
  readonly server: SmtpServer;
  readonly follower: CertificateFollower | undefined;
  readonly address: RelayAddress;
}

async function certificateFiles({ settings, dataFolder, clock }: RelayOptions): Promise<CertificateFiles | undefined> {
  if (settings.listeners.every(({ security }) => security === 'plain')) return undefined;
  return settings.certificate ?? (await ownCertificate(dataFolder, settings.hostname, clock));
}

async function listen(
  options: RelayOptions,
  listener: ListenerSettings,
  files: CertificateFiles | undefined,
  limit: SignInLimit,
): Promise<Result<OpenListener>> {
  const { settings, apps, submitter, clock, onEvent, onError } = options;
  const { security, port, host = '127.0.0.1' } = listener;
  const certificate = security === 'plain' || files === undefined ? undefined : await readCertificate(files);
  if (certificate?.ok === false) return certificate;
  const server = createSmtpServer({
    hostname: settings.hostname,
    security,
    ...(certificate === undefined ? {} : { certificate: certificate.value }),
    handler: createRelayHandler({
      security,
      hostname: settings.hostname,
      apps,
      learning: apps.learning,
      refusals: apps.refusals,
      limit,
      submitter,
      clock,
      onEvent,
    }),
    limits: { messageBytes: submitter.maxMessageBytes, recipients: submitter.maxRecipients },
    clock,
    onError,
  });
  const listening = await server.listen({ host, port });
  if (!listening.ok) return listening;
  const certificateFile = certificate === undefined ? undefined : files?.certificateFile;
  const follower =
    certificate === undefined || files === undefined
      ? undefined
      : followCertificate({
          files,
          current: certificate.value,
          clock,
          replace: (renewed) => server.replaceCertificate(renewed),
          onFault: (fault) => onEvent({ name: 'settings.warning', fault }),
        });
  onEvent({
    name: 'service.listening',
    ...listening.value,
    security,
    ...(certificateFile === undefined ? {} : { certificateFile }),
  });
  return success({ server, follower, address: { ...listening.value, security } });
}

/** Opens every listener; where one cannot be opened, none stays. Fails as `SmtpServer.listen` does, or with `ACCESS_CERTIFICATE_UNREADABLE`. */
export async function startRelay(options: RelayOptions): Promise<Result<Relay>> {
  const files = await certificateFiles(options);
  const limit = new SignInLimit(options.clock);
  const open: OpenListener[] = [];
  const close = async (graceMs: number): Promise<void> => {
    for (const { follower } of open) follower?.close();
    await Promise.all(open.map(async ({ server }) => await server.close({ graceMs })));
  };
  for (const listener of options.settings.listeners) {
    const opened = await listen(options, listener, files, limit);
    if (opened.ok) open.push(opened.value);
    else {
      await close(0);
      return opened;
    }
  }
  return success({ addresses: open.map(({ address }) => address), close });
}
