/**
 * Sends one message now: settings, token, connection, verdict.
 *
 * For each upstream and mailbox there is one lane: a few connections that stay open and are reused, never more than the
 * provider allows. A refused sign-in with a cached token is tried once more with a fresh one. Nothing here falls back from
 * OAuth to a password: which of the two is used is what the settings say.
 */
import {
  createScrubber,
  systemClock,
  type Clock,
  type EventSink,
  type Fault,
  type MailboxAddress,
  type Message,
  type PostbearerEvent,
  type Scrubber,
  type Verdict,
} from '@postbearer/core';
import {
  refineFault,
  upstreamAccess,
  verifyUpstream,
  type ChainReport,
  type CheckProgress,
  type UpstreamAccess,
} from '@postbearer/diagnosis';
import { settingsFaults, type Settings, type Upstream } from '@postbearer/settings';
import { createSmtpPool, type SmtpPool } from '@postbearer/smtp/client';
import { composeMessage } from './compose.ts';
import { mailerFaults } from './faults.ts';
import type { MailInput } from './mail.ts';
import { notSent, outcomeOf, type SendOutcome } from './outcome.ts';
import { scrubEvent, scrubFault, scrubVerdict } from './scrub-events.ts';
import { validSettings, type SettingsInput } from './settings-input.ts';

/** How a mailer works, beside its settings. */
export interface MailerOptions {
  /** Takes everything that happens; a program that wants log lines gives `createEventLog()`. Nobody listens where it is left out. */
  readonly onEvent?: EventSink;
  /** Whether the SMTP dialogue is among the events, credentials blanked. */
  readonly dialogue?: boolean;
  /** For proxies, certificate authorities and systemd credentials; that of the process where it is left out. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Connections of one mailbox that may be open at a time; 3 where it is left out, which is Exchange Online's limit. */
  readonly maxConnections?: number;
  /** Milliseconds without work after which a connection is closed. */
  readonly idleMs?: number;
  readonly clock?: Clock;
}

/** Options of one call. */
export interface CallOptions {
  /** Cancels: the call throws `signal.reason` unless the end of the message was already sent. */
  readonly signal?: AbortSignal;
}

/** Options of {@link Mailer.sendMessage}. */
export interface SendMessageOptions extends CallOptions {
  readonly upstream?: string;
  /** For events and the outcome; the message itself is not read for it. */
  readonly messageId?: string;
}

/** Options of {@link Mailer.verify}. */
export interface VerifyOptions extends CallOptions {
  readonly upstream?: string;
  readonly onProgress?: (progress: CheckProgress) => void;
}

/** Sends mail through the upstreams of its settings. */
export interface Mailer extends AsyncDisposable {
  /**
   * Composes a mail and sends it now.
   *
   * Resolves in every case that can be expected, with a verdict for each recipient and the worst fault; throws only
   * `signal.reason` after a cancellation.
   */
  send(mail: MailInput, options?: CallOptions): Promise<SendOutcome>;
  /** Sends bytes that are a message already, to an envelope that is parsed already. */
  sendMessage(message: Message, options?: SendMessageOptions): Promise<SendOutcome>;
  /** Checks every step up to the sign-in and the sender, without sending a message. */
  verify(options?: VerifyOptions): Promise<ChainReport>;
  /** Finishes what is being sent and closes every connection; safe to repeat. */
  close(): Promise<void>;
}

/** One upstream and mailbox, with its connections. */
interface Lane {
  readonly access: UpstreamAccess;
  readonly pool: SmtpPool;
  readonly scrubber: Scrubber;
  readonly emit: EventSink;
}

type LaneOrFault = { readonly lane: Lane } | { readonly fault: Fault };

class SettingsMailer implements Mailer {
  readonly #settings: Settings;
  readonly #options: MailerOptions;
  readonly #onEvent: EventSink;
  readonly #lanes = new Map<string, LaneOrFault>();
  #isClosed = false;

