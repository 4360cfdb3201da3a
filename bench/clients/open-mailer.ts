/** The mailer under test: what a program uses that sends mail, with settings and composing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMailer, type Mailer } from '@postbearer/mailer';
import { SERVER_NAME, USERNAME } from '../workload.ts';
import type { ClientTask } from './measure.ts';

/** Opens a mailer to the sink; its authority stands in a file until the process ends. */
export function openMailer(task: ClientTask): Mailer {
  const folder = mkdtempSync(join(tmpdir(), 'postbearer-bench-ca-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, task.caPem);
  const oauth = {
    enabled: true,
    tokenEndpoint: task.tokenEndpoint,
    clientId: 'bench',
    clientSecret: 'bench-secret',
    scope: 'mail.send',
  };
  const { port } = task;
  return createMailer(
    { smtp: { enabled: true, server: SERVER_NAME, port, enableSsl: true, username: USERNAME, caFile, oauth } },
    { environment: {}, maxConnections: task.connections },
  );
}
