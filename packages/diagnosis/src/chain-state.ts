/** What the checks of one chain hand on to each other. */
import { systemClock, type Clock, type EventSink, type Fault, type PostbearerEvent } from '@postbearer/core';
import type { Microsoft365Context } from '@postbearer/microsoft365';
import type { AccessToken } from '@postbearer/oauth';
import type { Settings } from '@postbearer/settings';
import type { ConnectOptions, StageTimeouts } from '@postbearer/smtp/client';
import { refineFault } from './refine-fault.ts';
import type { CheckProgress } from './report.ts';
import { openSession, type Session } from './session.ts';
import type { UpstreamAccess, UpstreamAccessOptions } from './upstream-access.ts';

/** How a chain is walked. */
export interface VerifyOptions extends UpstreamAccessOptions {
  readonly onProgress?: (progress: CheckProgress) => void;
  /** Whether the SMTP dialogue is among the events, credentials blanked. */
  readonly dialogue?: boolean;
  /** The addresses of a name; by default those that the system knows. Rejects with the error code of `dns.lookup`. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  /** Where given, also used to connect. */
  readonly lookup?: ConnectOptions['lookup'];
  readonly timeouts?: Partial<StageTimeouts>;
  readonly signal?: AbortSignal;
}

const SECOND_MS = 1000;

/** Somebody is looking: a server that takes longer is a finding, not something to wait minutes for. */
const TIMEOUTS: Partial<StageTimeouts> = {
  connect: 20 * SECOND_MS,
  tls: 20 * SECOND_MS,
  greeting: 30 * SECOND_MS,
  ehlo: 30 * SECOND_MS,
  starttls: 30 * SECOND_MS,
  auth: 60 * SECOND_MS,
  mail: 30 * SECOND_MS,
  rset: 30 * SECOND_MS,
};

/** See the head of this file. */
export class ChainState {
  readonly settings: Pick<Settings, 'file' | 'upstreams'>;
  readonly upstreamName: string;
  readonly options: VerifyOptions;
  readonly clock: Clock;
  /** Set by the check of the token. */
  token: AccessToken | undefined;
  #access: UpstreamAccess | undefined;
  #session: Promise<Session> | undefined;

  constructor(settings: Pick<Settings, 'file' | 'upstreams'>, upstreamName: string, options: VerifyOptions) {
    this.settings = settings;
    this.upstreamName = upstreamName;
    this.options = options;
    this.clock = options.clock ?? systemClock;
  }

  /** The upstream; every check but that of the settings may rely on it. */
  get access(): UpstreamAccess {
    if (this.#access === undefined) throw new Error('the settings were not checked yet');
    return this.#access;
  }

  set access(access: UpstreamAccess) {
    this.#access = access;
  }

  /** The one session of this chain, opened when it is first asked for. */
  session(): Promise<Session> {
    const { lookup, timeouts, dialogue, signal } = this.options;
    this.#session ??= openSession(
      {
        ...this.access.connect,
        timeouts: { ...TIMEOUTS, ...timeouts },
        onEvent: this.#tell,
        ...(lookup === undefined ? {} : { lookup }),
        ...(dialogue === undefined ? {} : { dialogue }),
        ...(signal === undefined ? {} : { signal }),
      },
      this.clock,
    );
    return this.#session;
  }

  /** What is known for explaining a fault. */
  context(): Microsoft365Context {
    const { token } = this;
    if (this.#access === undefined) return {};
    return { ...this.#access.context(), ...(token?.claims === undefined ? {} : { claims: token.claims }) };
  }

  /** The fault as every face shows it. */
  refine(fault: Fault): Fault {
    return refineFault(fault, this.context());
  }

  /** Tells an event, its fault refined. */
  readonly #tell: EventSink = (event: PostbearerEvent): void => {
    const isFailure = event.name === 'smtp.authentication-failed' || event.name === 'token.failed';
    this.options.onEvent?.(isFailure ? { ...event, fault: this.refine(event.fault) } : event);
  };

  /** As above, for checks. */
  tell(event: PostbearerEvent): void {
    this.#tell(event);
  }

  /** Ends the session, politely where it is still in order, and forgets everything. */
  async close(): Promise<void> {
    // A session that threw was told by the check that opened it.
    const session = await this.#session?.catch(() => undefined);
    if (this.options.signal?.aborted === true) session?.connection?.close();
    else await session?.connection?.quit();
    this.#access?.close();
  }
}
