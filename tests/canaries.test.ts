/** The search for secrets in the output of the tests has to find each of them in each form. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canaries } from './setup/canaries.ts';
import { findCanaries, scanFolder } from './setup/canary-scan.ts';

/** The ways in which a program may write a secret. */
const written: Readonly<Record<string, (secret: string) => string>> = {
  'in clear': (secret) => `password=${secret};`,
  'inside a JSON text': (secret) => JSON.stringify({ password: secret }),
  'URL-encoded': (secret) => `?p=${encodeURIComponent(secret)}&q=1`,
  'in the body of a form': (secret) => new URLSearchParams({ p: secret, q: '1' }).toString(),
  'in base64 alone': (secret) => Buffer.from(secret).toString('base64'),
  'in base64 after one byte': (secret) => Buffer.from(`a${secret}b`).toString('base64'),
  'in base64 after two bytes': (secret) => Buffer.from(`ab${secret}cd`).toString('base64'),
  'in the XOAUTH2 form': (secret) => Buffer.from(`user=a@b\u0001auth=Bearer ${secret}\u0001\u0001`).toString('base64'),
  'in base64url': (secret) => Buffer.from(`{"secret":"${secret}"}`).toString('base64url'),
};

describe.each(Object.entries(canaries))('the %s', (name, secret) => {
  it.each(Object.entries(written))('is found %s', (_form, write) => {
    expect(findCanaries(write(secret), canaries).join()).toContain(name);
  });

  it('is not found where it is blanked', () => {
    expect(findCanaries('535 5.7.3 AUTH XOAUTH2 [secret]', canaries)).toEqual([]);
  });
});

it('is found in a file of several megabytes, also across the pieces that are read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postbearer-canary-'));
  try {
    const secret = canaries['password'] ?? '';
    await writeFile(join(folder, 'a.log'), 'x'.repeat(3 * 1024 * 1024));
    await writeFile(join(folder, 'b.log'), `${'x'.repeat(1024 * 1024 - 10)}${secret}${'x'.repeat(1024)}`);
    expect(await scanFolder(folder, canaries)).toEqual({
      hits: ['password in clear (b.log)'],
      searchedBytes: 4 * 1024 * 1024 - 10 + secret.length + 1024,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
