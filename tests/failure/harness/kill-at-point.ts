/**
 * Preloaded into the service, in its main thread and in the thread of SQLite: kills the process at a named point.
 *
 * The order stands in the file that `POSTBEARER_KILL_FILE` names, such as `2<tab>settle:before` for the second passage; it may
 * come and go while the service runs. What was passed is counted from when an order was first seen.
 */
import { subscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';

const file = process.env['POSTBEARER_KILL_FILE'];
let order = '';
let passed = 0;

function read(from: string): string {
  try {
    return readFileSync(from, 'utf8');
  } catch {
    return '';
  }
}

function listen(from: string): void {
  subscribe('postbearer.point', (name) => {
    const now = read(from);
    if (now !== order) {
      order = now;
      passed = 0;
    }
    const [count, point] = now.split('\t');
    if (name !== point) return;
    passed += 1;
    if (passed >= Number(count)) process.kill(process.pid, 'SIGKILL');
  });
}

if (file !== undefined) listen(file);
