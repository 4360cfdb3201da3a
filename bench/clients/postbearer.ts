/** A measured client: the pool of `@postbearer/smtp/client`. */
import { contentMaker, recipientOf, USERNAME } from '../workload.ts';
import { measure, readTask } from './measure.ts';
import { address, openPool } from './open-pool.ts';

const task = readTask();
const pool = openPool(task);
const contentOf = contentMaker(task.sizeBytes);
const sender = address(USERNAME);
const measurement = await measure(task, async (id) => {
  const envelope = { sender, recipients: [address(recipientOf(id))] };
  const verdicts = await pool.send({ envelope, content: contentOf(id) });
  return verdicts.every((verdict) => verdict.outcome === 'accepted');
});
await pool.close();
console.log(JSON.stringify(measurement));
