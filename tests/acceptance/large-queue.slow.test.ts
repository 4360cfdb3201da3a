/** A queue of 100,000 as an operator sees it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MailboxAddress, Result } from '@postbearer/core';
import { openDatabase } from '@postbearer/database';
import { createQueue } from '@postbearer/queue';
import { openControl } from '@postbearer/server';
import { expect, test } from 'vitest';
import { LAUNCHER } from '../setup/run-command.ts';

const MAILBOX = 'notifications@contoso.example' as MailboxAddress;
const MESSAGES = 100_000;
const TOGETHER = 500;
const PAGES = 20;

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.fault.message);
  return result.value;
}

async function fill(data: string): Promise<void> {
  const made = must(await openControl(data));
  await made[Symbol.asyncDispose]();
  const database = must(await openDatabase({ file: join(data, 'postbearer.db') }));
  const queue = must(await createQueue(database));
  const envelope = { sender: MAILBOX, recipients: [MAILBOX] };
  const content = new TextEncoder().encode('Subject: x\r\n\r\nx\r\n');
  for (let block = 0; block < MESSAGES / TOGETHER; block += 1) {
    const about = { lane: `default/${MAILBOX}`, app: 'load', from: MAILBOX, envelope, subject: `block ${block}` };
    await Promise.all(
      Array.from({ length: TOGETHER }, async (_, index) =>
        must(await queue.enqueue({ ...about, messageId: `<${block}.${index}@example.com>` }, content)),
      ),
    );
  }
  await queue.stop();
  await database.close();
}

/** How long pages of a list take, milliseconds; `filter` chooses what is on them. */
async function pageTimes(data: string, filter: object): Promise<readonly number[]> {
  await using opened = must(await openControl(data));
  const times: number[] = [];
  let after: string | undefined;
  for (let page = 0; page < PAGES; page += 1) {
    const begun = performance.now();
    const asked = { limit: 50, ...(after === undefined ? {} : { after }) };
    const found = must(await opened.control.listMessages({ filter, page: asked }));
    times.push(performance.now() - begun);
    after = found.next;
  }
  return times;
}

async function linesOf(child: ChildProcess): Promise<number> {
  let lines = 0;
  child.stdout?.on('data', (part: Buffer) => {
    for (const byte of part) if (byte === 10) lines += 1;
  });
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(0);
  return lines;
}

test('100,000 messages: each page at once, and an export in bounded memory', async () => {
  const root = await mkdtemp(join(tmpdir(), 'postbearer-large-'));
  try {
    const data = join(root, 'data');
    await fill(data);
    const [all, queued] = [await pageTimes(data, {}), await pageTimes(data, { states: ['queued', 'held'] })];
    const begun = performance.now();
    // The heap holds far less than 100,000 messages.
    const words = ['--max-old-space-size=48', LAUNCHER, 'queue', 'export', '--data', data];
    const child = spawn(process.execPath, words, {
      env: { PATH: process.env['PATH'], HOME: root },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = await linesOf(child);
    const [slowest, seconds] = [Math.max(...all, ...queued), (performance.now() - begun) / 1000];
    console.log(
      `100,000 messages: a page of 50 in at most ${slowest.toFixed(1)} ms; exported in ${seconds.toFixed(1)} s`,
    );
    expect(lines).toBe(MESSAGES);
    expect(slowest).toBeLessThan(300);
  } finally {
    await rm(root, { recursive: true });
  }
}, 240_000);
