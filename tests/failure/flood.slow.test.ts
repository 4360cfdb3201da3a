/**
 * Row R25: an app that hands in many times as fast as its mailbox may send is asked to come later, and another app, whose mail
 * goes through another mailbox, feels nothing of it.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { canaryClientSecret } from '../setup/canaries.ts';
import { RelayWorld, submit, type Dialogue } from '../setup/relay-world.ts';
import { size } from './harness/rows.ts';

const USER = 'user@example.com';
const QUOTA = 300;
const FLOOD_MS = size(10_000, 60_000);
const FLOODERS = 10;

const state = {
  tenants: [
    {
      domains: ['contoso.example'],
      apps: [
        {
          secrets: [{ value: canaryClientSecret }],
          mailboxPermissions: ['notifications@contoso.example', 'reports@contoso.example'],
        },
      ],
      mailboxes: [{ address: 'notifications@contoso.example' }, { address: 'reports@contoso.example' }],
    },
  ],
};

/** The slowest of them but one in a hundred. */
function p99(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.ceil(times.length * 0.99) - 1] ?? 0;
}

test('a flood gets 452 in words, and the other app is accepted and delivered as before', async () => {
  await using world = await RelayWorld.start({
    emulator: { state },
    service: { appLimits: { queuedMessages: QUOTA } },
  });
  const flood = await world.addApp({ name: 'flood', mailboxes: ['reports@contoso.example'] });
  const other = await world.addApp({ name: 'other' });
  const quiet = await world.signedIn(other, 'other');

  /** From the first word to the mailbox, for so many messages one after the other. */
  const deliver = async (count: number, name: string): Promise<number[]> => {
    const times: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const subject = `${name} ${index}`;
      const begun = performance.now();
      expect(await submit(quiet, world.mailbox, [USER], `Subject: ${subject}\r\n\r\n`)).toMatch(/^250/);
      await expect
        .poll(
          () => world.emulator.messages.some(({ bytes }) => Buffer.from(bytes).includes(`Subject: ${subject}\r\n`)),
          {
            timeout: 20_000,
            interval: 5,
          },
        )
        .toBe(true);
      times.push(performance.now() - begun);
    }
    return times;
  };
  const lone = await deliver(50, 'alone');

  const codes = new Map<string, number>();
  const flooding = { isOn: true };
  const pour = async (dialogue: Dialogue): Promise<void> => {
    while (flooding.isOn) {
      const reply = await submit(
        dialogue,
        'reports@contoso.example',
        [USER],
        `Subject: flood\r\n\r\n${'x'.repeat(2000)}\r\n`,
      );
      const code = reply.slice(0, 9);
      codes.set(code, (codes.get(code) ?? 0) + 1);
      if (!reply.startsWith('452')) continue;
      expect(reply).toMatch(/Of the app "flood" \d+ messages with \d+ MB wait to be sent/);
      // A client that is asked to come later does not come at once.
      await new Promise((resolve) => setTimeout(resolve, 200));
      await dialogue.say('NOOP').catch(() => '');
    }
  };
  const lag = monitorEventLoopDelay({ resolution: 5 });
  lag.enable();
  const pouring = Promise.allSettled(
    Array.from({ length: FLOODERS }, async () => {
      while (flooding.isOn) await pour(await world.signedIn(flood, 'flood')).catch(() => undefined);
    }),
  );
  const until = performance.now() + FLOOD_MS;
  const beside: number[] = [];
  while (performance.now() < until) beside.push(...(await deliver(5, `beside ${beside.length}`)));
  flooding.isOn = false;
  await pouring;
  lag.disable();

  const counted = [...codes].map(([code, count]) => `${count} x ${code}`).join(', ');
  console.log(
    `R25: ${counted}; the other app from first word to mailbox p99 ${p99(lone).toFixed(0)} ms alone, ${p99(beside).toFixed(0)} ms beside; event loop p99 ${(lag.percentile(99) / 1e6).toFixed(0)} ms (clients and sink in the same process)`,
  );
  expect(codes.get('250 2.0.0') ?? 0).toBeGreaterThanOrEqual(QUOTA);
  expect(codes.get('452 4.3.1') ?? 0).toBeGreaterThan(10);
  expect(p99(beside)).toBeLessThan(Math.max(2 * p99(lone), 1500));
  // What was accepted of the flood is all there: sent or waiting.
  const waiting = await world.server.control.status({});
  expect(waiting.ok && waiting.value.lanes.find(({ lane }) => lane.includes('reports'))?.queued).toBeGreaterThan(0);
}, 150_000);
