import { expect, it } from 'vitest';
import { systemClock } from './index.ts';

it('tells the wall clock and a clock that never goes back', () => {
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(5000);
  const first = systemClock.monotonicMs();
  expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(first);
});

it('calls once after the delay', async () => {
  const start = systemClock.monotonicMs();
  await new Promise<void>((resolve) => systemClock.setTimer(resolve, 20));
  expect(systemClock.monotonicMs() - start).toBeGreaterThanOrEqual(18);
});

it('forgets a call that was cancelled, twice if need be', async () => {
  let calls = 0;
  const timer = systemClock.setTimer(() => (calls += 1), 1);
  timer.cancel();
  timer.cancel();
  await new Promise<void>((resolve) => systemClock.setTimer(resolve, 20));
  expect(calls).toBe(0);
});

it('does not keep the process alive for a background call', () => {
  const before = process.getActiveResourcesInfo();
  const background = systemClock.setTimer(() => undefined, 60_000, { background: true });
  expect(process.getActiveResourcesInfo()).toEqual(before);
  background.cancel();
  systemClock.setTimer(() => undefined, 60_000).cancel();
  expect(process.getActiveResourcesInfo()).toEqual(before);
});

it('calls at once, and without a warning, when the time has passed', async () => {
  const warnings: string[] = [];
  const onWarning = (warning: Error): number => warnings.push(warning.name);
  process.on('warning', onWarning);
  await new Promise<void>((resolve) => systemClock.setTimer(resolve, -5));
  await new Promise<void>((resolve) => systemClock.setTimer(resolve, 0));
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});
