/**
 * What each event means, with an example: what the reference page of the log and of the streams is made from.
 *
 * A new event in the union does not compile without a row here.
 */
import type { PostbearerEvent } from './events.ts';
import type { Fault } from './fault.ts';
import { levelOf, renderJson, sentenceOf } from './render-event.ts';

type EventName = PostbearerEvent['name'];

/** One row. */
interface EventMeaning<Name extends EventName> {
  /** When it is told, one sentence. */
  readonly meaning: string;
  readonly example: Extract<PostbearerEvent, { readonly name: Name }>;
}

const fault: Fault = {
  code: 'OAUTH_EXAMPLE',
  title: 'Client secret expired',
  message: 'The client secret expired on 2026-11-23.',
  cause: 'A client secret ends on the day that was chosen when it was made.',
  remedy: { steps: ['Make a new client secret and put it into the settings.'] },
  next: 'needs-person',
};
const connection = 'smtp-3';
const host = 'smtp.office365.com';
const mailbox = 'notifications@example.com';
const recipient = 'user@example.org';
const lane = `default/${mailbox}`;
const messageId = '<4711@example.com>';
const id = '0mgx3k7c2v9e1a5t';
const app = 'scanner';
const origin = 'smtp 192.0.2.7';
const endpoint = 'https://login.microsoftonline.com/example.com/oauth2/v2.0/token';
const clientId = '00000000-0000-0000-0000-000000000001';