  constructor(settings: Settings, options: MailerOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#onEvent = options.onEvent ?? ((): void => undefined);
  }

  async send(mail: MailInput, options: CallOptions = {}): Promise<SendOutcome> {
    const name = mail.upstream ?? this.#upstreamOf(mail);
    const upstream = this.#settings.upstreams[name];
    const composed = await composeMessage(mail, defaultSender(upstream));
    if (!composed.ok) return notSent(composed.fault);
    const { envelope, content, messageId } = composed.value;
    return await this.sendMessage({ envelope, content }, { ...options, upstream: name, messageId });
  }

  async sendMessage(message: Message, options: SendMessageOptions = {}): Promise<SendOutcome> {
    const { messageId = '', signal } = options;
    signal?.throwIfAborted();
    if (this.#isClosed) return notSent(mailerFaults.make('CONFIG_MAILER_CLOSED'), messageId);
    const found = this.#lane(options.upstream ?? 'default', message.envelope.sender);
    if ('fault' in found) return notSent(found.fault, messageId);
    const { pool, access, scrubber, emit } = found.lane;
    const raw = await pool.send(message, signal === undefined ? {} : { signal });
    const verdicts = raw.map((verdict) => refineVerdict(verdict, access, scrubber));
    this.#tell(verdicts, messageId, emit);
    return outcomeOf(messageId, message.envelope, verdicts);
  }

  async verify(options: VerifyOptions = {}): Promise<ChainReport> {
    const { upstream = 'default', signal, onProgress } = options;
    return await verifyUpstream(this.#settings, upstream, {
      ...this.#accessOptions(this.#onEvent),
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onProgress }),
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const lanes = [...this.#lanes.values()].flatMap((found) => ('lane' in found ? [found.lane] : []));
    await Promise.all(lanes.map(async ({ pool }) => await pool.close()));
    for (const { access } of lanes) access.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The upstream of the sender's mailbox where the settings name one, else the default. */
  #upstreamOf({ from }: MailInput): string {
    const address = typeof from === 'string' ? from : from?.address;
    if (address === undefined) return 'default';
    const wanted = address.toLowerCase();
    const entry = Object.entries(this.#settings.mailboxes).find(
      ([mailbox, settings]) =>
        mailbox.toLowerCase() === wanted || settings.from.some((sender) => sender.toLowerCase() === wanted),
    );
    return entry?.[1].upstream ?? 'default';
  }

  #lane(name: string, sender: MailboxAddress | ''): LaneOrFault {
    const mailbox = this.#mailboxOf(name, sender);
    const key = `${name}\n${mailbox ?? ''}`;
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const opened = this.#openLane(name, mailbox);
    // A fault of the settings is looked at anew next time: a file or variable may have been mended.
    if ('lane' in opened) this.#lanes.set(key, opened);
    return opened;
  }

