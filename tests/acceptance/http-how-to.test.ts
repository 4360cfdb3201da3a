/** The page about sending by HTTP is true: its commands are run as they stand there. */
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { ApiWorld } from '../setup/api-world.ts';
import { itWithTool } from '../setup/foreign-tools.ts';
import { LAUNCHER } from '../setup/run-command.ts';

const PAGE = new URL('../../docs/how-to/send-by-http.md', import.meta.url);

let world: ApiWorld;

beforeAll(async () => {
  world = await ApiWorld.start({ apiListeners: [{ port: 0, security: 'tls' }] });
  const { mailbox } = world.emulator.defaults;
  await writeFile(join(world.folder, 'report.pdf'), Buffer.alloc(400_000, 'pdf'));
  await writeFile(
    join(world.folder, 'message.eml'),
    `From: ${mailbox}\nTo: x@example.com\nBcc: y@example.com\nSubject: Whole\n\nHi.\n`,
  );
  const key = await world.addKey({ name: 'page-operations', scopes: ['admin'], mailboxes: [] });
  await writeFile(join(world.folder, 'operations.key'), key);
});

afterAll(async () => {
  await world.close();
  expect(world.errors).toEqual([]);
});

/** Runs lines of a shell in the folder of the world. */
async function shell(
  script: string,
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const child = spawn('sh', ['-c', script], {
    cwd: world.folder,
    env: { PATH: process.env['PATH'], HOME: world.folder, POSTBEARER_DATA: join(world.folder, 'data') },
  });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (part: Buffer) => out.push(part));
  child.stderr.on('data', (part: Buffer) => err.push(part));
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once('close', resolve);
  const code = await promise;
  return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
}

itWithTool(
  'curl',
  'every command of docs/how-to/send-by-http.md does what the page says',
  async (curl) => {
    const page = await readFile(PAGE, 'utf8');
    const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block);
    const certificate = join(world.folder, 'data', 'certificate', 'relay.pem');
    const tools = [
      `postbearer() { "${process.execPath}" "${LAUNCHER}" "$@"; }`,
      `curl() { "${curl}" -sS --cacert "${certificate}" -w ' %{http_code}\\n' "$@"; }`,
    ].join('\n');
    let key = '';
    const answers: string[] = [];
    for (const block of blocks) {
      const mailbox = world.emulator.defaults.mailbox;
      const line = block
        .replaceAll('https://mail.example.com:8025', world.url)
        .replaceAll('notifications@example.com', mailbox)
        .replaceAll('--key-file', `--ca-file "${certificate}" --key-file`)
        .replace('pb_…', key);
      const { code, out, err } = await shell(`set -e\n${tools}\nexport POSTBEARER_KEY="${key}"\n${line}`);
      expect([code, err], block).toEqual([0, '']);
      key = /Key {2}(pb_\w+)/.exec(out)?.[1] ?? key;
      if (block.startsWith('curl')) answers.push(out.trim());
    }
    const statuses = answers.map((answer) => answer.slice(-3));
    expect(statuses).toEqual(['202', '202', '202', '202', '202', '200', '422']);
    expect(answers.at(4)).toContain('"recipients":["ann@example.com","bob@example.com"]');
    expect(answers.at(5)).toContain('"subject":"News"');
    expect(answers.at(6)).toContain('"pointer":"/bbc"');
  },
  120_000,
);
