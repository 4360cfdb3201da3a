import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeSettings } from './index.ts';
import type { replaceFile as replaceOriginal } from './replace-file.ts';

/** What another process does when the new file is about to be put in place. */
const other = vi.hoisted(() => ({
  write: async (): Promise<void> => {},
  looksAway: false,
}));

vi.mock('./replace-file.ts', async (importOriginal) => {
  const { replaceFile } = await importOriginal<{ replaceFile: typeof replaceOriginal }>();
  const between: typeof replaceOriginal = async (file, text, old, isCurrent) => {
    await other.write();
    return replaceFile(file, text, old, other.looksAway ? async () => true : isCurrent);
  };
  return { replaceFile: between };
});

let folder = '';
let file = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'settings-'));
  file = join(folder, 'Global-variables.json');
  await writeFile(file, '{"CollectionId": 1}');
});

afterEach(async () => {
  other.write = async () => {};
  other.looksAway = false;
  await rm(folder, { recursive: true });
});

/** Another process that writes so often. */
function writeTimes(times: number): void {
  let done = 0;
  other.write = async () => {
    if (done < times) await writeFile(file, `{"CollectionId": ${(done += 1) + 1}}`);
  };
}

const CHANGE = { key: 'LOG_LEVEL', value: 'Debug' } as const;

describe('writing while another process writes', () => {
  it.each([1, 3])('makes the change on top of what the other wrote, %i times over', async (times) => {
    writeTimes(times);
    expect((await writeSettings(file, [CHANGE])).ok).toBe(true);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ CollectionId: times + 1, LOG_LEVEL: 'Debug' });
  });

  it('makes it also where the other made the file, or took it away', async () => {
    await rm(file);
    writeTimes(1);
    expect((await writeSettings(file, [CHANGE])).ok).toBe(true);
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ CollectionId: 2, LOG_LEVEL: 'Debug' });
    other.write = () => rm(file, { force: true });
    expect((await writeSettings(file, [CHANGE])).ok).toBe(true);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ LOG_LEVEL: 'Debug' });
  });

  it('gives up where the other never ends, and says so', async () => {
    let count = 1;
    other.write = async () => writeFile(file, `{"CollectionId": ${(count += 1)}}`);
    const written = await writeSettings(file, [CHANGE]);
    expect(!written.ok && written.fault.message).toContain('another program keeps changing it');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ CollectionId: count });
  });

  it('would lose what the other wrote without the last look (the control of this file)', async () => {
    writeTimes(1);
    other.looksAway = true;
    expect((await writeSettings(file, [CHANGE])).ok).toBe(true);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ CollectionId: 1, LOG_LEVEL: 'Debug' });
  });
});