  /** The mailbox to sign in as, where it is another than the upstream's user name. */
  #mailboxOf(name: string, sender: string): string | undefined {
    const wanted = sender.toLowerCase();
    const entry = Object.entries(this.#settings.mailboxes).find(
      ([mailbox, settings]) =>
        settings.upstream === name &&
        (mailbox.toLowerCase() === wanted || settings.from.some((from) => from.toLowerCase() === wanted)),
    );
    return entry?.[0];
  }

  #openLane(name: string, mailbox: string | undefined): LaneOrFault {
    const scrubber = createScrubber();
    let access: UpstreamAccess | undefined;
    const emit: EventSink = (event) => this.#onEvent(refineEvent(event, access, scrubber));
    const opened = upstreamAccess(this.#settings, name, {
      ...this.#accessOptions(emit),
      onSecret: (kind, secret) => scrubber.add(kind, secret),
      ...(mailbox === undefined ? {} : { mailbox }),
    });
    if (!opened.ok) return opened;
    access = opened.value;
    if (!access.upstream.enabled) {
      const fault = settingsFaults.make('CONFIG_MAIL_DISABLED', {
        key: name === 'default' ? 'smtp.enabled' : `postbearer.upstreams.${name}.enabled`,
      });
      this.#onEvent({ name: 'mail.disabled', fault });
      return { fault };
    }
    const pool = createSmtpPool({
      connect: { ...access.connect, dialogue: this.#options.dialogue === true },
      ...(access.credentials === undefined ? {} : { credentials: access.credentials }),
      ...(this.#options.maxConnections === undefined ? {} : { maxConnections: this.#options.maxConnections }),
      ...(this.#options.idleMs === undefined ? {} : { idleMs: this.#options.idleMs }),
      clock: this.#options.clock ?? systemClock,
      onEvent: emit,
    });
    return { lane: { access, pool, scrubber, emit } };
  }

  #accessOptions(onEvent: EventSink): {
    onEvent: EventSink;
    clock: Clock;
    environment: Readonly<Record<string, string | undefined>>;
  } {
    return {
      onEvent,
      clock: this.#options.clock ?? systemClock,
      environment: this.#options.environment ?? process.env,
    };
  }

  /** One event for each recipient; a fault that several share, or that a failed sign-in told, is told in full once. */
  #tell(verdicts: readonly Verdict[], messageId: string, emit: EventSink): void {
    const told = new Set<string>();
    for (const verdict of verdicts) {
      const { recipient } = verdict;
      if (verdict.outcome === 'accepted') {
        const { code, enhanced, lines } = verdict.reply;
        emit({
          name: 'message.accepted',
          messageId,
          recipient,
          reply: [code, enhanced, ...lines].filter(Boolean).join(' '),
        });
        continue;
      }
      const { fault, outcome } = verdict;
      const toldBefore = told.has(fault.code) || wasToldAtSignIn(fault);
      told.add(fault.code);
      emit({ name: 'message.not-accepted', messageId, recipient, outcome, fault, toldBefore });
    }
  }
}

/** Token and sign-in faults have an event of their own. */
function wasToldAtSignIn({ evidence }: Fault): boolean {
  return evidence?.kind === 'token' || (evidence?.kind === 'smtp' && evidence.stage === 'auth');
}

function defaultSender(upstream: Upstream | undefined): MailboxAddress | undefined {
  return upstream?.fromAddress;
}

function refineVerdict(verdict: Verdict, access: UpstreamAccess, scrubber: Scrubber): Verdict {
  if (verdict.outcome === 'accepted') return scrubVerdict(verdict, scrubber);
  return { ...verdict, fault: scrubFault(refineFault(verdict.fault, access.context()), scrubber) };
}

function refineEvent(event: PostbearerEvent, access: UpstreamAccess | undefined, scrubber: Scrubber): PostbearerEvent {
  if (event.name === 'token.failed' || event.name === 'smtp.authentication-failed') {
    const fault = access === undefined ? event.fault : refineFault(event.fault, access.context());
    return scrubEvent({ ...event, fault }, scrubber);
  }
  return event.name === 'smtp.dialogue' ? scrubEvent(event, scrubber) : event;
}

/**
 * Makes a mailer. Nothing is connected before the first message.
 *
 * @param settings - settings that were read with `loadSettings`, or an object of the shape of `Global-variables.json`.
 * @throws SettingsError when an object is handed over that has mistakes; it lists all of them.
 *
 * @example
 * ```ts no-run
 * import { createMailer, loadSettings } from '@postbearer/mailer';
 *
 * const settings = await loadSettings();
 * if (!settings.ok) throw new Error(settings.fault.message);
 * await using mailer = createMailer(settings.value);
 * const outcome = await mailer.send({ to: 'user@example.com', subject: 'Hello', text: 'It works.' });
 * if (!outcome.ok) console.error(outcome.fault?.message, outcome.fault?.remedy);
 * ```
 */
export function createMailer(settings: SettingsInput, options: MailerOptions = {}): Mailer {
  return new SettingsMailer(validSettings(settings), options);
}
