/** A measured client: one message with an attachment of 100 MB, composed as it is sent, and the memory that it takes. */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { contentMaker, recipientOf, USERNAME } from '../workload.ts';
import { peakRssMb, readTask, rssMb } from './measure.ts';
import { address, openPool } from './open-pool.ts';

/** What this process tells, as JSON on its last line. */
export interface AttachmentMeasurement {
  readonly attachmentMb: number;
  readonly messageMb: number;
  readonly seconds: number;
  readonly baseRssMb: number;
  readonly peakRssMb: number;
  readonly outcome: string;
}

const MB = 1024 * 1024;
const ATTACHMENT_MB = 100;
/** Bytes of a line of base64 before encoding (RFC 2045 section 6.8). */
const LINE_BYTES = 57;
const BLOCK_LINES = 1000;

let messageBytes = 0;

async function* encoded(): AsyncGenerator<Uint8Array> {
  const head = Buffer.from(
    'Subject: large\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n',
  );
  messageBytes = head.length;
  yield head;
  for (let left = ATTACHMENT_MB * MB; left > 0; left -= LINE_BYTES * BLOCK_LINES) {
    const block = randomBytes(Math.min(left, LINE_BYTES * BLOCK_LINES)).toString('base64');
    const lines = Buffer.from(block.replaceAll(/.{76}|.+$/g, '$&\r\n'), 'latin1');
    messageBytes += lines.length;
    yield lines;
  }
}

const task = readTask();
const pool = openPool(task);
const envelope = { sender: address(USERNAME), recipients: [address(recipientOf(0))] };
// The connection, its encryption and what Node keeps ready are not the cost of the attachment.
for (let id = 0; id < 500; id += 1) await pool.send({ envelope, content: contentMaker(task.sizeBytes)(id) });
const baseRssMb = rssMb();
const start = performance.now();
const [verdict] = await pool.send({ envelope, content: { open: encoded } });
const measurement: AttachmentMeasurement = {
  attachmentMb: ATTACHMENT_MB,
  messageMb: Math.round(messageBytes / MB),
  seconds: (performance.now() - start) / 1000,
  baseRssMb,
  peakRssMb: peakRssMb(),
  outcome: verdict?.outcome ?? 'none',
};
await pool.close();
console.log(JSON.stringify(measurement));
