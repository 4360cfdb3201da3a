/** The HTTP API as a part of the service: its listeners, as the settings name them. */
import { join } from 'node:path';
import type { Control } from './api/control.ts';
import {
  openApiListener,
  type ApiAddress,
  type ApiListenerSettings,
  type ApiSettings,
} from './api/http/api-listener.ts';
import { createApi } from './api/http/api.ts';
import { emptyUploads } from './api/http/multipart.ts';
import type { Monitoring } from './api/http/parts.ts';
import { ListenerSet } from './listener-set.ts';
import type { Part, PartContext } from './part.ts';
import type { SendingPart } from './sending-part.ts';
import type { Snapshot } from './snapshot.ts';

/** How long requests to a listener may last that is no longer among the settings. */
const GRACE_MS = 60_000;

/** The API, and where it is. */
export interface ApiPart extends Part {
  readonly addresses: readonly ApiAddress[];
}

function settingsOf({ hostname, service: { api, relay } }: Snapshot): ApiSettings {
  const certificate = api.certificate ?? relay.certificate;
  return { hostname, ...(certificate === undefined ? {} : { certificate }) };
}

/** Makes the part; it listens from its first change on. */
export function createApiPart(
  context: PartContext,
  { submitter, lanes }: Pick<SendingPart, 'submitter' | 'lanes'>,
  control: Control,
  monitoring: Monitoring,
): ApiPart {
  const { store, dataFolder, clock, onEvent, onError, current } = context;
  const uploadFolder = join(dataFolder, 'uploads');
  const api = createApi({
    control,
    queue: store.queue,
    submitter,
    keys: store.keys,
    laneOf: (mailbox) => lanes.ofMailbox(mailbox),
    monitoring,
    hostname: () => current().hostname,
    uploadFolder,
    clock,
    onEvent,
    onError,
  });
  const listeners = new ListenerSet<ApiListenerSettings, ApiSettings, ApiAddress>({
    open: async (place, settings) => await openApiListener({ api, dataFolder, clock, onEvent }, place, settings),
    isTaken: ({ code }) => code === 'SMTP_LISTEN_ADDRESS_IN_USE',
    onFault: (fault) => onEvent({ name: 'settings.warning', fault }),
    graceMs: GRACE_MS,
  });
  let isFirst = true;
  return {
    get addresses() {
      return listeners.addresses;
    },
    async prepare(next) {
      if (isFirst) await emptyUploads(uploadFolder);
      isFirst = false;
      return await listeners.prepare(next.service.api.listeners, settingsOf(next));
    },
    close: async (graceMs) => await listeners.close(graceMs),
  };
}
