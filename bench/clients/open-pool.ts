/** The pool under test, with the token cache that goes with it. */
import { parseMailboxAddress, Secret, success, type MailboxAddress } from '@postbearer/core';
import { createHttpClient, createTrust } from '@postbearer/network';
import { createTokenSource } from '@postbearer/oauth';
import { createSmtpPool, type SmtpPool } from '@postbearer/smtp/client';
import { SERVER_NAME, USERNAME } from '../workload.ts';
import type { ClientTask } from './measure.ts';

/** A text of this folder as an address. */
export function address(text: string): MailboxAddress {
  const parsed = parseMailboxAddress(text);
  if (!parsed.ok) throw new Error(parsed.fault.message);
  return parsed.value;
}

/** Opens a pool to the sink; its token comes from the token endpoint. */
export function openPool(task: ClientTask): SmtpPool {
  const trust = createTrust();
  if (!trust.ok) throw new Error(trust.fault.message);
  const tokens = createTokenSource({ http: createHttpClient({ trust: trust.value, environment: {} }) });
  const request = {
    endpoint: task.tokenEndpoint,
    clientId: 'bench',
    scope: 'https://outlook.office365.com/.default',
    authentication: { method: 'client_secret_post', secret: async () => success(Secret.of('bench-secret')) },
  } as const;
  return createSmtpPool({
    connect: {
      host: '127.0.0.1',
      port: task.port,
      security: 'starttls',
      tls: { ca: [task.caPem], servername: SERVER_NAME },
    },
    maxConnections: task.connections,
    async credentials(options) {
      const token = await tokens.get(request, options);
      if (!token.ok) return token;
      const { value, fromCache } = token.value;
      return success({ kind: 'bearer', username: USERNAME, token: value, fromCache });
    },
  });
}
