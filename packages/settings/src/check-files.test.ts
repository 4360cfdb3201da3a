import { describe, expect, it } from 'vitest';
import { TEST_ACCOUNT, type MemoryFile } from './testing/memory-files.ts';
import {
  changedSmtp,
  codesOf,
  JSON_FILE,
  messagesOf,
  readIn,
  readObject,
  RIGHT,
  rightEnvironment,
  rightSmtp,
} from './testing/worlds.ts';

describe('files that settings stand in or name', () => {
  const text = JSON.stringify({ smtp: rightSmtp() });

  it.each([
    ['mode 0644', { text, mode: 0o644 }, ['(CONFIG_FILE_MODE)']],
    ['mode 0660', { text, mode: 0o660 }, ['(CONFIG_FILE_MODE)']],
    ['mode 0640', { text, mode: 0o640 }, []],
    ['mode 0400', { text, mode: 0o400 }, []],
    [
      'mode 0644 without any secret',
      { text: text.replace(RIGHT.clientSecret, ''), mode: 0o644 },
      ['CONFIG_CLIENT_SECRET_EMPTY'],
    ],
    ['another owner', { text, owner: 4711 }, ['(CONFIG_FILE_OWNER)']],
    ['root as owner', { text, owner: 0 }, []],
    ['our own account as owner', { text, owner: TEST_ACCOUNT }, []],
    ['a folder in its place', { text, isFolder: true }, ['CONFIG_FILE_UNREADABLE']],
    ['no right to read it', { text, readError: 'EACCES' }, ['CONFIG_FILE_UNREADABLE']],
    ['11 MB of it', { text, sizeBytes: 11 * 1024 * 1024 }, ['CONFIG_FILE_TOO_LARGE']],
    [
      '11 MB of it that grew while it was read',
      { text: text + ' '.repeat(11 * 1024 * 1024), sizeBytes: 5 },
      ['CONFIG_FILE_TOO_LARGE'],
    ],
    ['UTF-16', { bytes: new Uint8Array(Buffer.from(`\ufeff${text}`, 'utf16le')) }, ['CONFIG_FILE_UNREADABLE']],
    ['bytes that are no text', { bytes: Uint8Array.of(0x7b, 0xff, 0x7d) }, ['CONFIG_FILE_UNREADABLE']],
    ['nothing in it', { text: '' }, ['CONFIG_SYNTAX']],
  ])('are looked at: %s', async (_, file, codes) => {
    const reading = await readIn({ [JSON_FILE]: file });
    expect(codesOf(reading)).toEqual(codes);
    expect(
      reading.findings.every(({ fault }) => fault.evidence?.kind === 'settings' && fault.evidence.file === JSON_FILE),
    ).toBe(true);
  });

  it.each([
    ['there', 'x', undefined],
    ['empty', ' \n', 'that is empty'],
    ['a folder', { isFolder: true }, 'that is not an ordinary file'],
    ['not readable', { text: 'x', readError: 'EACCES' }, 'that cannot be read (EACCES)'],
    ['too large', { text: 'x', sizeBytes: 70_000 }, 'that is larger than 65536 bytes'],
  ])('are looked at when a secret in use is in one that is %s', async (_, file, problem) => {
    const section = changedSmtp({}, { clientSecret: { file: 'client' } });
    const message = `smtp.oauth.clientSecret names the file /home/mail/client, but ${problem}.`;
    const reading = await readIn({ [JSON_FILE]: JSON.stringify({ smtp: section }), '/home/mail/client': file });
    expect(messagesOf(reading)).toEqual(problem === undefined ? [] : [message]);
  });

  it.each<[string, MemoryFile, readonly string[]]>([
    ['right, with a line break at its end', `${RIGHT.clientSecret}\r\n`, []],
    ['a placeholder', 'your-client-secret-value\n', ['CONFIG_PLACEHOLDER']],
    ['bytes that are no text', { bytes: Uint8Array.of(0xff, 0xfe, 0x61) }, ['CONFIG_NAMED_FILE']],
    ['text with a NUL', 'Cnry8\0x', ['CONFIG_NAMED_FILE']],
    ['a secret with a blank after it', `${RIGHT.clientSecret} \n`, ['(CONFIG_SECRET_WHITESPACE)']],
    ['a secret with two line breaks', `${RIGHT.clientSecret}\n\n`, ['(CONFIG_SECRET_WHITESPACE)']],
    ['the Secret ID', '0f3b6f8e-1111-4222-8333-944455556666', ['(CONFIG_SECRET_ID)']],
  ])('are looked at for what is in them: %s', async (_, file, codes) => {
    const settings = JSON.stringify({ smtp: changedSmtp({}, { clientSecret: { file: 'client' } }) });
    const reading = await readIn({ [JSON_FILE]: settings, '/home/mail/client': file });
    expect(codesOf(reading)).toEqual(codes);
    expect(JSON.stringify(reading.findings)).not.toContain('Cnry8');
    expect(reading.findings.every(({ fault }) => fault.evidence?.kind === 'settings')).toBe(true);
  });

  it('are named by their folder alone where there is none: somebody may have put the secret in place of the name', async () => {
    const named = changedSmtp({}, { clientSecret: { file: RIGHT.clientSecret } });
    expect(messagesOf(await readObject({ smtp: named }))).toEqual([
      'smtp.oauth.clientSecret names a file in /home/mail, but there is none of that name.',
    ]);
    const { EMAIL_OAUTH_TOKEN_CLIENT_SECRET: _, ...environment } = rightEnvironment();
    for (const value of [RIGHT.clientSecret, `Cnry8/${'x'.repeat(300)}`]) {
      const reading = await readIn({}, { ...environment, EMAIL_OAUTH_TOKEN_CLIENT_SECRET_FILE: value });
      expect(codesOf(reading)).toEqual(['CONFIG_NAMED_FILE']);
      expect(JSON.stringify(reading.findings)).not.toContain('Cnry8');
    }
  });

  it('are not looked at when what names them is not in use', async () => {
    const section = changedSmtp(
      { password: { file: 'absent' } },
      { federatedTokenFile: 'absent', clientAuthentication: 'client_secret_post' },
    );
    expect(codesOf(await readObject({ smtp: section }))).toEqual(['(CONFIG_PASSWORD_BESIDE_OAUTH)']);
  });

  it('are looked at for certificates and credentials', async () => {
    const section = changedSmtp({ caFile: 'ca.pem' }, { clientSecret: { systemdCredential: 'client' } });
    expect(messagesOf(await readObject({ smtp: section }))).toEqual([
      'smtp.oauth.clientSecret names a systemd credential, but CREDENTIALS_DIRECTORY is not set, so this program was not started by systemd with it.',
      'smtp.caFile names the file /home/mail/ca.pem, but there is nothing.',
    ]);
  });
});
