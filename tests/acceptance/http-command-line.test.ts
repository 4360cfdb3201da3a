/** The command line with a service on another machine, and keys from the command line. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiWorld } from '../setup/api-world.ts';
import { runCommand, type CommandEnd } from '../setup/run-command.ts';

let world: ApiWorld;
let url = '';
let secret = '';

const file = (name: string): string => join(world.folder, name);
const certificate = (): string => join(world.folder, 'data', 'certificate', 'relay.pem');

beforeAll(async () => {
  world = await ApiWorld.start({ apiListeners: [{ port: 0, security: 'tls' }] });
  url = world.url;
  secret = await world.addKey({ name: 'operations', scopes: ['admin'], mailboxes: [] });
  await writeFile(file('key'), `${secret}\n`, { mode: 0o600 });
  await writeFile(file('wrong'), 'pb_00000000000000000000000000000000\n');
});

afterAll(async () => {
  await world.close();
  expect(world.errors).toEqual([]);
});

/** Runs a command against the API, with the key in a file. */
async function far(...args: readonly string[]): Promise<CommandEnd> {
  const where = ['--url', url, '--key-file', file('key'), '--ca-file', certificate()];
  return await runCommand([...args, ...where], { printsSecrets: true });
}

describe('a command with --url', () => {
  test('asks over HTTPS what it asks over the socket, and is recorded as the key', async () => {
    const added = await far('app', 'add', 'scanner', '--mailbox', world.emulator.defaults.mailbox, '--json');
    expect([added.exitCode, JSON.parse(added.out)]).toMatchObject([0, { ok: true, app: { name: 'scanner' } }]);
    const near = await runCommand(['app', 'list', '--data', join(world.folder, 'data'), '--json']);
    const list = await far('app', 'list', '--json');
    expect(JSON.parse(list.out)).toEqual(JSON.parse(near.out));
    for (const command of [['status'], ['queue', 'list']]) {
      const end = await far(...command);
      expect([end.exitCode, end.err], command.join(' ')).toEqual([0, '']);
    }
    expect((await far('app', 'remove', 'scanner')).exitCode).toBe(0);
    const unknown = await far('app', 'remove', 'scanner');
    expect([unknown.exitCode, unknown.err]).toEqual([
      78,
      expect.stringContaining('There is no app "scanner"') as unknown,
    ]);
  });

  test('follows what comes piece by piece', async () => {
    const sent = await runCommand(['queue', 'export', '--url', url, '--ca-file', certificate()], {
      environment: { POSTBEARER_KEY: secret },
    });
    expect(sent.exitCode).toBe(0);
  });

  test.each<[string, () => readonly string[], number, RegExp]>([
    ['no key', () => ['--url', url, '--ca-file', certificate()], 64, /needs a key/],
    [
      'a wrong key',
      () => ['--url', url, '--ca-file', certificate(), '--key-file', file('wrong')],
      78,
      /no key that is valid/,
    ],
    ['a certificate that nobody vouches for', () => ['--url', url, '--key-file', file('key')], 75, /--ca-file/],
    [
      'no encryption',
      () => ['--url', 'http://mail.example.com:8025', '--key-file', file('key')],
      78,
      /must begin\s+with https/,
    ],
    [
      'a key in the address',
      () => ['--url', 'https://pb_x@127.0.0.1', '--key-file', file('key')],
      78,
      /given by\s+itself/,
    ],
    ['a folder as well', () => ['--url', url, '--data', '/x', '--key-file', file('key')], 64, /--data/],
  ])('with %s says so, and the key goes nowhere', async (_what, args, exitCode, words) => {
    const end = await runCommand(['status', ...args()]);
    expect(end.exitCode).toBe(exitCode);
    expect(`${end.out}${end.err}`).toMatch(words);
    expect(`${end.out}${end.err}`).not.toContain(secret);
  });
});

describe('keys from the command line', () => {
  const near = async (...args: readonly string[]): Promise<CommandEnd> =>
    await runCommand([...args, '--data', join(world.folder, 'data')], { printsSecrets: true });

  test('are added, listed and revoked', async () => {
    const { mailbox } = world.emulator.defaults;
    const added = await near(
      'key',
      'add',
      'shop',
      '--scope',
      'send',
      '--scope',
      'read',
      '--mailbox',
      mailbox,
      '--expires',
      '2099-12-31',
    );
    expect(added.out).toMatch(/^Added shop\.\nKey {2}pb_[0-9a-z]{32}\nWrite it down now/);
    const listed = await near('key', 'list');
    expect(listed.out).toMatch(new RegExp(`shop +send, read +${mailbox} +2099-12-31 23:59 +never`));
    const json = await near('key', 'list', '--json');
    expect(JSON.parse(json.out)).toMatchObject({ ok: true, keys: [{ name: 'operations' }, { name: 'shop' }] });
    expect((await near('key', 'revoke', 'shop')).out).toBe('Revoked shop.\n');
    const again = await near('key', 'revoke', 'shop');
    expect([again.exitCode, again.err]).toEqual([78, expect.stringContaining('There is no key "shop"') as unknown]);
  });

  test.each([
    [['key', 'add', 'a', '--scope', 'root'], 64],
    [['key', 'add', 'a', '--scope', 'send'], 78],
    [['key', 'add', 'a', '--scope', 'read', '--expires', '2026-13-01'], 64],
  ])('%j is refused with %i', async (args, exitCode) => {
    const end = await near(...args);
    expect([end.exitCode, end.out]).toEqual([exitCode, '']);
  });
});

describe('the API without encryption', () => {
  test('is for this machine alone', async () => {
    await expect(ApiWorld.start({ apiListeners: [{ host: '0.0.0.0', port: 0, security: 'plain' }] })).rejects.toThrow(
      /does not listen without encryption on 0\.0\.0\.0/,
    );
  });
});
