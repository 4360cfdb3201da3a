import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Secret, type SecretRef } from '@postbearer/core';
import { MAX_SECRET_BYTES, resolveSecret, secretFaults, secretFileProblem, type SecretSources } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'postbearer-secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, content, { mode });
  chmodSync(path, mode);
  return path;
}

/** The secret in clear, or the code of the fault. */
async function resolved(reference: SecretRef, sources: SecretSources = { environment: {} }): Promise<string> {
  const secret = await resolveSecret(reference, sources);
  return secret.ok ? secret.value.reveal() : secret.fault.code;
}

const fromFile = (path: string, sources?: SecretSources): Promise<string> => resolved({ kind: 'file', path }, sources);

describe('a secret in the settings', () => {
  it('is taken as it is', async () => {
    expect(await resolved({ kind: 'value', value: Secret.of(' a b\n') })).toBe(' a b\n');
  });

  it('is a fault when there is nothing in it', async () => {
    for (const text of ['', ' ', '\r\n\t'])
      expect(await resolved({ kind: 'value', value: Secret.of(text) })).toBe('SECRET_EMPTY');
  });
});

describe('a secret file', () => {
  it('loses one line break at its end and nothing else', async () => {
    const cases: readonly (readonly [string, string])[] = [
      ['secret', 'secret'],
      ['secret\n', 'secret'],
      ['secret\r\n', 'secret'],
      ['secret\n\n', 'secret\n'],
      [' secret \n', ' secret '],
      ['secret\r', 'secret\r'],
      ['-----BEGIN-----\nabc\n-----END-----\n', '-----BEGIN-----\nabc\n-----END-----'],
      ['\uFEFFsecret\r\n', 'secret'],
      ['pä§§ word', 'pä§§ word'],
    ];
    for (const [content, secret] of cases) expect(await fromFile(file('ends', content))).toBe(secret);
  });

  it('gives back any text that was written into it', async () => {
    const text = fc
      .string({ unit: 'grapheme', maxLength: 200 })
      .filter((value) => value.trim() !== '' && !value.includes('\0') && !value.startsWith('\uFEFF'));
    await fc.assert(
      fc.asyncProperty(text, fc.constantFrom('\n', '\r\n'), async (secret, end) => {
        const readFile = async (): Promise<Uint8Array> => Buffer.from(secret + end);
        expect(await fromFile('any', { readFile })).toBe(secret);
      }),
    );
  });

  it('is read anew each time', async () => {
    const path = file('rotated', 'old');
    expect(await fromFile(path)).toBe('old');
    writeFileSync(path, 'new');
    expect(await fromFile(path)).toBe('new');
  });

  it('may be a link, or a pipe that a shell gives', async () => {
    symlinkSync(file('target', 'linked'), join(folder, 'link'));
    expect(await fromFile(join(folder, 'link'))).toBe('linked');
    const pipe = join(folder, 'pipe');
    execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', pipe]);
    const reading = fromFile(pipe);
    writeFileSync(pipe, 'piped\n');
    expect(await reading).toBe('piped');
  });

  it('says with its own fault what is wrong', async () => {
    mkdirSync(join(folder, 'folder'));
    const denied: SecretSources = {
      readFile: () => Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' })),
    };
    expect(await fromFile(join(folder, 'absent'))).toBe('SECRET_FILE_MISSING');
    expect(await fromFile(join(folder, 'target', 'below'))).toBe('SECRET_FILE_MISSING');
    expect(await fromFile(join(folder, 'folder'))).toBe('SECRET_FILE_IS_FOLDER');
    expect(await fromFile('/any', denied)).toBe('SECRET_FILE_UNREADABLE');
    expect(await fromFile(file('empty', ''))).toBe('SECRET_EMPTY');
    expect(await fromFile(file('blank', ' \r\n'))).toBe('SECRET_EMPTY');
    expect(await fromFile(file('large', 'a'.repeat(MAX_SECRET_BYTES + 1)))).toBe('SECRET_FILE_TOO_LARGE');
    expect(await fromFile(file('largest', 'a'.repeat(MAX_SECRET_BYTES)))).toHaveLength(MAX_SECRET_BYTES);
    expect(await fromFile(file('utf16', Buffer.from('\uFEFFsecret', 'utf16le')))).toBe('SECRET_FILE_NOT_TEXT');
    expect(await fromFile(file('binary', Buffer.of(0x61, 0xff)))).toBe('SECRET_FILE_NOT_TEXT');
    expect(await fromFile(file('nul', 'a\0b'))).toBe('SECRET_FILE_NOT_TEXT');
  });

  it('without an end is not read without an end', async () => {
    expect(await fromFile('/dev/zero')).toBe('SECRET_FILE_TOO_LARGE');
  });

  it('that others may read or change is worth a warning', async () => {
    const problem = async (mode: number): Promise<string | undefined> =>
      (await secretFileProblem(file('mode', 'x', mode)))?.message;
    const path = join(folder, 'mode');
    expect(await problem(0o600)).toBeUndefined();
    expect(await problem(0o440)).toBeUndefined();
    expect(await problem(0o644)).toBe(`${path} can be read by every account of this machine (mode 0644).`);
    expect(await problem(0o602)).toBe(`${path} can be changed by every account of this machine (mode 0602).`);
    expect(await problem(0o666)).toContain('read and changed');
    expect(await secretFileProblem(join(folder, 'absent'))).toBeUndefined();
  });
});

