/**
 * Starts a local Microsoft 365 and puts its parts together.
 *
 * Both sides present certificates of one authority that is made at each start and that nothing trusts by itself; its
 * certificate lies in a folder of the emulator. Keys, secrets and ids are new at each start.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret, systemClock, type Clock } from '@postbearer/core';
import { isLoopbackHost } from '@postbearer/network';
import { createCertificateAuthority } from '@postbearer/network/certificates';
import { createCounters } from './counters.ts';
import { createSigningKey, issueAdministratorToken } from './entra/access-token.ts';
import { createTokenService } from './entra/token-service.ts';
import type { EmulatorEventSink } from './events.ts';
import { createServerData } from './exchange/replies.ts';
import { SendingLimits } from './exchange/sending-limits.ts';
import { startSubmission } from './exchange/submission-server.ts';
import { FaultInjector } from './fault-injection.ts';
import { EmulatorError, emulatorFaults } from './faults.ts';
import { createGraphService, GRAPH_PATH } from './graph/graph-service.ts';
import { startHttps } from './http/https-server.ts';
import { MessageStore } from './messages.ts';
import type { Emulator, EmulatorOptions } from './options.ts';
import {
  buildSettings,
  type EmulatorPlaces,
  type EmulatorSettings,
  type SettingsOverrides,
  type SettingsSubject,
} from './settings.ts';
import { AUTHORITY_FOLDER_PREFIX, writeSettingsFile } from './settings-file.ts';
import { Directory } from './state/directory.ts';
import { createOperations, type StateOperations } from './state/operations.ts';
import { parseState, readStateFile } from './state/read-state.ts';
import { DEFAULT_STATE, type EmulatorState } from './state/state.ts';
import type { World } from './world.ts';

function chosenHost(options: EmulatorOptions): string {
  const host = (options.host ?? '127.0.0.1').replace(/^\[(.*)\]$/, '$1');
  if (!isLoopbackHost(host) && options.allowRemote !== true)
    throw new EmulatorError(emulatorFaults.make('EMULATOR_HOST_NOT_LOOPBACK', { host }));
  for (const port of [options.smtpPort ?? 0, options.tokenPort ?? 0]) {
    if (Number.isInteger(port) && port >= 0 && port <= 65_535) continue;
    const reason = 'a port is a whole number up to 65535';
    throw new EmulatorError(emulatorFaults.make('EMULATOR_CANNOT_LISTEN', { host, port, reason }));
  }
  return host;
}

/** The names that both certificates are for. */
function namesOf(host: string): { readonly dnsNames: readonly string[]; readonly ipAddresses: readonly string[] } {
  const isAddress = host.includes(':') || /^[\d.]+$/.test(host);
  return {
    dnsNames: [...new Set(['localhost', ...(isAddress ? [] : [host.toLowerCase()])])],
    ipAddresses: [...new Set(['127.0.0.1', '::1', ...(isAddress ? [host] : [])])],
  };
}

async function chosenState(options: EmulatorOptions): Promise<EmulatorState> {
  if (options.stateFile !== undefined) return readStateFile(options.stateFile);
  return options.state === undefined ? DEFAULT_STATE : parseState(options.state);
}

async function createWorld(state: EmulatorState, options: EmulatorOptions, clock: Clock): Promise<World> {
  const { random = Math.random } = options;
  const onEvent: EmulatorEventSink = options.onEvent ?? ((): void => undefined);
  return {
    directory: new Directory(state, clock),
    signingKey: await createSigningKey(),
    messages: new MessageStore(clock, options.keepMessages ?? 10_000),
    faults: new FaultInjector(random, (id, stage) => onEvent({ name: 'emulator.fault-applied', id, stage })),
    counters: createCounters(),
    clock,
    random,
    onEvent,
  };
}

function missing(kind: string, name: string): EmulatorError {
  return new EmulatorError(emulatorFaults.make('EMULATOR_NOT_IN_STATE', { kind, name }));
}

/** The app and mailbox that settings are for. */
function subjectOf(world: World, overrides: SettingsOverrides): SettingsSubject {
  const { directory, clock } = world;
  const first = directory.tenants.find((tenant) => tenant.apps.length > 0);
  const clientId = overrides.clientId ?? first?.apps[0]?.clientId;
  if (clientId === undefined) throw missing('app', 'at all');
  const found = directory.findApp(clientId);
  if (found === undefined) throw missing('app', clientId);
  const mailbox = overrides.mailbox ?? found.tenant.mailboxes[0]?.address;
  if (mailbox === undefined) throw missing('mailbox', `in tenant ${found.tenant.id}`);
  const isValid = (secret: { endsAt: number }): boolean => secret.endsAt > clock.now();
  const secret = found.app.secrets.findLast(isValid) ?? found.app.secrets.at(-1);
  return { clientId: found.app.clientId, clientSecret: secret?.value ?? '', mailbox };
}

function defaultsOf(directory: Directory): Emulator['defaults'] {
  const tenant = directory.tenants[0];
  return {
    tenantId: tenant?.id ?? '',
    clientId: tenant?.apps[0]?.clientId ?? '',
    mailbox: tenant?.mailboxes[0]?.address ?? '',
  };
}

/** What an administrator needs who sets up an app (learn.microsoft.com/graph/permissions-grant-via-msgraph). */
const ADMINISTRATOR_PERMISSIONS: readonly string[] = ['Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All'];

