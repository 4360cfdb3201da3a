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

function sizeOf(bytes: number): string {
  return bytes < 1024
    ? `${bytes} B`
    : bytes < 1024 * 1024
      ? `${(bytes / 1024).toFixed(1)} kB`
      : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

function row(message: ReceivedMessage): string {
  const subject = readableField(headerFields(message.bytes, 'subject')[0] ?? '(no subject)');
  const when = new Date(message.receivedAt).toISOString();
  const cells = [
    `<td class="quiet"><time datetime="${when}">${when.slice(11, 19)}</time></td>`,
    `<td class="subject">${escapeHtml(subject)}</td>`,
    `<td>${escapeHtml(message.mailbox)}</td>`,
    `<td>${escapeHtml(message.envelope.recipients.join(', '))}</td>`,
    `<td class="quiet number">${sizeOf(message.bytes.byteLength)}</td>`,
    `<td><a href="/emulator/messages/${escapeHtml(message.id)}/raw">source</a></td>`,
  ];
  return `<tr>${cells.join('')}</tr>`;
}

const STYLE = `:root{color-scheme:light dark;--line:#8884;--quiet:#777}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;padding:2rem;max-width:72rem}
h1{font-size:1.4rem;margin:0}p{color:var(--quiet);margin:.25rem 0 1.5rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.5rem .75rem;border-bottom:1px solid var(--line);vertical-align:top}
th{font-size:.8rem;font-weight:600;color:var(--quiet)}td{overflow-wrap:anywhere}.subject{font-weight:600}
.quiet{color:var(--quiet);white-space:nowrap}.number{text-align:right}tbody tr:hover{background:#8881}`;

/** The page with the newest messages. */
export function renderPage(messages: readonly ReceivedMessage[]): string {
  const newest = messages.toReversed().slice(0, SHOWN);
  const rows = newest.map((message) => row(message)).join('\n');
  const head = ['Time (UTC)', 'Subject', 'From mailbox', 'To', 'Size', ''].map((title) => `<th>${title}</th>`).join('');
  const table =
    newest.length === 0
      ? '<p>Nothing yet. Send a mail with the settings that this emulator wrote, then reload this page.</p>'
      : `<table><thead><tr>${head}</tr></thead>\n<tbody>\n${rows}\n</tbody></table>`;
  const shown = messages.length > SHOWN ? `, the newest ${SHOWN} shown` : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Local Microsoft 365</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Local Microsoft 365</h1>
<p>Messages that arrived: ${messages.length}${shown}. They are kept in memory until the emulator ends.</p>
${table}
</body>
</html>
`;
}
