/** A process that logs to its standard error as the service does, and shows on standard output that it is not held up. */
import { systemClock } from '@postbearer/core';
import { openServiceLog } from '../service-log.ts';

const [records = '1000', afterwardsMs = '1000'] = process.argv.slice(2);
const TURN_MS = 5;
const RECORDS_OF_A_TURN = 100;
const log = openServiceLog({ level: 'Information', format: 'json' }, systemClock);
const count = Number(records);
let longestTurnMs = 0;
let last = performance.now();
let told = 0;

const timer = setInterval(() => {
  const now = performance.now();
  longestTurnMs = Math.max(longestTurnMs, now - last);
  last = now;
  if (told >= count) return;
  for (let index = 0; index < RECORDS_OF_A_TURN; index += 1) {
    told += 1;
    const messageId = `<${told}@example.com>`;
    log.onEvent({ name: 'message.accepted', messageId, recipient: 'user@example.com', reply: '250 OK' });
  }
  if (told < count) return;
  process.stdout.write('told\n');
  setTimeout(() => void end(), Number(afterwardsMs));
}, TURN_MS);

async function end(): Promise<void> {
  clearInterval(timer);
  await log.close();
  const { droppedCount: dropped, trouble, isStuck } = log;
  process.stdout.write(`${JSON.stringify({ told, longestTurnMs, dropped, reason: trouble?.reason, isStuck })}\n`);
  if (isStuck) setTimeout(() => process.exit(), 100).unref();
}