interface Running {
  readonly world: World;
  readonly operations: StateOperations;
  readonly url: string;
  readonly smtp: { readonly host: string; readonly port: number };
  readonly authorityPem: string;
  readonly authorityFile: string;
  readonly furtherClaims: EmulatorOptions['furtherClaims'];
  readonly stop: () => Promise<void>;
}

function tokenEndpointOf(url: string, directory: Directory, tenant: string): string {
  return `${url}/${directory.findTenant(tenant)?.id ?? tenant}/oauth2/v2.0/token`;
}

function settingsOf(
  world: World,
  places: Omit<EmulatorPlaces, 'tokenEndpoint'>,
  url: string,
  overrides: SettingsOverrides,
): EmulatorSettings {
  const subject = subjectOf(world, overrides);
  const tenantId = world.directory.findApp(subject.clientId)?.tenant.id ?? '';
  return buildSettings({ ...places, tokenEndpoint: `${url}/${tenantId}/oauth2/v2.0/token` }, subject, overrides);
}

function faceOf(running: Running): Emulator {
  const { world, url, smtp } = running;
  const places = { smtp, caFile: running.authorityFile };
  const defaults = defaultsOf(world.directory);
  let closing: Promise<void> | undefined;
  return {
    tokenEndpoint: (tenant = defaults.tenantId) => tokenEndpointOf(url, world.directory, tenant),
    smtp,
    url,
    graphUrl: `${url}${GRAPH_PATH}`,
    administratorToken({ tenant = defaults.tenantId, permissions = ADMINISTRATOR_PERMISSIONS } = {}) {
      const found = world.directory.findTenant(tenant);
      if (found === undefined) throw missing('tenant', tenant);
      const now = world.clock.now();
      return Secret.of(issueAdministratorToken(world.signingKey, found, permissions, now, running.furtherClaims));
    },
    certificateAuthorityPem: running.authorityPem,
    certificateAuthorityFile: running.authorityFile,
    defaults,
    state: running.operations,
    faults: world.faults,
    get messages() {
      return world.messages.list();
    },
    removeMessages: (id) => world.messages.remove(id),
    waitForMessages: (count, options = {}) => world.messages.wait(count, options.timeoutMs, options.signal),
    settings: (overrides = {}) => settingsOf(world, places, url, overrides),
    async writeSettings(file, overrides = {}) {
      await writeSettingsFile(file, settingsOf(world, places, url, overrides));
    },
    counters: world.counters,
    close() {
      closing ??= running.stop();
      return closing;
    },
  };
}

/**
 * Starts a local Microsoft 365 on free ports of this machine.
 *
 * Without options there is the tenant `contoso.example` with the mailbox `notifications@contoso.example` and an app that may
 * send as it: consent, a random secret, registration in Exchange and FullAccess are there.
 *
 * @throws EmulatorError with `EMULATOR_HOST_NOT_LOOPBACK`, `EMULATOR_CANNOT_LISTEN`, `EMULATOR_STATE_INVALID` or
 * `EMULATOR_STATE_UNREADABLE`; nothing is left open then.
 *
 * @example
 * ```ts
 * import { startEmulator } from '@postbearer/emulator';
 *
 * const emulator = await startEmulator();
 * const { smtp } = emulator.settings();
 * smtp.username; // => 'notifications@contoso.example'
 * emulator.state.expireSecret(emulator.defaults.clientId);
 * emulator.messages.length; // => 0
 * await emulator.close();
 * ```
 */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const host = chosenHost(options);
  const state = await chosenState(options);
  const { clock = systemClock, allowRemote = false } = options;
  const stack = new AsyncDisposableStack();
  try {
    const [world, authority] = await Promise.all([
      createWorld(state, options, clock),
      createCertificateAuthority({ name: 'Local Microsoft 365 CA' }),
    ]);
    const certificate = await authority.issue(namesOf(host));
    const identity = { keyPem: certificate.privateKeyPem, chainPem: certificate.chainPem };
    const folder = await mkdtemp(join(tmpdir(), AUTHORITY_FOLDER_PREFIX));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const authorityFile = join(folder, 'authority.pem');
    await writeFile(authorityFile, authority.certificatePem);

    const limits = new SendingLimits(clock, options.limits ?? {}, options.pace ?? 1);
    const submission = await startSubmission(world, limits, createServerData(), {
      host,
      port: options.smtpPort ?? 0,
      ...identity,
    });
    stack.defer(() => submission.close());
    const smtp = { host, port: submission.port };
    const operations = createOperations(world.directory, clock);
    const places = { smtp, caFile: authorityFile };
    const controlled = {
      world,
      operations,
      settings: (): EmulatorSettings => settingsOf(world, places, https.base, {}),
    };
    const tokens = createTokenService(world, options.tokenLifetimeSeconds, options.furtherClaims);
    const graph = createGraphService(world, options.graphPropagationMs ?? 0);
    const https = await startHttps(controlled, tokens, graph, {
      host,
      port: options.tokenPort ?? 0,
      allowRemote,
      ...identity,
    });
    stack.defer(() => https.close());
    const held = stack.move();
    return faceOf({
      world,
      operations,
      url: https.base,
      smtp,
      authorityPem: authority.certificatePem,
      authorityFile,
      furtherClaims: options.furtherClaims,
      stop: () => held.disposeAsync(),
    });
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
