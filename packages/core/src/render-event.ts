/**
 * The words of each event.
 *
 * Text form: `[Level] sentence`, then indented lines with the cause and the next step. JSON form: one object on one line
 * with the same facts as fields. The four sentences about tokens, sending and signing in are those that administrators
 * already search their logs for, and never change. Every value is flattened by `oneLine`, so foreign bytes cannot start a line.
 */
import type {
  LaneHeld,
  LaneReleased,
  MessageNotAccepted,
  PostbearerEvent,
  SettingsReloaded,
  WebhookFailed,
} from './events.ts';
import type { Fault } from './fault.ts';
import type { LogLevel } from './log-level.ts';
import { oneLine } from './one-line.ts';
import { utf8Length } from './utf8-length.ts';

/** States in which a message has ended without being delivered. */
const GIVEN_UP: ReadonlySet<string> = new Set(['refused', 'expired', 'unconfirmed']);

/** The level at which an event is told. */
export function levelOf(event: PostbearerEvent): LogLevel {
  switch (event.name) {
    case 'token.acquired':
    case 'message.accepted':
    case 'message.queued':
    case 'lane.released':
    case 'service.listening':
    case 'service.stopping':
    case 'notice.queued':
    case 'settings.reloaded':
    case 'database.available':
    case 'disk.room-again':
    case 'webhook.recovered':
    case 'node.joined':
    case 'backup.made':
      return 'Information';
    case 'token.failed':
    case 'smtp.authentication-failed':
    case 'lane.held':
    case 'settings.refused':
    case 'database.unavailable':
    case 'disk.nearly-full':
    case 'webhook.overflowed':
      return 'Error';
    case 'webhook.failed':
      return event.readyAt === undefined ? 'Error' : 'Warning';
    case 'message.not-accepted':
      return event.outcome === 'deferred' && event.fault.next === 'retry' ? 'Warning' : 'Error';
    case 'mail.disabled':
    case 'settings.warning':
    case 'submission.refused':
    case 'app.enrolled':
    case 'log.dropped':
    case 'node.lost':
      return 'Warning';
    case 'smtp.connected':
    case 'smtp.authenticated':
    case 'smtp.dialogue':
    case 'smtp.closed':
      return 'Debug';
    case 'message.settled':
      return GIVEN_UP.has(event.state) ? 'Error' : 'Debug';
  }
}

function outcomeWords({ outcome, fault }: MessageNotAccepted): string {
  switch (outcome) {
    case 'deferred':
      // Waiting helps only where the same can work later.
      return fault.next === 'retry' ? 'Email not sent now to' : 'Email not sent to';
    case 'refused':
      return 'Email refused for';
    case 'uncertain':
      return 'Email perhaps sent to';
  }
}

