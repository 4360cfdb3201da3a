/**
 * The page for people: what arrived, newest first. Plain HTML without scripts; everything foreign is escaped.
 */
import { oneLine } from '@postbearer/core';
import { headerFields, readableField } from '../message-header.ts';
import type { ReceivedMessage } from '../messages.ts';

const SHOWN = 200;

/** Text made safe inside an element or a quoted attribute. */
function escapeHtml(text: string): string {
  return oneLine(text, 500)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

function row(message: ReceivedMessage): string {
  const subject = readableField(headerFields(message.bytes, 'subject')[0] ?? '(no subject)');
  const cells = [
    new Date(message.receivedAt).toISOString(),
    message.mailbox,
    message.envelope.recipients.join(', '),
    subject,
    `${message.bytes.byteLength} bytes`,
  ].map((cell) => `<td>${escapeHtml(cell)}</td>`);
  return `<tr>${cells.join('')}<td><a href="/emulator/messages/${escapeHtml(message.id)}/raw">raw</a></td></tr>`;
}

/** The page with the newest messages. */
export function renderPage(messages: readonly ReceivedMessage[]): string {
  const newest = messages.toReversed().slice(0, SHOWN);
  const rows = newest.map((message) => row(message)).join('\n');
  const head = ['Received', 'Mailbox', 'Recipients', 'Subject', 'Size', '']
    .map((title) => `<th>${title}</th>`)
    .join('');
  const table =
    newest.length === 0
      ? '<p>Nothing yet.</p>'
      : `<table><thead><tr>${head}</tr></thead>\n<tbody>\n${rows}\n</tbody></table>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Local Microsoft 365</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;margin:2rem}table{border-collapse:collapse}th,td{text-align:left;padding:.25rem .75rem;border-bottom:1px solid #ccc}</style>
</head>
<body>
<h1>Messages that arrived: ${messages.length}</h1>
${table}
</body>
</html>
`;
}
