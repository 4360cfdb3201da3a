/**
 * Sends one message now: settings, token, connection, verdict.
 *
 * For each upstream and mailbox there is one lane: a few connections that stay open and are reused, never more than the
 * provider allows. A refused sign-in with a cached token is tried once more with a fresh one. Nothing here falls back from
 * OAuth to a password: which of the two is used is what the settings say.
 */
import {
  createScrubber,
  failure,
  success,
  systemClock,
  type Clock,
  type EventSink,
  type Fault,
  type Message,
  type PostbearerEvent,
  type Result,
  type Scrubber,
  type Verdict,
} from '@postbearer/core';
import {
  createTokenSources,
  refineFault,
  upstreamAccess,
  verifyUpstream,
  type ChainReport,
  type CheckProgress,
  type TokenSources,
  type UpstreamAccess,
} from '@postbearer/diagnosis';
import {
  mailDisabledFault,
  settingsFaults,
  type MailboxSettings,
  type Settings,
  type Upstream,
} from '@postbearer/settings';
import { createSmtpPool, type SmtpPool } from '@postbearer/smtp/client';
import { composeMessage } from './compose.ts';
import { parseAddresses } from './envelope.ts';
import { mailerFaults } from './faults.ts';
import type { MailInput } from './mail.ts';
import { notSent, outcomeOf, type SendOutcome } from './outcome.ts';
import { scrubEvent, scrubFault } from './scrub-events.ts';
import { validSettings, type SettingsInput } from './settings-input.ts';

/** How a mailer works, beside its settings. */
export interface MailerOptions {
  /** Takes everything that happens; a program that wants log lines gives `createEventLog()`. Nobody listens where it is left out. */
  readonly onEvent?: EventSink;
  /** Whether the SMTP dialogue is among the events, credentials blanked; a function is asked for each line. */
  readonly dialogue?: boolean | (() => boolean);
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
  /** The mailbox to sign in as; where it is left out it follows from the sender. */
  readonly mailbox?: string;
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

class SettingsMailer implements Mailer {
  readonly #settings: Settings;
  readonly #options: MailerOptions;
  readonly #onEvent: EventSink;
  readonly #lanes = new Map<string, Lane>();
  /** One app has one token, however many mailboxes sign in with it. */
  readonly #tokens = createTokenSources();
  /** What was handed over and is not yet decided; closing waits for it. */
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(settings: Settings, options: MailerOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#onEvent = guarded(options.onEvent);
  }

  async send(mail: MailInput, options: CallOptions = {}): Promise<SendOutcome> {
    return await this.#accept(async () => {
      const name = mail.upstream ?? this.#upstreamOf(mail);
      const upstream = this.#upstream(name);
      if (!upstream.ok) return notSent(upstream.fault);
      const composed = await composeMessage(mail, upstream.value.fromAddress);
      if (!composed.ok) return notSent(composed.fault);
      const { envelope, content, messageId } = composed.value;
      return await this.#submit({ envelope, content }, upstream.value, messageId, options.signal);
    });
  }

  async sendMessage(message: Message, options: SendMessageOptions = {}): Promise<SendOutcome> {
    return await this.#accept(async () => {
      const upstream = this.#upstream(options.upstream ?? 'default');
      if (!upstream.ok) return notSent(upstream.fault, options.messageId);
      return await this.#submit(message, upstream.value, options.messageId ?? '', options.signal, options.mailbox);
    });
  }

  async verify(options: VerifyOptions = {}): Promise<ChainReport> {
    const { upstream = 'default', signal, onProgress } = options;
    const { tokens, ...own } = this.#accessOptions(this.#onEvent);
    const report = verifyUpstream(this.#settings, upstream, {
      ...own,
      ...(this.#isClosed ? {} : { tokens }),
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    return await this.#untilDone(report);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
    const lanes = [...this.#lanes.values()];
    await Promise.all(lanes.map(async ({ pool }) => await pool.close()));
    this.#tokens.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Takes on a mail, unless the mailer is closed. */
  async #accept(work: () => Promise<SendOutcome>): Promise<SendOutcome> {
    if (this.#isClosed) return notSent(mailerFaults.make('CONFIG_MAILER_CLOSED'));
    return await this.#untilDone(work());
  }

  /** Lets closing wait for it. */
  async #untilDone<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }

  async #submit(
    message: Message,
    upstream: Upstream,
    messageId: string,
    signal: AbortSignal | undefined,
    mailbox?: string,
  ): Promise<SendOutcome> {
    signal?.throwIfAborted();
    const lane = this.#lane(upstream, message.envelope.sender, mailbox);
    if (!lane.ok) return notSent(lane.fault, messageId);
    const { pool, access, scrubber, emit } = lane.value;
    const reported = await pool.send(message, signal === undefined ? {} : { signal });
    const verdicts = reported.map((verdict) => refineVerdict(verdict, access, scrubber));
    tell(verdicts, messageId, lane.value, emit);
    return outcomeOf(messageId, message.envelope, verdicts);
  }

  /** The upstream of the sender's mailbox where the settings name one, else the default. */
  #upstreamOf({ from }: MailInput): string {
    const [first] = fromAddresses(from);
    return (first === undefined ? undefined : this.#mailboxOf(first)?.[1].upstream) ?? 'default';
  }

  #upstream(name: string): Result<Upstream> {
    const upstream = Object.hasOwn(this.#settings.upstreams, name) ? this.#settings.upstreams[name] : undefined;
    if (upstream === undefined) {
      const guess = `known are ${Object.keys(this.#settings.upstreams).join(', ')}`;
      return failure(settingsFaults.make('CONFIG_UPSTREAM_UNKNOWN', { key: 'The call', upstream: name, guess }));
    }
    if (upstream.enabled) return success(upstream);
    const fault = mailDisabledFault(upstream);
    this.#onEvent({ name: 'mail.disabled', fault });
    return failure(fault);
  }

  /** The mailbox of the settings through which an address is sent. */
  #mailboxOf(address: string): [string, MailboxSettings] | undefined {
    const wanted = address.toLowerCase();
    return Object.entries(this.#settings.mailboxes).find(
      ([mailbox, { from }]) =>
        mailbox.toLowerCase() === wanted || from.some((sender) => sender.toLowerCase() === wanted),
    );
  }

  /** The lane of a sender, or of a mailbox that the caller names. A fault is not kept: a file or variable may have been mended by the next time. */
  #lane(upstream: Upstream, sender: string, named?: string): Result<Lane> {
    const entry = this.#mailboxOf(named ?? sender);
    const [mailbox, settings] = entry?.[1].upstream === upstream.name ? entry : [named ?? upstream.username];
    // The limit of connections is the mailbox's, so the name that signs in decides, whatever its case.
    const key = `${upstream.name}\n${mailbox?.toLowerCase() ?? ''}`;
    const known = this.#lanes.get(key);
    if (known !== undefined) return success(known);
    const opened = this.#openLane(upstream, mailbox, settings?.pace?.connections);
    if (opened.ok) this.#lanes.set(key, opened.value);
    return opened;
  }

  #openLane(upstream: Upstream, mailbox: string | undefined, connections: number | undefined): Result<Lane> {
    const scrubber = createScrubber();
    let access: UpstreamAccess | undefined;
    const emit: EventSink = (event) => this.#onEvent(refineEvent(event, access, scrubber));
    const opened = upstreamAccess(this.#settings, upstream.name, {
      ...this.#accessOptions(emit),
      onSecret: (kind, secret) => scrubber.add(kind, secret),
      ...(mailbox === undefined ? {} : { mailbox }),
    });
    if (!opened.ok) return opened;
    access = opened.value;
    const maxConnections = connections ?? this.#options.maxConnections;
    const pool = createSmtpPool({
      connect: { ...access.connect, dialogue: this.#options.dialogue ?? false },
      ...(access.credentials === undefined ? {} : { credentials: access.credentials }),
      ...(maxConnections === undefined ? {} : { maxConnections }),
      ...(this.#options.idleMs === undefined ? {} : { idleMs: this.#options.idleMs }),
      clock: this.#options.clock ?? systemClock,
      onEvent: emit,
    });
    return success({ access, pool, scrubber, emit });
  }

  #accessOptions(onEvent: EventSink): {
    onEvent: EventSink;
    clock: Clock;
    environment: Readonly<Record<string, string | undefined>>;
    tokens: TokenSources;
  } {
    return {
      tokens: this.#tokens,
      onEvent,
      clock: this.#options.clock ?? systemClock,
      environment: this.#options.environment ?? process.env,
    };
  }
}

