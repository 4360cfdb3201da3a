/** The page `docs/reference/webhooks.md`, made from the table of events. */
import { markdownTable } from '../markdown-table.ts';
import { WEBHOOK_EVENT_NAMES } from './event-body.ts';

const READING = `# Webhooks

What a receiver named in \`postbearer.webhooks\` of the settings is sent. This page is generated from the table of events
(\`node scripts/webhooks-reference.ts\`); how to set one up is in [Watch the service](../how-to/watch-the-service.md).

`;

const BODY = `
## What is sent

A \`POST\` with \`Content-Type: application/json\`, after the Standard Webhooks convention:

\`\`\`json
{
  "type": "message.refused",
  "timestamp": "2026-11-24T12:00:00.000Z",
  "data": {
    "id": "0mgx3k7c2v9e1a5t",
    "messageId": "<4711@example.com>",
    "app": "scanner",
    "lane": "default/notifications@example.com",
    "from": "notifications@example.com",
    "subject": "Scan",
    "acceptedAt": "2026-11-24T11:59:58.000Z",
    "attempts": 1,
    "recipients": [{ "address": "user@example.org", "state": "refused", "fault": "M365_RECIPIENT_NOT_FOUND" }],
    "recipientCount": 1,
    "fault": { "code": "M365_RECIPIENT_NOT_FOUND", "title": "…", "message": "…" }
  }
}
\`\`\`

An event of a message names at most 100 of its recipients; \`deferred\` and \`uncertain\` also say \`nextAttemptAt\`. An event of a lane has \`lane\`,
\`sender\` where only one From is held, and for \`lane.held\` the whole \`fault\` with cause and steps. No event holds the content of a message, a secret or a token.
Fields may be added; none is given another meaning.

## Who sent it

`;

const FIELDS: readonly (readonly string[])[] = [
  ['field', 'what it is'],
  [
    '`webhook-id`',
    'the name of the event, the same at each attempt: what was seen already is to be taken (2xx) and ignored',
  ],
  ['`webhook-timestamp`', 'seconds since 1970 of this attempt: refuse what is more than five minutes away'],
  [
    '`webhook-signature`',
    '`v1,` and the HMAC-SHA256 of `ID.TIMESTAMP.BODY` in Base64; the key is the secret after `whsec_`, decoded from Base64',
  ],
];

const PROMISES = `
The libraries of the convention check all of it in one call.

## What is promised

- The event is stored in the same transaction as what it tells of: no outcome without its event, and no event of what did not happen, also when the service is killed.
- It is sent **at least once**, until the receiver answers 2xx within 15 seconds. The order is not kept.
- After an attempt that failed it is sent again after 5 seconds, 1, 5 and 30 minutes, 2, 4, 8 and 10 hours; \`Retry-After\` is honoured. Then, or at once
  where the receiver answers 410, it is set aside for a week: \`postbearer status\` and \`/health\` say so. A reload or a restart of the service tries again.
- At most four events at a time go to a receiver, and one while it fails; no receiver waits for another.
- Where 100,000 events wait for a receiver, further ones are not kept for it; that is counted and logged.
- Only https is used, to public addresses only, looked at when the connection is made; a redirect is not followed. \`network\` of the webhook names a
  network of your own that may be reached as well; plain http then goes to this machine only.
`;

/** The reference page of the webhooks, in Markdown. */
export function webhooksReference(): string {
  const rows = Object.entries(WEBHOOK_EVENT_NAMES).map(([name, meaning]) => [`\`${name}\``, meaning]);
  return `${READING}${markdownTable([['event', 'when'], ...rows])}${BODY}${markdownTable(FIELDS)}${PROMISES}`;
}
