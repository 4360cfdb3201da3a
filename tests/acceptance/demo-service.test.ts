import { expect, test } from 'vitest';
import { runCommand } from '../setup/run-command.ts';

test('the demo of the service does all of it by itself, and its report says so', async () => {
  const end = await runCommand(['demo', 'service', '--json']);
  const ways = process.platform === 'win32' ? 3 : 4;
  const { tokenRequests, ...report } = JSON.parse(end.out) as { readonly tokenRequests: number };
  expect(report).toEqual({
    ok: true,
    handedIn: 2 * ways,
    delivered: 2 * ways,
    acceptedWhileHeld: ways,
    explainedFault: 'M365_CLIENT_SECRET_EXPIRED',
    timesTold: 1,
  });
  expect(tokenRequests).toBeGreaterThanOrEqual(3);
  expect(end.exitCode).toBe(0);
  expect(end.err).toMatch(/a cron job, by sendmail/);
  expect(end.err.match(/✗ Client secret expired/g)).toHaveLength(1);
}, 90_000);
