/** The relay as a part of the service: its listeners, as the settings name them. */
import type { Submitter } from './delivery/submit.ts';
import { ListenerSet } from './listener-set.ts';
import type { Part, PartContext } from './part.ts';
import {
  openRelayListener,
  type ListenerSettings,
  type RelayAddress,
  type RelaySettings,
} from './relay/relay-listener.ts';
import { SignInLimit } from './relay/sign-in-limit.ts';
import type { Snapshot } from './snapshot.ts';

/** How long sessions of a listener may last that is no longer among the settings. */
const GRACE_MS = 60_000;

/** The relay, and where it takes mail. */
export interface RelayPart extends Part {
  readonly addresses: readonly RelayAddress[];
  /** Open connections of clients. */
  readonly sessions: number;
}

/** What the relay takes from the settings in force. */
export function relaySettingsOf({ hostname, service: { relay } }: Snapshot): RelaySettings {
  return {
    hostname,
    ...(relay.certificate === undefined ? {} : { certificate: relay.certificate }),
    limits: {
      messageBytes: relay.maxMessageBytes,
      recipients: relay.maxRecipients,
      connections: relay.connections,
      connectionsPerAddress: relay.connectionsPerClient,
    },
  };
}

/** Makes the part; it listens from its first change on. */
export function createRelayPart(context: PartContext, submitter: Submitter): RelayPart {
  const { store, clock, onEvent, current } = context;
  const limit = new SignInLimit(clock);
  const options = {
    ...context,
    apps: store.apps,
    submitter,
    limit,
    timeouts: current().clientTimeouts,
    hostname: () => current().hostname,
  };
  const listeners = new ListenerSet<ListenerSettings, RelaySettings, RelayAddress>({
    open: async (place, settings) => await openRelayListener(options, place, settings),
    isTaken: ({ code }) => code === 'SMTP_LISTEN_ADDRESS_IN_USE',
    onFault: (fault) => onEvent({ name: 'settings.warning', fault }),
    graceMs: GRACE_MS,
  });
  return {
    get addresses() {
      return listeners.addresses;
    },
    get sessions() {
      return listeners.connectionCount;
    },
    prepare: async (next) => await listeners.prepare(next.service.relay.listeners, relaySettingsOf(next)),
    close: async (graceMs) => await listeners.close(graceMs),
  };
}
