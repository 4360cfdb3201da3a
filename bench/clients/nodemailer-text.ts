/** A measured client: nodemailer's pooled transport as in `nodemailer.ts`, which here composes the message too. */
import { createTransport } from 'nodemailer';
import { recipientOf, SERVER_NAME, textOf, TOKEN, USERNAME } from '../workload.ts';
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
const text = textOf(task.sizeBytes);
const measurement = await measure(task, async (id) => {
  const info = await transport.sendMail({
    from: USERNAME,
    to: recipientOf(id),
    subject: `bench message ${id}`,
    headers: { 'X-Bench-Id': String(id) },
    text,
  });
  return info.rejected.length === 0;
});
transport.close();
console.log(JSON.stringify(measurement));
