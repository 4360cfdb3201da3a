/** A measured client: nodemailer's pooled transport, set up as its documentation says, encryption required. */
import { createTransport } from 'nodemailer';
import { contentMaker, recipientOf, SERVER_NAME, TOKEN, USERNAME } from '../workload.ts';
import { measure, readTask } from './measure.ts';

const task = readTask();
const transport = createTransport({
  pool: true,
  maxConnections: task.connections,
  maxMessages: Number.POSITIVE_INFINITY,
  host: '127.0.0.1',
  port: task.port,
  secure: false,
  requireTLS: true,
  tls: { ca: task.caPem, servername: SERVER_NAME },
  auth: { type: 'OAuth2', user: USERNAME, accessToken: TOKEN, expires: Date.now() + 3_600_000 },
});
const contentOf = contentMaker(task.sizeBytes);
const measurement = await measure(task, async (id) => {
  const info = await transport.sendMail({ envelope: { from: USERNAME, to: recipientOf(id) }, raw: contentOf(id) });
  return info.rejected.length === 0;
});
transport.close();
console.log(JSON.stringify(measurement));
