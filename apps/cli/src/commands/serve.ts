/** `postbearer serve`: the service, until it is stopped. */
import { resolve } from 'node:path';
import { systemClock } from '@postbearer/core';
import {
  openServiceLog,
  startServer,
  type ApiListenerSettings,
  type CertificateFiles,
  type ListenerSettings,
  type LogSettings,
  type Server,
  type ServiceLog,
  type ServiceSettings,
} from '@postbearer/server';
import { readSettings, type Settings } from '@postbearer/settings';
import { InvalidArgumentError } from 'commander';
import { CommandFailure } from '../command-failure.ts';
import type { DefineCommand } from '../command-table.ts';
import { addDataOption, dataFolderOf, need } from '../control-options.ts';
import { EXIT } from '../exit-codes.ts';
import {
  addLogOptions,
  addSettingsOptions,
  logLevelOf,
  loadOptionsOf,
  requireSettings,
  wantsDialogue,
  type SettingsFlags,
} from '../settings-options.ts';
import { interrupted, type Terminal } from '../terminal.ts';

const EXIT_ANYWAY_MS = 500;
/** Ten seconds for what is being sent, and some for the rest. */
const LONGEST_STOP_MS = 15_000;

interface ServeFlags extends SettingsFlags {
  readonly data?: string;
  readonly relay?: readonly ListenerSettings[];
  readonly relayTls?: readonly ListenerSettings[];
  readonly relayPlain?: readonly ListenerSettings[];
  readonly api?: readonly ApiListenerSettings[];
  readonly apiPlain?: readonly ApiListenerSettings[];
  readonly hostname?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly uncertain?: 'retry' | 'stop' | 'ask';
}

interface Place<Security extends string> {
  readonly host?: string;
  readonly port: number;
  readonly security: Security;
}

/** Reads `[HOST:]PORT`; an IPv6 address stands in brackets. */
function listener<Security extends string>(
  security: Security,
): (text: string, before?: readonly Place<Security>[]) => readonly Place<Security>[] {
  return (text, before = []) => {
    const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text);
    const port = Number(match?.[3]);
    if (match === null || port > 65_535)
      throw new InvalidArgumentError('It must be a port, or an address and a port such as 0.0.0.0:2525.');
    const host = match[1] ?? match[2];
    return [...before, { port, security, ...(host === undefined ? {} : { host }) }];
  };
}

function certificateOf({ certificate, key }: ServeFlags, { workingFolder }: Terminal): CertificateFiles | undefined {
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined)
    throw CommandFailure.usage('--certificate and --key belong together.');
  return { certificateFile: resolve(workingFolder, certificate), keyFile: resolve(workingFolder, key) };
}

