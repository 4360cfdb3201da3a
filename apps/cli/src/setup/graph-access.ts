/**
 * How the set-up commands reach Microsoft Graph: with the token of the administrator who runs them.
 *
 * The token comes from standard input or POSTBEARER_GRAPH_TOKEN, never from an argument. It is used by this one run and kept nowhere. Its
 * claims are shown so that nobody sets up the wrong tenant; Microsoft Graph alone judges it.
 */
import { oneLine, Secret, success, systemClock } from '@postbearer/core';
import { createGraphClient, openDirectory, type Directory, type GraphWait } from '@postbearer/microsoft365';
import { CLOUDS, parseCloudName, type CloudName } from '@postbearer/microsoft365/clouds';
import { createHttpClient, createTrust } from '@postbearer/network';
import { decodeTokenClaims, type TokenClaims } from '@postbearer/oauth';
import type { Command } from 'commander';
import { CommandFailure } from '../command-failure.ts';
import { need } from '../control-options.ts';
import type { Terminal } from '../terminal.ts';

/** The values of {@link addGraphOptions}. */
export interface GraphFlags {
  readonly tokenStdin?: true;
  readonly cloud?: string;
  readonly graphUrl?: string;
  readonly graphCa?: string;
}

/** Adds the options by which Microsoft Graph is reached. */
export function addGraphOptions(command: Command): Command {
  return command
    .option('--token-stdin', 'take the Microsoft Graph token from standard input; else POSTBEARER_GRAPH_TOKEN')
    .option('--cloud <name>', 'global, us-government or china; global where left out')
    .option('--graph-url <url>', 'Microsoft Graph itself, as of a local emulator: https://127.0.0.1:8443/v1.0')
    .option('--graph-ca <file>', 'PEM certificate authorities to trust for it');
}

/** Whoever is signed in, and the directory that is theirs. */
export interface GraphAccess {
  readonly directory: Directory;
  readonly cloud: CloudName;
  /** Directory (tenant) ID of the token. */
  readonly tenant: string;
  /** Whose token it is, for people. */
  readonly who: string;
}

function cloudOf({ cloud }: GraphFlags): CloudName {
  const found = parseCloudName(cloud ?? 'global');
  if (found === undefined)
    throw CommandFailure.usage(`--cloud ${oneLine(cloud ?? '')} is none of global, us-government, china.`);
  return found;
}

async function tokenOf(flags: GraphFlags, terminal: Terminal, cloud: CloudName): Promise<Secret> {
  const given = terminal.environment['POSTBEARER_GRAPH_TOKEN'] ?? '';
  const text =
    flags.tokenStdin === true
      ? Buffer.from(await terminal.readInput())
          .toString('utf8')
          .trim()
      : given.trim();
  if (text !== '') return Secret.of(text);
  const host = CLOUDS[cloud].graphHost.value;
  throw CommandFailure.usage(
    `A token of an administrator for Microsoft Graph is needed. With the Azure CLI: az account get-access-token --resource https://${host} --query accessToken --output tsv | postbearer setup … --token-stdin`,
  );
}

function whoOf(claims: TokenClaims | undefined, text: Secret): string {
  const parts = text.reveal().split('.');
  const payload = parts.length === 3 ? parts[1] : undefined;
  if (payload === undefined) return 'unknown';
  try {
    const all = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Readonly<Record<string, unknown>>;
    const names = [all['upn'], all['unique_name'], all['app_displayname'], claims?.oid];
    const name = names.find((value): value is string => typeof value === 'string' && value !== '');
    return oneLine(name ?? 'unknown', 120);
  } catch {
    return 'unknown';
  }
}

/** Opens the directory of whoever's token it is. */
export async function openGraph(
  flags: GraphFlags,
  terminal: Terminal,
  onWait: (wait: GraphWait) => void,
): Promise<GraphAccess> {
  const cloud = cloudOf(flags);
  const token = await tokenOf(flags, terminal, cloud);
  const claims = decodeTokenClaims(token.reveal());
  const trust = need(
    createTrust({
      environment: terminal.environment,
      ...(flags.graphCa === undefined ? {} : { caFiles: [flags.graphCa] }),
    }),
  );
  const client = createGraphClient({
    baseUrl: (flags.graphUrl ?? `https://${CLOUDS[cloud].graphHost.value}/v1.0`).replace(/\/$/, ''),
    token: () => Promise.resolve(success(token)),
    http: createHttpClient({ trust, environment: terminal.environment }),
    clock: systemClock,
    context: { cloud, ...(claims?.tid === undefined ? {} : { tenant: claims.tid }) },
    onWait,
    signal: terminal.signal,
  });
  return { directory: openDirectory(client), cloud, tenant: claims?.tid ?? '', who: whoOf(claims, token) };
}
