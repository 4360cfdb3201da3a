/** A measured client: `createMailer().send({ raw })`. */
import { contentMaker, recipientOf } from '../workload.ts';
import { measure, readTask } from './measure.ts';
import { openMailer } from './open-mailer.ts';

const task = readTask();
const mailer = openMailer(task);
const contentOf = contentMaker(task.sizeBytes);
const measurement = await measure(task, async (id) => {
  const outcome = await mailer.send({ to: recipientOf(id), raw: contentOf(id) });
  return outcome.ok;
});
await mailer.close();
console.log(JSON.stringify(measurement));