function held({ lane, sender }: LaneHeld | LaneReleased): string {
  return sender === '' ? `the lane ${lane}` : `mail from ${sender} in the lane ${lane}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function reloadedWords({ changed, afterRestart }: SettingsReloaded): string {
  if (changed.length === 0) return 'Read the settings again: nothing changed';
  const later = afterRestart.length === 0 ? '' : `; only after a restart: ${afterRestart.join(', ')}`;
  return `Took the changed settings into use: ${changed.join(', ')}${later}`;
}

function webhookFailedWords({ webhook, id, attempts, readyAt, fault }: WebhookFailed): string {
  const next = readyAt === undefined ? 'it is set aside' : `next at ${new Date(readyAt).toISOString()}`;
  return `The webhook ${webhook} did not take the event ${id} at attempt ${attempts}; ${next}: ${fault.title}`;
}

/** The one sentence of an event, without level. */
export function sentenceOf(event: PostbearerEvent): string {
  switch (event.name) {
    case 'token.acquired':
      return 'Successfully acquired OAuth token for SMTP authentication';
    case 'token.failed':
      return oneLine(`Failed to acquire OAuth token: ${event.fault.title}`);
    case 'smtp.connected':
      return oneLine(
        `Connected to ${event.host}:${event.port} (${event.tls ?? 'not encrypted'}) as connection ${event.connection}`,
      );
    case 'smtp.authenticated':
      return oneLine(`Signed in to ${event.host} as ${event.mailbox} with ${event.mechanism}`);
    case 'smtp.authentication-failed':
      return 'SMTP authentication failed';
    case 'smtp.dialogue':
      return oneLine(`${event.connection} ${event.from === 'client' ? 'C:' : 'S:'} ${event.text}`);
    case 'smtp.closed':
      return oneLine(
        `Closed connection ${event.connection} to ${event.host} after ${plural(event.messages, 'message')}`,
      );
    case 'message.accepted':
      return oneLine(`Email sent successfully to: ${event.recipient}`);
    case 'message.not-accepted':
      return oneLine(`${outcomeWords(event)}: ${event.recipient}`);
    case 'message.queued':
      return oneLine(
        `Queued ${event.messageId} as ${event.id} for ${plural(event.recipients, 'recipient')}, from ${event.app} (${event.origin})`,
      );
    case 'message.settled':
      return oneLine(
        `Message ${event.id} is ${event.state}${event.faultCode === undefined ? '' : ` (${event.faultCode})`}`,
      );
    case 'app.enrolled':
      return oneLine(`Learnt ${event.app}: it called in from ${event.address}, which is in ${event.network}`);
    case 'submission.refused':
      return oneLine(`Refused mail from ${event.app ?? 'an unknown sender'} (${event.origin}): ${event.fault.title}`);
    case 'lane.held':
      return oneLine(`Holding ${held(event)}: ${event.fault.title}. Mail is kept and goes out once this is mended`);
    case 'lane.released':
      return oneLine(`No longer holding ${held(event)}`);
    case 'service.listening':
      return oneLine(
        `Listening on ${event.host}:${event.port} (${event.security})${event.certificateFile === undefined ? '' : ` with the certificate ${event.certificateFile}`}`,
      );
    case 'service.stopping':
      return `Taking no more mail; what is being sent has ${Math.round(event.graceMs / 1000)} s to end`;
    case 'notice.queued':
      return oneLine(`Wrote the notice ${event.id} about ${event.about} (${event.kind})`);
    case 'settings.reloaded':
      return oneLine(reloadedWords(event));
    case 'settings.refused':
      return oneLine(
        `The changed settings have ${plural(event.mistakes, 'mistake')}; those before stay in effect: ${event.fault.title}`,
      );
    case 'database.unavailable':
      return oneLine(`The database cannot be used: ${event.fault.title}. No mail is taken until it can`);
    case 'database.available':
      return `The database can be used again after ${Math.round(event.downMs / 1000)} s`;
    case 'disk.nearly-full':
      return oneLine(
        `No mail is taken: ${event.freeBytes} bytes are free in ${event.folder}, ${event.neededBytes} are needed`,
      );
    case 'disk.room-again':
      return oneLine(`There is room in ${event.folder} again: ${event.freeBytes} bytes are free`);
    case 'log.dropped':
      return oneLine(
        `${plural(event.lines, 'log line')} could not be written since ${new Date(event.since).toISOString()} (${event.reason})`,
      );
    case 'webhook.failed':
      return oneLine(webhookFailedWords(event));
    case 'webhook.recovered':
      return oneLine(`The webhook ${event.webhook} takes events again`);
    case 'webhook.overflowed':
      return oneLine(`${event.waiting} events wait for the webhook ${event.webhook}; further ones are not kept for it`);
    case 'node.joined':
      return oneLine(`The node ${event.node} joined`);
    case 'node.lost':
      return oneLine(`The node ${event.node} shows no more signs of life; its lanes move to others`);
    case 'backup.made':
      return oneLine(`Wrote a copy of the database to ${event.file} (${event.sizeBytes} bytes)`);
    case 'mail.disabled':
      return 'Email is disabled: nothing was sent';
    case 'settings.warning':
      return oneLine(event.fault.message);
  }
}

/** What the other side said, as one line; `undefined` where nothing is known. */
export function evidenceLine(fault: Fault): string | undefined {
  const { evidence } = fault;
  switch (evidence?.kind) {
    case undefined:
      return undefined;
    case 'smtp':
      if (evidence.code === 0) return undefined;
      return oneLine(
        `${evidence.host} said: ${evidence.code} ${[evidence.enhanced, ...evidence.lines].filter(Boolean).join(' ')}`,
      );
    case 'token': {
      const said = evidence.errorDescription ?? evidence.error ?? evidence.excerpt;
      const status = evidence.status === undefined ? '' : `HTTP ${evidence.status} `;
      return said === undefined && status === ''
        ? undefined
        : oneLine(`${evidence.endpoint} said: ${status}${said ?? ''}`.trim());
    }
    case 'network':
      return oneLine(
        `${evidence.host}:${evidence.port}: ${evidence.detail}${evidence.errorCode === undefined ? '' : ` (${evidence.errorCode})`}`,
      );
    case 'http': {
      const said = [evidence.code, evidence.message].filter((part) => part !== undefined).join(': ');
      return oneLine(`${evidence.method} ${evidence.url} said: HTTP ${evidence.status} ${said}`.trim());
    }
    case 'settings': {
      const place =
        evidence.file === undefined
          ? ''
          : ` in ${evidence.file}${evidence.line === undefined ? '' : `:${evidence.line}`}`;
      return oneLine(`Setting: ${evidence.key}${place}`);
    }
  }
}

/** A fault as plain lines without indentation: code and sentence, what was said, cause, steps, command. */
export function faultLines(fault: Fault): string[] {
  const said = evidenceLine(fault);
  const steps = fault.remedy.steps;
  return [
    oneLine(`${fault.code}: ${fault.message}`),
    ...(said === undefined ? [] : [said]),
    oneLine(`Cause: ${fault.cause}`),
    ...steps.map((step, index) => oneLine(steps.length === 1 ? `Next: ${step}` : `Next ${index + 1}: ${step}`)),
    ...(fault.remedy.command === undefined ? [] : [oneLine(`Run: ${fault.remedy.command}`)]),
  ];
}

/**
 * An event in text form, without a final line break.
 *
 * @example
 * ```ts
 * import { renderText } from '@postbearer/core';
 *
 * renderText({ name: 'message.accepted', messageId: '<1@example.com>', recipient: 'user@example.com', reply: '250 2.0.0 OK' });
 * // => '[Information] Email sent successfully to: user@example.com'
 * ```
 */
export function renderText(event: PostbearerEvent): string {
  const lines = [`[${levelOf(event)}] ${sentenceOf(event)}`];
  if ('fault' in event) {
    const isKnown = 'toldBefore' in event && (event.toldBefore ?? false);
    const told = faultLines(event.fault);
    lines.push(...(isKnown ? told.slice(0, 1) : told).map((line) => `    ${line}`));
  }
  return lines.join('\n');
}

const LONGEST_RECORD_BYTES = 8000;
const MOST_ITEMS = 20;
/** How many characters of each text a record keeps: the first of these with which it is short enough. */
const TEXT_LIMITS = [2000, 400, 100] as const;

/** A copy with every text made safe for one line and cut, and long lists cut. */
function bounded(value: unknown, maxChars: number): unknown {
  if (typeof value === 'string') return oneLine(value, maxChars);
  if (Array.isArray(value)) return value.slice(0, MOST_ITEMS).map((item) => bounded(item, maxChars));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, bounded(item, maxChars)]));
}

/** A record up to this length cannot be too long in bytes, and no text in it has to be cut. */
const SHORT_RECORD_CHARS = 2000;
/** What `oneLine` would change, in a text that `JSON.stringify` made: its escapes of control characters and of halves of characters, and the characters that it leaves as they are. */
const UNSAFE_IN_JSON = /\\[bfnrtu]|[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/;

/** The record as it is, where nothing in it has to be made safe or cut: nearly every one, at a fraction of the cost. */
function plainRecord(record: object): string | undefined {
  for (const value of Object.values(record)) if (typeof value === 'object') return undefined;
  const text = JSON.stringify(record);
  return text.length <= SHORT_RECORD_CHARS && !UNSAFE_IN_JSON.test(text) ? text : undefined;
}

/**
 * An event in JSON form: one line without a final line break, at most 8,000 bytes whatever the other side sent.
 *
 * @param at - when it happened, milliseconds since 1970.
 */
export function renderJson(event: PostbearerEvent, at: number): string {
  const { name, ...facts } = event;
  const head = { time: new Date(at).toISOString(), level: levelOf(event), event: name, message: sentenceOf(event) };
  const whole = { ...head, ...facts };
  const plain = plainRecord(whole);
  if (plain !== undefined) return plain;
  for (const maxChars of TEXT_LIMITS) {
    const record = JSON.stringify(bounded(whole, maxChars));
    if (utf8Length(record) <= LONGEST_RECORD_BYTES) return record;
  }
  return JSON.stringify(bounded({ ...head, cut: true }, 100));
}
