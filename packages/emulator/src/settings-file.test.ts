/** `writeSettings`: settings of an emulator go into a file of their own, never over somebody else's. */
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EmulatorError, startEmulator, type Emulator } from './index.ts';

let emulator: Emulator;
let folder: string;
let file: string;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'settings-file-test-'));
  // So that the account of a test below may look into it
  await chmod(folder, 0o755);
  file = join(folder, 'Global-variables.json');
});
afterEach(() => rm(folder, { recursive: true }));

/** What is told in place of writing. */
async function refusal(
  target: string,
): Promise<{ readonly code: string; readonly next: string; readonly message: string }> {
  try {
    await emulator.writeSettings(target);
  } catch (error) {
    if (error instanceof EmulatorError) return error.fault;
    throw error;
  }
  throw new Error('it was written');
}

describe('the settings of an emulator', () => {
  it('are written so that only their owner may read them, and nothing is left beside them', async () => {
    await emulator.writeSettings(file, { logLevel: 'Debug', clientSecret: 'other' });
    const settings = emulator.settings({ logLevel: 'Debug', clientSecret: 'other' });
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(settings);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['Global-variables.json']);
  });

  it('take the place of those of an earlier emulator, in a file of their own: who reads the old one reads it to its end', async () => {
    const earlier = await startEmulator({ host: 'localhost' });
    await earlier.writeSettings(file);
    await earlier.close();
    await chmod(file, 0o644);
    const before = await stat(file);
    await emulator.writeSettings(file);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(emulator.settings());
    const after = await stat(file);
    expect(after.mode & 0o777).toBe(0o600);
    expect(after.ino).not.toBe(before.ino);
  });
});

describe('a file that an emulator did not plainly write', () => {
  const own = (smtp: object): string => JSON.stringify({ database: { host: 'db.example' }, smtp });
  const caFile = '/tmp/postbearer-emulator-a1B2c3/authority.pem';

  it.each([
    ['the settings of an administrator', own({ server: 'smtp.office365.com', port: '587' })],
    ['a relay on this machine', own({ server: '127.0.0.1', port: '25' })],
    [
      'a relay on this machine with an authority of its own',
      own({ server: '127.0.0.1', caFile: '/etc/ssl/authority.pem' }),
    ],
    [
      'an authority whose name only looks alike',
      own({ server: '127.0.0.1', caFile: '/etc/postbearer-emulator-ca.pem' }),
    ],
    ['a server elsewhere with the authority of an emulator', own({ server: 'mail.example.com', caFile })],
    ['an address that only looks like this machine', own({ server: '127.0.0.1.example.com', caFile })],
    ['the same keys elsewhere in the file', JSON.stringify({ database: { smtp: { server: '127.0.0.1', caFile } } })],
    ['settings with a slip in them', `${own({ server: '127.0.0.1', caFile })},`],
    ['no settings but JSON', '[null]'],
    ['nothing', ''],
  ])('is left as it is: %s', async (_, text) => {
    await writeFile(file, text, { mode: 0o640 });
    const before = await stat(file);
    expect(await refusal(file)).toMatchObject({
      code: 'EMULATOR_SETTINGS_FILE_EXISTS',
      next: 'fix-configuration',
      message: expect.stringContaining(file),
    });
    expect(await readFile(file, 'utf8')).toBe(text);
    expect(await stat(file)).toMatchObject({ ino: before.ino, mode: before.mode, mtimeMs: before.mtimeMs });
    expect(await readdir(folder)).toEqual(['Global-variables.json']);
  });

  it('is replaced as soon as both signs are there', async () => {
    await writeFile(file, own({ server: '::1', caFile }));
    await emulator.writeSettings(file);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(emulator.settings());
  });

  it('is left as it is where it is a folder, or a link, wherever that leads', async () => {
    await mkdir(join(folder, 'a-folder'));
    await emulator.writeSettings(join(folder, 'of-an-emulator.json'));
    await symlink('of-an-emulator.json', join(folder, 'link.json'));
    await symlink('nowhere.json', join(folder, 'dangling.json'));
    for (const name of ['a-folder', 'link.json', 'dangling.json'])
      expect(await refusal(join(folder, name))).toMatchObject({ code: 'EMULATOR_SETTINGS_FILE_EXISTS' });
    expect((await lstat(join(folder, 'dangling.json'))).isSymbolicLink()).toBe(true);
  });
});

describe('a place that cannot be written is told as a fault', () => {
  it.each([
    ['a folder that is missing', ['missing', 'settings.json'], 'its folder does not exist'],
    ['a file in place of the folder', ['plain.txt', 'settings.json'], 'its folder is not a folder'],
    ['a name that is too long', ['x'.repeat(300)], 'its name is too long'],
  ])('%s', async (_, path, reason) => {
    await writeFile(join(folder, 'plain.txt'), '');
    const target = join(folder, ...path);
    expect(await refusal(target)).toMatchObject({
      code: 'EMULATOR_SETTINGS_FILE_NOT_WRITABLE',
      next: 'fix-configuration',
      message: `The settings file ${target} cannot be written: ${reason}.`,
    });
  });

  it.skipIf(process.platform === 'win32')('a folder that this account may not write to', async () => {
    await chmod(folder, 0o555);
    // Root may write everywhere, so it becomes nobody for a moment.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      expect(await refusal(file)).toMatchObject({
        code: 'EMULATOR_SETTINGS_FILE_NOT_WRITABLE',
        message: expect.stringContaining('this account has no right to it'),
      });
    } finally {
      if (isRoot) process.seteuid?.(0);
      await chmod(folder, 0o755);
    }
    expect(await readdir(folder)).toEqual([]);
  });
});