/** A listener that throws must not change what becomes of a mail: the error is warned of instead. */
function guarded(onEvent: EventSink | undefined): EventSink {
  return (event) => {
    try {
      onEvent?.(event);
    } catch (error) {
      process.emitWarning(
        `A listener for events threw: ${error instanceof Error ? error.message : String(error)}`,
        'PostbearerWarning',
      );
    }
  };
}

function fromAddresses(from: MailInput['from']): readonly string[] {
  const parsed = parseAddresses('from', from);
  return parsed.ok ? parsed.value.map(({ address }) => address) : [];
}

/** One event for each recipient; a fault that several share, or that a failed sign-in told, is told in full once. */
function tell(verdicts: readonly Verdict[], messageId: string, { access }: Lane, emit: EventSink): void {
  const told = new Set<string>();
  const withoutToken = verdicts.find(
    (verdict) => verdict.outcome !== 'accepted' && verdict.fault.evidence?.kind === 'token',
  );
  if (withoutToken !== undefined && withoutToken.outcome !== 'accepted') {
    // Without a token there was nothing to sign in with; administrators search their logs for this line.
    const { fault } = withoutToken;
    const { host } = access.connect;
    emit({
      name: 'smtp.authentication-failed',
      host,
      mailbox: access.mailbox ?? '',
      mechanism: 'XOAUTH2',
      fault,
      toldBefore: true,
    });
  }
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

/** Token and sign-in faults have an event of their own. */
function wasToldAtSignIn({ evidence }: Fault): boolean {
  return evidence?.kind === 'token' || (evidence?.kind === 'smtp' && evidence.stage === 'auth');
}

function refineVerdict(verdict: Verdict, access: UpstreamAccess, scrubber: Scrubber): Verdict {
  // The connection blanked what the server repeated of its credential; it knows no other secret.
  if (verdict.outcome === 'accepted') return verdict;
  return { ...verdict, fault: scrubFault(refineFault(verdict.fault, access.context()), scrubber) };
}

function refineEvent(event: PostbearerEvent, access: UpstreamAccess | undefined, scrubber: Scrubber): PostbearerEvent {
  if (event.name === 'token.failed' || event.name === 'smtp.authentication-failed') {
    const fault = access === undefined ? event.fault : refineFault(event.fault, access.context());
    return scrubEvent({ ...event, fault }, scrubber);
  }
  if (event.name !== 'smtp.dialogue') return event;
  const mailbox = access?.mailbox;
  return scrubEvent(mailbox === undefined ? event : { ...event, mailbox }, scrubber);
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
