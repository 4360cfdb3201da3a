/** A measured client: one message with an attachment of 100 MB, a file that is read as it is sent, and the memory that it takes. */
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recipientOf } from '../workload.ts';
import { peakRssMb, readTask, rssMb } from './measure.ts';
import { openMailer } from './open-mailer.ts';

/** What this process tells, as JSON on its last line. */
export interface AttachmentMeasurement {
  readonly attachmentMb: number;
  readonly seconds: number;
  readonly baseRssMb: number;
  readonly peakRssMb: number;
  readonly outcome: string;
}

const MB = 1024 * 1024;
const ATTACHMENT_MB = 100;

const task = readTask();
const folder = mkdtempSync(join(tmpdir(), 'postbearer-bench-attachment-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'large.bin');
for (let part = 0; part < ATTACHMENT_MB; part += 1) appendFileSync(path, randomBytes(MB));
const mailer = openMailer(task);
const mail = { to: recipientOf(0), subject: 'large', text: 'See the attachment.' };
// The connection, its encryption and what Node keeps ready are not the cost of the attachment.
for (let id = 0; id < 500; id += 1) await mailer.send({ ...mail, headers: { 'X-Bench-Id': String(id) } });
const baseRssMb = rssMb();
const start = performance.now();
const outcome = await mailer.send({ ...mail, attachments: [{ path }] });
const measurement: AttachmentMeasurement = {
  attachmentMb: ATTACHMENT_MB,
  seconds: (performance.now() - start) / 1000,
  baseRssMb,
  peakRssMb: peakRssMb(),
  outcome: outcome.recipients[0]?.outcome ?? outcome.fault?.code ?? 'none',
};
await mailer.close();
console.log(JSON.stringify(measurement));
