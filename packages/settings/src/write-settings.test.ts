import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSettings, writeSettings, type SettingChange } from './index.ts';
import { RIGHT, rightSmtp } from './testing/worlds.ts';

const ORIGINAL = `{
    "CollectionId": "7",
    "smtp": {
        "server":"smtp.office365.com",   "port": 587,
        "unknown": { "b": 1, "a": [1,2 ] },
        "oauth": { "clientSecret": "old" }
    },
    "last": 1e3
}
`;

let folder = '';
let file = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'settings-'));
  file = join(folder, 'Global-variables.json');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function write(text: string, ...changes: SettingChange[]): Promise<string> {
  await writeFile(file, text, { mode: 0o600 });
  const written = await writeSettings(file, changes);
  if (!written.ok) throw new Error(written.fault.message);
  expect(await readdir(folder)).toEqual(['Global-variables.json']);
  return readFile(file, 'utf8');
}

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

const NEW_SECRET: SettingChange = { key: 'smtp.oauth.clientSecret', value: 'new "secret" ${x}' };

describe('writing settings', () => {
  it('changes one value and leaves every other byte', async () => {
    expect(await write(ORIGINAL, NEW_SECRET)).toBe(ORIGINAL.replace('"old"', String.raw`"new \"secret\" ${'${x}'}"`));
  });

  it('keeps a byte order mark and CRLF, also in what it adds', async () => {
    const windows = `\ufeff${ORIGINAL.replaceAll('\n', '\r\n')}`;
    const text = await write(windows, { key: 'smtp.oauth.enabled', value: true });
    expect(text.startsWith('\ufeff{\r\n    "CollectionId"')).toBe(true);
    expect(text).not.toMatch(/[^\r]\n/);
    expect(JSON.parse(text.slice(1))).toMatchObject({
      smtp: { unknown: { b: 1, a: [1, 2] }, oauth: { enabled: true } },
    });
  });

  it.each<[string, SettingChange, string, string]>([
    ['adding', { key: 'database.smtp.server', value: 'h' }, '"port": 25}', '"port": 25, "server": "h"}'],
    ['adding a section', { key: 'smtp.enabled', value: true }, '25}}', '25}},\n  "smtp": {\n    "enabled": true\n  }'],
    ['removing', { key: 'database.smtp.port', value: undefined }, '"port": 25', ''],
    ['removing what is not there', { key: 'smtp.port', value: undefined }, '', ''],
  ])('lays out nothing else anew when %s', async (_, change, before, after) => {
    const text = '{\n  "odd": [1, 2],\n  "database": {"smtp": {"port": 25}}\n}\n';
    expect(await write(text, change)).toBe(text.replace(before, after));
  });

  it('adds sections, removes keys and writes references', async () => {
    const text = await write(
      ORIGINAL,
      { key: 'smtp.port', value: undefined },
      { key: 'smtp.oauth.clientSecret', value: { file: '/run/secrets/client' } },
      { key: 'LOG_LEVEL', value: 'Debug' },
      { key: 'postbearer.upstreams.test.server', value: 'relay.example.net' },
      { key: ['postbearer', 'mailboxes', 'a.b@contoso.com', 'from'], value: ['c@contoso.com'] },
    );
    const { smtp, ...root } = JSON.parse(text) as { smtp: Record<string, unknown> };
    expect(Object.keys(smtp)).toEqual(['server', 'unknown', 'oauth']);
    expect(smtp['oauth']).toEqual({ clientSecret: { file: '/run/secrets/client' } });
    expect(root).toEqual({
      CollectionId: '7',
      last: 1000,
      LOG_LEVEL: 'Debug',
      postbearer: {
        upstreams: { test: { server: 'relay.example.net' } },
        mailboxes: { 'a.b@contoso.com': { from: ['c@contoso.com'] } },
      },
    });
  });

  it('makes a file that is not there, for its owner alone, which can be read again', async () => {
    const { oauth, ...smtp } = rightSmtp();
    const changes = [
      ...Object.entries(smtp),
      ...Object.entries(oauth).map(([key, value]) => [`oauth.${key}`, value] as const),
    ];
    const written = await writeSettings(
      file,
      changes.map(([key, value]) => ({ key: `smtp.${key}`, value: value as string })),
    );
    expect(written).toEqual({ ok: true, value: { file, notes: [] } });
    expect(await modeOf(file)).toBe(0o600);
    const reading = await readSettings({ configFile: file, environment: {} });
    expect(reading.findings).toEqual([]);
    expect(reading.settings?.upstreams['default']?.oauth?.clientId).toBe(RIGHT.clientId);
  });

  it.each([
    [0o644, 0o600, ['The mode was 0644 and is now 0600.']],
    [0o600, 0o600, []],
    [0o400, 0o400, ['The mode 0400 was kept.']],
  ])('turns mode %i into %i and says so', async (before, after, notes) => {
    await writeFile(file, ORIGINAL);
    await chmod(file, before);
    const written = await writeSettings(file, [NEW_SECRET]);
    expect(written.ok && written.value.notes).toEqual(notes);
    expect(await modeOf(file)).toBe(after);
  });

  it.skipIf(process.getuid?.() !== 0)('keeps a foreign owner and says so', async () => {
    const { chown } = await import('node:fs/promises');
    await writeFile(file, ORIGINAL);
    await chown(file, 4711, 4712);
    const written = await writeSettings(file, [NEW_SECRET]);
    expect(written.ok && written.value.notes).toContain('The owner 4711:4712 was kept.');
    const { uid, gid } = await stat(file);
    expect([uid, gid]).toEqual([4711, 4712]);
  });

  it('follows a link and leaves it a link', async () => {
    const link = join(folder, 'link.json');
    await writeFile(file, ORIGINAL, { mode: 0o600 });
    await symlink(file, link);
    const written = await writeSettings(link, [NEW_SECRET]);
    expect(written.ok && written.value.file).toBe(file);
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readFile(file, 'utf8')).toContain('new');
  });

  it('refuses a link that leads nowhere, and leaves it a link', async () => {
    const link = join(folder, 'link.json');
    await symlink(join(folder, 'absent.json'), link);
    const written = await writeSettings(link, [NEW_SECRET]);
    expect(!written.ok && written.fault.message).toContain('it is a link that leads nowhere');
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readdir(folder)).toEqual(['link.json']);
  });

  const MANY = Array.from({ length: 20 }, (_, index) => `postbearer.upstreams.u${index}.server`);

  async function serversIn(path: string): Promise<number> {
    const { postbearer } = JSON.parse(await readFile(path, 'utf8')) as { postbearer: { upstreams: object } };
    return Object.keys(postbearer.upstreams).length;
  }

  it('lets 20 writers at once take turns, by whatever name they know the file: all changes are there', async () => {
    const link = join(folder, 'link.json');
    await writeFile(file, ORIGINAL, { mode: 0o600 });
    await symlink(file, link);
    const names = [file, link, join(folder, '.', 'x', '..', 'Global-variables.json')];
    await mkdir(join(folder, 'x'));
    const written = await Promise.all(
      MANY.map((key, index) => writeSettings(names[index % 3] ?? file, [{ key, value: 'relay.example.net' }])),
    );
    expect(written.every(({ ok }) => ok)).toBe(true);
    expect(await serversIn(file)).toBe(20);
  });

  it('lets 20 writers at once make a file that is not there', async () => {
    await Promise.all(MANY.map((key) => writeSettings(file, [{ key, value: 'relay.example.net' }])));
    expect(await serversIn(file)).toBe(20);
  });

  it('would lose changes without turns (the control of the two tests above)', async () => {
    await writeFile(file, '{"postbearer": {"upstreams": {}}}');
    const texts = await Promise.all(MANY.map(() => readFile(file, 'utf8')));
    for (const [index, text] of texts.entries()) await writeFile(file, text.replace('{}', `{"u${index}": {}}`));
    expect(await serversIn(file)).toBe(1);
  });

  it('goes on after a writer that was refused', async () => {
    await writeFile(file, '{"smtp": 5}');
    const refused = writeSettings(file, [NEW_SECRET]);
    const next = writeSettings(file, [{ key: 'LOG_LEVEL', value: 'Debug' }]);
    expect([(await refused).ok, (await next).ok]).toEqual([false, true]);
  });

  it('shows a reader the old file or the new one, never a part of either', async () => {
    const versions = ['a', 'b'].map((letter) => letter.repeat(60_000));
    await write(ORIGINAL, { key: 'smtp.oauth.clientSecret', value: versions[0] });
    const writer = { isDone: false };
    const seen = new Set<string>();
    const reader = (async () => {
      while (!writer.isDone) {
        const { smtp } = JSON.parse(await readFile(file, 'utf8')) as { smtp: { oauth: { clientSecret: string } } };
        seen.add(smtp.oauth.clientSecret);
      }
    })();
    // Both sides take turns by themselves: each awaits the file system.
    for (let round = 0; round < 20; round += 1)
      await writeSettings(file, [{ key: 'smtp.oauth.clientSecret', value: versions[round % 2] ?? '' }]);
    writer.isDone = true;
    await reader;
    for (const secret of seen) expect(versions.includes(secret)).toBe(true);
  });

  it('sees a half-written file when a writer truncates in place (the control of the test above)', async () => {
    const { open } = await import('node:fs/promises');
    await writeFile(file, ORIGINAL);
    const handle = await open(file, 'w');
    const half = await readFile(file, 'utf8');
    await handle.close();
    expect(() => JSON.parse(half) as unknown).toThrow();
  });

  it.each([
    [
      'a path that is no setting',
      ORIGINAL,
      { key: 'smtp.serverr', value: 'x' },
      'smtp.serverr is not a setting (did you mean smtp.server?)',
    ],
    [
      'a mailbox without its parts',
      ORIGINAL,
      { key: 'postbearer.mailboxes.a@b.c.upstream', value: 'x' },
      'is not a setting',
    ],
    [
      'a member that no mailbox has',
      ORIGINAL,
      { key: ['postbearer', 'mailboxes', 'a@b.c', 'x'], value: 'x' },
      'is not a setting',
    ],
    [
      'a wrong value',
      ORIGINAL,
      { key: 'smtp.port', value: 70_000 },
      'smtp.port must be a whole number from 1 to 65535',
    ],
    [
      'a file for what is no secret',
      ORIGINAL,
      { key: 'smtp.port', value: { file: '/x' } },
      'smtp.port must be a whole',
    ],
    [
      'an object that is no reference',
      ORIGINAL,
      { key: 'smtp.password', value: { foo: 1 } as unknown as { file: string } },
      'smtp.password must be a text',
    ],
    [
      'a reference with more in it',
      ORIGINAL,
      { key: 'smtp.password', value: { file: '/x', systemdCredential: 'y' } },
      'smtp.password must be a text',
    ],
    ['a list where none can be', ORIGINAL, { key: 'smtp.server', value: ['a', 'b'] }, 'but is a list'],
    ['a number that JSON cannot hold', ORIGINAL, { key: 'smtp.port', value: Number.NaN }, 'what JSON cannot hold'],
    ['null', ORIGINAL, { key: 'smtp.port', value: null as unknown as undefined }, 'what JSON cannot hold'],
    [
      'a pace that is no number',
      ORIGINAL,
      { key: ['postbearer', 'mailboxes', 'a@b.c', 'pace', 'messagesPerMinute'], value: 'fast' },
      'must be a whole number',
    ],
    [
      'a pace that is no object',
      ORIGINAL,
      { key: ['postbearer', 'mailboxes', 'a@b.c', 'pace'], value: 'fast' },
      'must be an object',
    ],
    [
      'an address that is none',
      ORIGINAL,
      { key: ['postbearer', 'mailboxes', 'a@b.c', 'from'], value: ['c@d.e', 'nope'] },
      'must be one mail address',
    ],
    ['a file with a key twice', '{"smtp": {"port": 1}, "smtp": {}}', NEW_SECRET, 'a key is written twice'],
    ['a file with a foreign key twice', '{"a": {"b": 1, "b": 2}}', NEW_SECRET, 'a key is written twice'],
    ['a secret of the wrong kind', ORIGINAL, { key: 'smtp.password', value: true }, 'smtp.password must be a text'],
    ['a file that is no JSON', '{"smtp": }', NEW_SECRET, 'it does not hold a JSON object'],
    ['a file with comments', '// x\n{}', NEW_SECRET, 'it does not hold a JSON object'],
    ['a list', '[]', NEW_SECRET, 'it does not hold a JSON object'],
    [
      'a section that is no object',
      '{"smtp": {"oauth": 5}}',
      NEW_SECRET,
      'a section that has to be an object is something else',
    ],
  ])('refuses %s and changes nothing', async (_, text, change, reason) => {
    await writeFile(file, text);
    const written = await writeSettings(file, [{ key: 'smtp.server', value: 'relay.example.net' }, change]);
    expect(written.ok).toBe(false);
    if (!written.ok) {
      expect(written.fault.code).toBe('CONFIG_WRITE_REFUSED');
      expect(written.fault.message).toContain(reason);
    }
    expect(await readFile(file, 'utf8')).toBe(text);
    expect(await readdir(folder)).toEqual(['Global-variables.json']);
  });

  it('never writes Terraform files, and says what the system says where it may not write', async () => {
    const terraform = await writeSettings(join(folder, 'a.tfvars'), [NEW_SECRET]);
    expect(!terraform.ok && terraform.fault.message).toContain('only JSON is written');
    const nowhere = await writeSettings(join(folder, 'absent', 'a.json'), [NEW_SECRET]);
    expect(!nowhere.ok && nowhere.fault.message).toContain('the system says ENOENT');
    const aFolder = await writeSettings(folder, [NEW_SECRET]);
    expect(!aFolder.ok && aFolder.fault.code).toBe('CONFIG_FILE_UNREADABLE');
    expect(JSON.stringify([terraform, nowhere, aFolder])).not.toContain('new \\"secret');
  });
});
