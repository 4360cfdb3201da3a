/**
 * The signature of a webhook, as the Standard Webhooks convention has it: `v1,` and the HMAC-SHA256 of id, time and body, in Base64.
 *
 * The receiver compares it, and refuses a time that is more than some minutes away, so nobody can send or repeat an event in our
 * name. Source: Standard Webhooks 1.0, "Signature scheme" (standardwebhooks.com, read 2026-11-24).
 */
import { createHmac } from 'node:crypto';
import type { Secret } from '@postbearer/core';

const PREFIX = 'whsec_';

/** The header fields that go with a body. `timestamp` is in seconds since 1970. */
export function signatureHeaders(
  { id, body, timestamp }: { readonly id: string; readonly body: string; readonly timestamp: number },
  secret: Secret,
): Readonly<Record<string, string>> {
  const text = secret.reveal();
  const key = Buffer.from(text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text, 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`, 'utf8').digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${signature}` };
}