/** Every event, in the order in which the page lists them. */
export const EVENT_CATALOGUE: { readonly [Name in EventName]: EventMeaning<Name> } = {
  'message.queued': {
    meaning: 'A message was stored; whoever handed it in may be told so.',
    example: { name: 'message.queued', id, messageId, app, lane, origin, recipients: 2, sizeBytes: 10_240 },
  },
  'message.accepted': {
    meaning: 'A server accepted a message for a recipient.',
    example: { name: 'message.accepted', messageId, recipient, reply: '250 2.0.0 OK' },
  },
  'message.not-accepted': {
    meaning:
      'A message was not accepted, or perhaps not, for a recipient. A fault that concerns all of a lane is told by `lane.held` alone.',
    example: { name: 'message.not-accepted', messageId, recipient, outcome: 'refused', fault },
  },
  'message.settled': {
    meaning: 'What became of a message after an attempt is stored.',
    example: { name: 'message.settled', id, messageId, app, lane, state: 'delivered', ageMs: 840 },
  },
  'app.enrolled': {
    meaning: 'A device that called in from a network that is being learnt became an app.',
    example: { name: 'app.enrolled', app: 'device-10-1-2-7', address: '10.1.2.7', network: '10.1.2.0/24' },
  },
  'submission.refused': {
    meaning: 'Somebody was not allowed to hand in a message, or this message.',
    example: { name: 'submission.refused', origin, fault },
  },
  'notice.queued': {
    meaning: 'The service wrote a notice of failure or delay.',
    example: { name: 'notice.queued', id, about: '0mgx3k7c2v9e1a5s', kind: 'failed', lane },
  },
  'lane.held': {
    meaning: 'A set-up fault stopped a lane, or one sender in it. It goes on by itself after the mend.',
    example: { name: 'lane.held', lane, sender: '', fault },
  },
  'lane.released': {
    meaning: 'The hold of a lane or of a sender is over.',
    example: { name: 'lane.released', lane, sender: '' },
  },
  'token.acquired': {
    meaning: 'A token was obtained from its endpoint, not from the cache.',
    example: {
      name: 'token.acquired',
      endpoint,
      clientId,
      scope: 'https://outlook.office365.com/.default',
      expiresAt: Date.UTC(2026, 10, 24, 12, 59),
    },
  },
  'token.failed': {
    meaning: 'A token could not be obtained.',
    example: { name: 'token.failed', endpoint, clientId, fault },
  },
  'smtp.connected': {
    meaning: 'A connection to an upstream stands.',
    example: { name: 'smtp.connected', connection, host, port: 587, tls: 'TLSv1.3' },
  },
  'smtp.authenticated': {
    meaning: 'An upstream accepted the credentials.',
    example: { name: 'smtp.authenticated', connection, host, mailbox, mechanism: 'XOAUTH2' },
  },
  'smtp.authentication-failed': {
    meaning: 'An upstream refused the credentials, or there was no token to sign in with.',
    example: { name: 'smtp.authentication-failed', host, mailbox, mechanism: 'XOAUTH2', fault },
  },
  'smtp.dialogue': {
    meaning: 'A line of an SMTP dialogue, credentials blanked. Told only at Debug and to `postbearer trace`.',
    example: { name: 'smtp.dialogue', connection, from: 'client', text: 'AUTH XOAUTH2 [secret]', mailbox },
  },
  'smtp.closed': {
    meaning: 'A connection to an upstream ended.',
    example: { name: 'smtp.closed', connection, host, messages: 12 },
  },
  'service.listening': {
    meaning: 'The service takes mail there.',
    example: { name: 'service.listening', host: '0.0.0.0', port: 2525, security: 'starttls' },
  },
  'service.stopping': {
    meaning: 'The service takes no more mail and ends.',
    example: { name: 'service.stopping', graceMs: 10_000 },
  },
  'settings.reloaded': {
    meaning: 'The settings were read anew and are in effect.',
    example: { name: 'settings.reloaded', changed: ['smtp.oauth.clientSecret'], afterRestart: [] },
  },
  'settings.refused': {
    meaning: 'The settings were read anew and have mistakes; those that were in effect stay.',
    example: { name: 'settings.refused', fault, mistakes: 1 },
  },
  'settings.warning': {
    meaning: 'The settings are usable, but something in them is worth a word.',
    example: { name: 'settings.warning', fault },
  },
  'mail.disabled': {
    meaning: 'Mail is switched off in the settings; nothing was sent.',
    example: { name: 'mail.disabled', fault },
  },
  'database.unavailable': {
    meaning: 'The database does not answer, or cannot store. Told once until it can.',
    example: { name: 'database.unavailable', fault },
  },
  'database.available': {
    meaning: 'The database answers and stores again.',
    example: { name: 'database.available', downMs: 4200 },
  },
  'disk.nearly-full': {
    meaning: 'There is too little room on the disk of the data folder to take another message in.',
    example: {
      name: 'disk.nearly-full',
      folder: '/var/lib/postbearer',
      freeBytes: 20_971_520,
      neededBytes: 55_050_240,
    },
  },
  'disk.room-again': {
    meaning: 'There is room on that disk again.',
    example: { name: 'disk.room-again', folder: '/var/lib/postbearer', freeBytes: 1_073_741_824 },
  },
  'log.dropped': {
    meaning: 'Log lines could not be written for a while; mail went on. Told when the log works again.',
    example: { name: 'log.dropped', lines: 118, since: Date.UTC(2026, 10, 24, 12), reason: 'ENOSPC' },
  },
  'webhook.failed': {
    meaning: 'A webhook did not take an event. Without a next time it is set aside for a person.',
    example: {
      name: 'webhook.failed',
      webhook: 'operations',
      id: `msg_${id}_2_refused`,
      attempts: 1,
      readyAt: Date.UTC(2026, 10, 24, 12, 5),
      fault,
    },
  },
  'webhook.recovered': {
    meaning: 'A webhook that had failed takes events again.',
    example: { name: 'webhook.recovered', webhook: 'operations' },
  },
  'webhook.overflowed': {
    meaning: 'So many events wait for a webhook that further ones are not kept for it.',
    example: { name: 'webhook.overflowed', webhook: 'operations', waiting: 100_000 },
  },
  'node.joined': {
    meaning: 'Another node of the same database shows signs of life.',
    example: { name: 'node.joined', node: 'mail-2' },
  },
  'node.lost': {
    meaning: 'A node shows no more signs of life; others take over its lanes.',
    example: { name: 'node.lost', node: 'mail-2' },
  },
  'backup.made': {
    meaning: 'A copy of the database was made.',
    example: { name: 'backup.made', file: '/backup/postbearer.db', sizeBytes: 52_428_800, tookMs: 900 },
  },
};

const READING = `# Events

Everything that happens and is worth telling, as the log writes it and as \`GET /v1/events\` and \`postbearer trace\` stream it. This page is
generated from the events themselves (\`node scripts/events-reference.ts\`).

In text form a record is \`[Level] sentence\`; cause and next step follow, indented. In JSON form it is one object on one line of at most
8,000 bytes: \`time\`, \`level\`, \`event\`, \`message\`, and the facts of the event. A \`fault\` has a code, a cause and a remedy. No event
holds a secret or a token; bytes from elsewhere cannot begin a line. A name is never given a new meaning.

`;

/** The reference page of the events, in Markdown. */
export function eventsReference(): string {
  const at = Date.UTC(2026, 10, 24, 12);
  const rows = Object.values(EVENT_CATALOGUE).map(
    ({ meaning, example }) => `## \`${example.name}\`

${meaning} Level: ${levelOf(example)}.

\`\`\`text
${sentenceOf(example)}
${renderJson(example, at)}
\`\`\`
`,
  );
  return READING + rows.join('\n');
}
