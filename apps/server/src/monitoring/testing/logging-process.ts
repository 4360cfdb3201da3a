/** A process that logs to its standard error as the service does, and shows on standard output that it is not held up. */
import { systemClock } from '@postbearer/core';
import { openServiceLog } from '../service-log.ts';

const [records = '1000', untilMs = '1000'] = process.argv.slice(2);
const log = openServiceLog({ level: 'Information', format: 'json' }, systemClock);
const startedAt = performance.now();
let longestTurnMs = 0;
let last = startedAt;
const count = Number(records);
let told = 0;

const timer = setInterval(() => {
  const now = performance.now();
  longestTurnMs = Math.max(longestTurnMs, now - last);
  last = now;
  for (let index = 0; index < 100 && told < count; index += 1) {
    told += 1;
    if (told === count) process.stdout.write('told\n');
    log.onEvent({
      name: 'message.accepted',
      messageId: `<${told}@example.com>`,
      recipient: 'user@example.com',
      reply: '250 OK',
    });
  }
  if (now - startedAt < Number(untilMs)) return;
  clearInterval(timer);
  void end();
}, 5);

async function end(): Promise<void> {
  await log.close();
  const { droppedCount: dropped, trouble } = log;
  process.stdout.write(`${JSON.stringify({ told, longestTurnMs, dropped, reason: trouble?.reason })}\n`);
}