/** What the flags say; the settings say the rest. */
function serviceOf(flags: ServeFlags, terminal: Terminal): ServiceSettings {
  const certificate = certificateOf(flags, terminal);
  const listeners = [...(flags.relay ?? []), ...(flags.relayTls ?? []), ...(flags.relayPlain ?? [])];
  const apiListeners = [...(flags.api ?? []), ...(flags.apiPlain ?? [])];
  return {
    ...(listeners.length === 0 ? {} : { listeners }),
    ...(apiListeners.length === 0 ? {} : { apiListeners }),
    ...(flags.hostname === undefined ? {} : { hostname: flags.hostname }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(flags.uncertain === undefined ? {} : { queue: { uncertain: flags.uncertain } }),
  };
}

/** The log as flags or settings say; on a terminal a record is one line, and `status` says the rest. */
function logSettings(flags: ServeFlags, settings: Settings, terminal: Terminal): LogSettings {
  const { format, file } = settings.service.log;
  const level = logLevelOf(flags, settings);
  return {
    level,
    format: flags.logFormat ?? format,
    ...(file === undefined ? {} : { file }),
    isShort: file === undefined && terminal.isTerminal && !wantsDialogue(level),
  };
}

/** A second signal does not wait for what is being sent; the queue keeps it. */
function leaveAtOnce(): void {
  process.exit(EXIT.cancelled);
}

/** A database that hangs must not keep the process: what is confirmed is stored, and the next start finds the rest. */
function leaveUnfinished(terminal: Terminal): void {
  terminal.err('The service did not end in time; what was not finished is found again at the next start.\n');
  process.exit(EXIT.temporary);
}

function placesOf(places: readonly Required<Place<string>>[]): string {
  const texts = places.map(({ host, port, security }) => `${host}:${port} (${security})`);
  return texts.length === 0 ? 'nowhere' : texts.join(', ');
}

async function run(flags: ServeFlags, terminal: Terminal): Promise<number> {
  const settings = await requireSettings(flags, terminal);
  if (settings === undefined) return EXIT.settings;
  const log = openServiceLog(logSettings(flags, settings, terminal), systemClock);
  try {
    return await serve(settings, log, flags, terminal);
  } finally {
    await log.close();
    // A reader of the log that stands still must not keep the process.
    if (log.isStuck) setTimeout(() => process.exit(), EXIT_ANYWAY_MS).unref();
  }
}

async function serve(settings: Settings, log: ServiceLog, flags: ServeFlags, terminal: Terminal): Promise<number> {
  let running: Server | undefined;
  // Who rotates a log says so with the signal that also stands for changed settings. It would end a process that starts.
  const hangUp = (): void => {
    log.reopen();
    void running?.reread();
  };
  if (process.platform !== 'win32') process.on('SIGHUP', hangUp);
  try {
    return await serveUntilStopped(settings, log, flags, terminal, (server) => {
      running = server;
    });
  } finally {
    process.off('SIGHUP', hangUp);
  }
}

async function serveUntilStopped(
  settings: Settings,
  log: ServiceLog,
  flags: ServeFlags,
  terminal: Terminal,
  onStarted: (server: Server) => void,
): Promise<number> {
  const dataFolder = dataFolderOf(flags, settings.service.dataFolder, terminal);
  const started = await startServer({
    settings,
    dataFolder,
    service: serviceOf(flags, terminal),
    environment: terminal.environment,
    dialogue: (other) => wantsDialogue(logLevelOf(flags, other)),
    log,
    waitUntil: terminal.signal,
    read: async () => await readSettings(loadOptionsOf(flags, terminal)),
    onReloaded: (other) => log.follow(logSettings(flags, other, terminal)),
  });
  // Stopped while it waited for its database.
  if (!started.ok && terminal.signal.aborted) return EXIT.ok;
  const server = need(started);
  onStarted(server);
  try {
    const { addresses: relay, apiAddresses: api } = server;
    const ready = { ready: true, dataFolder, relay, api };
    const text = `Postbearer ready: relay ${placesOf(relay)}  api ${placesOf(api)}  data ${dataFolder}\n`;
    terminal.out(flags.json === true ? `${JSON.stringify(ready)}\n` : text);
    const fault = await Promise.race([interrupted(terminal), server.ended]);
    process.once('SIGINT', leaveAtOnce).once('SIGTERM', leaveAtOnce);
    setTimeout(() => leaveUnfinished(terminal), LONGEST_STOP_MS).unref();
    // What a replaced process has in hand is its successor's already.
    await server.close(fault === undefined ? {} : { graceMs: 0 });
    if (fault !== undefined) throw CommandFailure.of(fault);
  } finally {
    await server.close();
    process.off('SIGINT', leaveAtOnce).off('SIGTERM', leaveAtOnce);
  }
  return EXIT.ok;
}

/** Adds the options and the action of `postbearer serve`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Runs the service until it is stopped: takes mail by SMTP from apps and devices and by HTTP from programs, keeps each message on disk before it confirms it, and sends it with OAuth at the pace of its mailbox.',
    )
    .option(
      '--relay <[host:]port>',
      'take mail with STARTTLS, as on 587 or 2525; repeat for more',
      listener('starttls'),
    )
    .option('--relay-tls <[host:]port>', 'take mail with TLS from the first byte, as on 465', listener('tls'))
    .option(
      '--relay-plain <[host:]port>',
      'take mail without encryption, only from the networks of apps and never with a password',
      listener('plain'),
    )
    .option('--api <[host:]port>', 'take requests over HTTPS; repeat for more', listener('tls'))
    .option('--api-plain <[host:]port>', 'take requests without encryption, from this machine alone', listener('plain'))
    .option('--hostname <name>', "name in greetings and Received lines; this machine's where left out")
    .option('--certificate <file>', 'PEM certificate with its chain; one is made in the data folder where left out')
    .option('--key <file>', 'PEM key of the certificate')
    .option('--uncertain <choice>', 'a message that was perhaps sent: retry, stop or ask', (text) => {
      if (!['retry', 'stop', 'ask'].includes(text)) throw new InvalidArgumentError('It must be retry, stop or ask.');
      return text;
    })
    .addHelpText(
      'after',
      '\nThe settings say all of it as well, under "postbearer"; what is given here wins. The settings file and the files that it names are followed: a change counts at once, a mistake changes nothing. SIGHUP reads them at once, and opens the log file anew.\nListens on 127.0.0.1 unless a host is given. Log on standard error, or in the file that postbearer.log.file names.\n\nExamples:\n  postbearer app add scanner --mailbox notifications@example.com\n  postbearer serve --relay 0.0.0.0:2525\n  postbearer serve --relay 2525 --relay-plain 192.0.2.1:25 --data /srv/postbearer\n  postbearer serve --relay 2525 --api 0.0.0.0:8025\n  postbearer serve --config /etc/postbearer/Global-variables.json\n',
    );
  addDataOption(addLogOptions(addSettingsOptions(command))).action(async (flags: ServeFlags) =>
    finish(await run(flags, terminal)),
  );
};
