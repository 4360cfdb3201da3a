/** The client secret of an upstream: where it is, what is known of it, how it is proved and how it is issued. */
import { failure, success, systemClock, type Result, type Secret } from '@postbearer/core';
import { upstreamAccess } from '@postbearer/diagnosis';
import { createMailer } from '@postbearer/mailer';
import { createGraphClient, openDirectory, type Directory } from '@postbearer/microsoft365';
import { CLOUDS } from '@postbearer/microsoft365/clouds';
import { createHttpClient, createTrust } from '@postbearer/network';
import {
  fileRotationLog,
  fileSlots,
  resolveSecret,
  withFileLock,
  type RotationOptions,
  type SecretIssuer,
} from '@postbearer/secrets';
import type { Settings, Upstream } from '@postbearer/settings';
import { CommandFailure } from '../command-failure.ts';
import { need } from '../control-options.ts';
import type { GraphFlags } from '../setup/graph-access.ts';
import type { Terminal } from '../terminal.ts';

/** An upstream that signs in with a client secret. */
export interface OwnSecret {
  readonly settings: Settings;
  readonly upstream: Upstream;
  readonly clientId: string;
  /** The file that holds the secret; absent where it is no file. */
  readonly file?: string;
  /** Where it is, for people. */
  readonly place: string;
}

/** Finds it. Ends the command where the upstream has no client secret. */
export function ownSecret(settings: Settings, name: string): OwnSecret {
  const upstream = settings.upstreams[name];
  const authentication = upstream?.oauth?.clientAuthentication;
  if (upstream === undefined || authentication === undefined || !('secret' in authentication))
    throw CommandFailure.usage(`The upstream ${name} of the settings signs in without a client secret.`);
  const { secret } = authentication;
  const clientId = upstream.oauth?.clientId ?? '';
  switch (secret.kind) {
    case 'file':
      return { settings, upstream, clientId, file: secret.path, place: secret.path };
    case 'value':
      return { settings, upstream, clientId, place: 'the settings themselves' };
    case 'systemd-credential':
      return { settings, upstream, clientId, place: `the systemd credential ${secret.name}` };
  }
}

/** The file of the secret; only a file can be changed from here. */
export function changeableFile({ file, place }: OwnSecret): string {
  if (file !== undefined) return file;
  throw CommandFailure.usage(
    `The secret is in ${place} and cannot be changed from here. Put it into a file of its own: in the settings "clientSecret": {"file": "/etc/postbearer/client-secret"}.`,
  );
}

/** The secret in use. */
async function readOwn({ upstream }: OwnSecret, { environment }: Terminal): Promise<Result<Secret>> {
  const authentication = upstream.oauth?.clientAuthentication;
  if (authentication === undefined || !('secret' in authentication)) throw new Error('It was looked at before.');
  return await resolveSecret(authentication.secret, { environment });
}

function settingsWith({ settings, upstream }: OwnSecret, secret: Secret, scope?: string): Settings {
  const { oauth } = upstream;
  const authentication = oauth?.clientAuthentication;
  if (oauth === undefined || authentication === undefined || !('secret' in authentication))
    throw new Error('It was looked at before.');
  const clientAuthentication = { ...authentication, secret: { kind: 'value' as const, value: secret } };
  const changed = { ...upstream, oauth: { ...oauth, clientAuthentication, ...(scope === undefined ? {} : { scope }) } };
  return { ...settings, upstreams: { ...settings.upstreams, [upstream.name]: changed } };
}

/** Proves a secret by a real token and a real sign-in; nothing is sent. */
export async function prove(own: OwnSecret, secret: Secret, terminal: Terminal): Promise<Result<void>> {
  await using mailer = createMailer(settingsWith(own, secret), { environment: terminal.environment });
  const report = await mailer.verify({ signal: terminal.signal, upstream: own.upstream.name });
  const fault = report.firstBroken?.fault;
  return fault === undefined || report.ok ? success(undefined) : failure(fault);
}

/**
 * The directory as the app itself reaches it, with the permission `Application.ReadWrite.OwnedBy` of Microsoft Graph.
 *
 * The token for it is asked for with the secret in use, anew for each request: what is rotated away does not work any more.
 */
export function directoryOfApp(own: OwnSecret, flags: GraphFlags, terminal: Terminal): Directory {
  const host = CLOUDS[own.upstream.oauth?.cloud ?? 'global'].graphHost.value;
  const caFiles = [flags.graphCa, own.upstream.caFile].filter((file) => file !== undefined);
  const trust = need(createTrust({ environment: terminal.environment, caFiles }));
  const token = async (): Promise<Result<Secret>> => {
    const secret = await readOwn(own, terminal);
    if (!secret.ok) return secret;
    const access = upstreamAccess(settingsWith(own, secret.value, `https://${host}/.default`), own.upstream.name, {
      environment: terminal.environment,
    });
    if (!access.ok) return access;
    try {
      const got = await access.value.token?.({ signal: terminal.signal });
      if (got === undefined) throw new Error('An upstream with OAuth gave no way to a token.');
      return got.ok ? success(got.value.value) : got;
    } finally {
      access.value.close();
    }
  };
  const client = createGraphClient({
    baseUrl: (flags.graphUrl ?? `https://${host}/v1.0`).replace(/\/$/, ''),
    token,
    http: createHttpClient({ trust, environment: terminal.environment }),
    clock: systemClock,
    context: { clientId: own.clientId },
    signal: terminal.signal,
  });
  return openDirectory(client);
}

/** Microsoft Graph as the issuer of an app's secrets. */
export function graphIssuer(directory: Directory, clientId: string): SecretIssuer {
  const find = async () => {
    const application = await directory.findApplication({ appId: clientId });
    if (!application.ok) return application;
    if (application.value === undefined)
      throw CommandFailure.usage(`There is no app ${clientId} in the tenant of this token.`);
    return success(application.value);
  };
  return {
    async list() {
      const application = await find();
      return application.ok ? success(application.value.secrets) : application;
    },
    async add(input) {
      const application = await find();
      return application.ok ? await directory.addSecret(application.value.id, input) : application;
    },
    async remove(keyId) {
      const application = await find();
      if (!application.ok) return application;
      const removed = await directory.removeSecret(application.value.id, keyId);
      if (removed.ok) return removed;
      // A secret that is gone is refused like any other wrong request; only looking tells.
      const after = await find();
      const isGone = after.ok && !after.value.secrets.some((secret) => secret.keyId === keyId);
      return isGone ? success(undefined) : removed;
    },
  };
}

/** Everything that a rotation needs, for a secret in a file. */
export function rotationOf(
  own: OwnSecret,
  issuer: SecretIssuer,
  terminal: Terminal,
  more: Partial<RotationOptions> = {},
): RotationOptions {
  const file = changeableFile(own);
  return {
    issuer,
    slots: fileSlots(file),
    log: fileRotationLog(`${file}.rotation.json`),
    prove: async (secret) => await prove(own, secret, terminal),
    withLock: async (work) => await withFileLock(`${file}.lock`, work),
    clock: systemClock,
    newName: () => new Date().toISOString(),
    ...more,
  };
}
