/** What the demo sends: a text, an HTML mail with an attachment and an inline picture, and a file of raw bytes. */
import { deflateSync } from 'node:zlib';
import type { MailInput } from '@postbearer/mailer';

/** Who receives the demo's mail; a domain that RFC 2606 reserves. */
export const RECEIVER = 'user@example.com';

function pngChunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xff_ff_ff_ff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xed_b8_83_20 : 0);
  }
  return (crc ^ 0xff_ff_ff_ff) >>> 0;
}

/** A picture drawn here: an envelope of 64 by 40 pixels, as PNG. */
function envelopePicture(): Buffer {
  const [width, height] = [64, 40];
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const flap = Math.abs(y - (height / width) * Math.min(x, width - 1 - x) * 1.2) < 1.2;
      const border = x < 2 || y < 2 || x >= width - 2 || y >= height - 2;
      rows.set(flap || border ? [11, 83, 148] : [232, 240, 250], y * (width * 3 + 1) + 1 + x * 3);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    pngChunk('IHDR', header),
    pngChunk('IDAT', deflateSync(rows)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The plain text mail. */
export function textMail(): MailInput {
  return {
    to: RECEIVER,
    subject: 'Hello from Postbearer',
    text: 'It works: signed in with a bearer token, no password anywhere.\n',
  };
}

/** The HTML mail with an attachment and an inline picture. */
export function htmlMail(): MailInput {
  return {
    to: `Example User <${RECEIVER}>`,
    subject: 'Your report',
    text: 'The report is attached.\n',
    html: '<p><img src="cid:envelope.png" alt="Envelope"> The report is attached.</p>',
    attachments: [
      { filename: 'report.csv', content: 'day,mails\r\nMonday,120\r\nTuesday,97\r\n', contentType: 'text/csv' },
      { filename: 'envelope.png', cid: 'envelope.png', content: envelopePicture(), contentType: 'image/png' },
    ],
  };
}

/** A message as a file holds it: lines that begin with a dot, an empty last line, 8-bit text. */
export function rawMessage(from: string): Buffer {
  return Buffer.from(
    [
      `From: ${from}`,
      `To: ${RECEIVER}`,
      'Subject: Raw bytes, as they are',
      'Message-ID: <raw-demo@contoso.example>',
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
      '',
      '.',
      '..two dots',
      'Umlauts: äöü, and a line at the end that ends with a space ',
      '',
      '',
    ].join('\r\n'),
  );
}
