/** A measured client: `createMailer().send({ text })`, which composes the message. */
import { recipientOf, textOf } from '../workload.ts';
import { measure, readTask } from './measure.ts';
import { openMailer } from './open-mailer.ts';

const task = readTask();
const mailer = openMailer(task);
const text = textOf(task.sizeBytes);
const measurement = await measure(task, async (id) => {
  const headers = { 'X-Bench-Id': String(id) };
  const outcome = await mailer.send({ to: recipientOf(id), subject: `bench message ${id}`, headers, text });
  return outcome.ok;
});
await mailer.close();
console.log(JSON.stringify(measurement));
