/**
 * A local Microsoft 365 whose secret and tokens are canaries.
 *
 * The client secret is a known one, and every token carries a known mark in a claim, so the search at the end of
 * the run finds either wherever it leaks, the token also in base64 as it travels.
 */
import { startEmulator, type Emulator, type EmulatorOptions } from '@postbearer/emulator';
import { canaryClientSecret, canaryTokenMark } from './canaries.ts';

/** Starts it, without waiting for the pace of messages. */
export async function startCanaryEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  return await startEmulator({
    pace: Number.POSITIVE_INFINITY,
    furtherClaims: { canary: canaryTokenMark },
    state: {
      tenants: [
        {
          domains: ['contoso.example'],
          apps: [
            {
              secrets: [{ value: canaryClientSecret }],
              mailboxPermissions: ['notifications@contoso.example'],
            },
          ],
          mailboxes: [{ address: 'notifications@contoso.example' }],
        },
      ],
    },
    ...options,
  });
}