describe('a systemd credential', () => {
  const environment = { CREDENTIALS_DIRECTORY: folder };

  it('is the file of its name in the folder that the unit was given', async () => {
    file('smtp.secret', 'from systemd\n', 0o400);
    expect(await resolved({ kind: 'systemd-credential', name: 'smtp.secret' }, { environment })).toBe('from systemd');
  });

  it('that the unit does not pass, or cannot pass, is told so', async () => {
    const credential = (name: string, from: SecretSources): Promise<string> =>
      resolved({ kind: 'systemd-credential', name }, from);
    expect(await credential('absent', { environment })).toBe('SECRET_CREDENTIAL_MISSING');
    expect(await credential('smtp', { environment: {} })).toBe('SECRET_CREDENTIALS_ABSENT');
    expect(await credential('smtp', { environment: { CREDENTIALS_DIRECTORY: '' } })).toBe('SECRET_CREDENTIALS_ABSENT');
    for (const name of ['', '.', '..', '../etc/passwd', 'a/b', '/etc/passwd', 'a:b', 'a\0b', 'ä', 'a'.repeat(256)])
      expect(await credential(name, { environment })).toBe('SECRET_CREDENTIAL_NAME_INVALID');
  });
});

describe('no fault', () => {
  it('shows a value', async () => {
    const canary = 'canary-7dQxZp';
    const bytes = Buffer.from(`${canary}\0`);
    const results = await Promise.all([
      resolveSecret({ kind: 'file', path: '/secret' }, { readFile: () => Promise.resolve(bytes) }),
      resolveSecret({ kind: 'file', path: '/secret' }, { readFile: () => Promise.reject(new Error(canary)) }),
      resolveSecret({ kind: 'file', path: file('long', canary.repeat(10_000)) }),
      resolveSecret({ kind: 'value', value: Secret.of(canary) }),
    ]);
    const shown = [JSON.stringify(results), inspect(results, { depth: 9 })].join('\n');
    expect(results.map(({ ok }) => ok)).toEqual([false, false, false, true]);
    expect(shown).not.toContain('canary');
    // The control: what is not held as a secret is shown.
    expect(inspect({ ok: true, value: canary })).toContain('canary');
    expect(shown).not.toContain(Buffer.from(canary).toString('base64').slice(0, 12));
  });

  it('leaves its reader without a step to take', () => {
    for (const [code, definition] of Object.entries(secretFaults.definitions)) {
      expect([code, definition.remedy.steps.length > 0]).toEqual([code, true]);
      expect(definition.title.length).toBeLessThan(45);
    }
  });
});
