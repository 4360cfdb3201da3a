/** The command line as a person or a script uses it: what it prints, where, and how it exits. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Emulator } from '@postbearer/emulator';
import PostalMime from 'postal-mime';
import { startCanaryEmulator } from '../setup/canary-emulator.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { canaryClientSecret } from '../setup/canaries.ts';
import { LAUNCHER, runCommand, type CommandOptions } from '../setup/run-command.ts';

let emulator: Emulator;
let folder = '';

beforeEach(async () => {
  emulator = await startCanaryEmulator();
  folder = await mkdtemp(join(tmpdir(), 'postbearer-cli-'));
  await emulator.writeSettings(join(folder, 'Global-variables.json'));
});

afterEach(async () => {
  await emulator.close();
  await rm(folder, { recursive: true });
});

const run = async (args: readonly string[], options: Omit<CommandOptions, 'folder'> = {}) =>
  await runCommand(args, { folder, ...options });

describe('the words', () => {
  test('the version is one line, the manual names every command, its examples and its exit codes', async () => {
    expect((await run(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    const { out, exitCode } = await run(['--help']);
    expect(exitCode).toBe(0);
    for (const word of [
      'demo',
      'send',
      'verify',
      'config show',
      'config check',
      'config convert',
      'config schema',
      'emulator',
      'completion',
      'Examples',
      'Exit codes',
    ]) {
      expect(out).toContain(word);
    }
  });

  test.each([
    'demo',
    'demo service',
    'sendmail',
    'queue export',
    'backup',
    'restore',
    'send',
    'verify',
    'config show',
    'config check',
    'config convert',
    'config schema',
    'emulator',
    'completion',
  ])('%s has a manual of its own', async (words) => {
    const { out, exitCode } = await run([...words.split(' '), '--help']);
    expect(exitCode).toBe(0);
    expect(out).toContain(`Usage: postbearer ${words}`);
  });

  test.each([
    [['sned'], 'no command "sned"'],
    [['toString'], 'no command "toString"'],
    [['config', 'chek'], 'config check'],
    [['send', '--no-such-option'], 'unknown option'],
    [['send', '--set', 'nonsense'], 'key=value'],
    [['config', 'convert'], '--to'],
    [['send', '--to', 'a@example.com', '--text', '-', '--html', '-'], 'Standard input'],
    [['send', '--to', 'a@example.com', '--raw', 'absent.eml'], 'absent.eml'],
    [['emulator', '--smtp-port', '99999'], 'port number'],
  ])('%j is a mistake of usage: exit 64, and the way to help', async (args, said) => {
    const { err, out, exitCode } = await run(args);
    expect(exitCode).toBe(64);
    expect(err).toContain(said);
    expect(err).toContain('--help');
    expect(out).toBe('');
  });

  test.each(['bash', 'zsh', 'fish', 'powershell'])('completion for %s knows commands and options', async (shell) => {
    const { out, exitCode } = await run(['completion', shell]);
    expect(exitCode).toBe(0);
    for (const word of ['send', 'verify', 'config', 'check']) expect(out).toContain(word);
    expect(out).toMatch(/(?:--|-l )subject/);
  });

  test('the completion for bash completes commands, options, choices, and leaves files to the shell', async () => {
    const { out } = await run(['completion', 'bash']);
    const script = `${out}
complete_last() { COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _postbearer; echo "\${COMPREPLY[@]}"; }
complete_last postbearer config c
complete_last postbearer send --sub
complete_last postbearer config convert --to ''
complete_last postbearer completion ''
complete_last postbearer --v
complete_last postbearer send --raw ''
`;
    await writeFile(join(folder, 'complete.sh'), script);
    expect(execFileSync('bash', [join(folder, 'complete.sh')], { encoding: 'utf8' }).split('\n')).toEqual([
      'check convert',
      '--subject',
      'json env tfvars',
      'bash zsh fish powershell',
      '--version',
      '',
      '',
    ]);
  });

  test('help in front of a command is its manual', async () => {
    expect((await run(['help', 'send'])).out).toContain('Usage: postbearer send');
  });

  test.each([
    ['an option nobody knows', ['send', `--password=${canaryClientSecret}`]],
    ['a setting without equals sign', ['send', '--set', `smtp.password:${canaryClientSecret}`]],
    ['a word too many', ['verify', canaryClientSecret]],
    ['a level that is none', ['send', '--log-level', canaryClientSecret]],
  ])('%s is not repeated in the message: it may be a secret', async (_, args) => {
    const { err, out, exitCode } = await run(args);
    expect(exitCode).toBe(64);
    expect(err + out).not.toContain(canaryClientSecret);
  });
});

describe('what scripts rely on', () => {
  test.each([
    ['a wrong option', ['send', '--nope', '--json'], 64],
    ['a missing option', ['config', 'convert', '--json'], 64],
    ['a file that is not there', ['send', '--to', 'a@example.com', '--raw', 'absent.eml', '--json'], 64],
    ['settings that are not there', ['verify', '--config', 'absent.json', '--json'], 78],
    ['a state that is not there', ['emulator', '--state', 'absent.json', '--json'], 78],
  ])('with --json there is exactly one document on standard output after %s', async (_, args, exitCode) => {
    const end = await run(args);
    expect(end.exitCode).toBe(exitCode);
    expect(JSON.parse(end.out)).toMatchObject({ ok: false, exitCode });
  });

  test('a reader that goes away ends the command quietly, its folders removed', async () => {
    const line = `"${process.execPath}" "${LAUNCHER}" demo | head -2`;
    const scratch = join(folder, 'tmp');
    await mkdir(scratch);
    const shell = spawnSync('bash', ['-o', 'pipefail', '-c', line], {
      encoding: 'utf8',
      env: { ...process.env, TMPDIR: scratch },
    });
    expect(shell.stderr).not.toContain('at ');
    expect(shell.status).toBe(130);
    expect(await readdir(scratch)).toEqual([]);
  });

  test('output that cannot be written is not success', () => {
    const shell = spawnSync('bash', ['-c', `"${process.execPath}" "${LAUNCHER}" config schema > /dev/full`], {
      encoding: 'utf8',
    });
    expect(shell.status).toBe(75);
  });

  test('the emulator says what is wrong with its state, and never writes over settings that are not its own', async () => {
    await writeFile(join(folder, 'state.json'), '{ "tenants": [ {');
    const broken = await run(['emulator', '--state', 'state.json']);
    expect(broken.exitCode).toBe(78);
    expect(broken.err).toContain('EMULATOR_');
    expect(broken.err).not.toContain('bug');
    const mine = JSON.stringify({ other: 1, smtp: { server: 'smtp.office365.com' } });
    await writeFile(join(folder, 'mine.json'), mine);
    const refused = await run(['emulator', '--write-settings', 'mine.json']);
    expect(refused.exitCode).toBe(78);
    expect(await readFile(join(folder, 'mine.json'), 'utf8')).toBe(mine);
  });
});

describe('send', () => {
  test('sends what the options say, with the body from standard input', async () => {
    await writeFile(join(folder, 'a.txt'), 'attached');
    await writeFile(join(folder, 'logo.png'), Buffer.from([137, 80, 78, 71]));
    const end = await run(
      [
        'send',
        '--to',
        'A <a@example.com>, b@example.com',
        '--cc',
        'c@example.com',
        '--bcc',
        'd@example.com',
        '--reply-to',
        'r@example.com',
        '--subject',
        'Sübject',
        '--text',
        '-',
        '--html',
        '<img src="cid:logo.png">',
        '--attach',
        'a.txt',
        '--inline',
        'logo.png',
        '--header',
        'X-App: one',
        '--json',
      ],
      { input: 'from the pipe\n' },
    );
    expect(end.exitCode).toBe(0);
    const report: unknown = JSON.parse(end.out);
    expect(report).toMatchObject({ ok: true, exitCode: 0, recipients: [{ outcome: 'accepted' }, {}, {}, {}] });
    expect(emulator.messages[0]?.envelope.recipients).toEqual([
      'a@example.com',
      'b@example.com',
      'c@example.com',
      'd@example.com',
    ]);
    const mail = await PostalMime.parse(emulator.messages[0]?.bytes ?? '');
    expect(mail).toMatchObject({ subject: 'Sübject', text: expect.stringMatching(/^from the pipe\n\n?$/) });
    expect(mail.attachments.map(({ filename }) => filename)).toEqual(['logo.png', 'a.txt']);
    expect(mail.headers.find(({ key }) => key === 'x-app')?.value).toBe('one');
  });

  test('a raw file whose lines end with LF is sent with CRLF; mixed endings are refused with 65', async () => {
    await writeFile(join(folder, 'unix.eml'), 'Subject: x\n\nline\n');
    expect((await run(['send', '--to', 'a@example.com', '--raw', 'unix.eml'])).exitCode).toBe(0);
    expect(Buffer.from(emulator.messages[0]?.bytes ?? '').toString('latin1')).toBe('Subject: x\r\n\r\nline\r\n');
    await writeFile(join(folder, 'mixed.eml'), 'Subject: x\r\n\nline\n');
    const end = await run(['send', '--to', 'a@example.com', '--raw', 'mixed.eml', '--json']);
    expect(end.exitCode).toBe(65);
    expect(end.err + end.out).toContain('MESSAGE_MIXED_LINE_ENDINGS');
    expect(emulator.messages).toHaveLength(1);
  });

  test.each([
    [
      '77 when the secret has expired',
      (): void => emulator.state.expireSecret(emulator.defaults.clientId),
      [],
      77,
      'M365_CLIENT_SECRET_EXPIRED',
    ],
    [
      '77 when SMTP AUTH is off',
      (): void => emulator.state.setSmtpAuth({ tenant: emulator.defaults.tenantId, enabled: false }),
      [],
      77,
      'M365_SMTP_AUTH_DISABLED_TENANT',
    ],
    [
      '75 when the server is busy',
      (): string =>
        emulator.faults.add({ stage: 'connect', action: { kind: 'reply', text: '421 4.3.2 Service not active' } }),
      [],
      75,
      'SMTP_',
    ],
    [
      '76 when the outcome is uncertain',
      (): string => emulator.faults.add({ stage: 'final', action: { kind: 'cut' } }),
      [],
      76,
      'SMTP_OUTCOME_UNCERTAIN',
    ],
    [
      '69 when the receiver is refused',
      (): string => emulator.faults.add({ stage: 'rcpt', action: { kind: 'reply', text: '550 5.1.1 User unknown' } }),
      [],
      69,
      'M365_RECIPIENT',
    ],
    ['65 when the address is none', (): void => undefined, ['--cc', 'not an address'], 65, 'MESSAGE_ADDRESS'],
    ['78 when the settings are wrong', (): void => undefined, ['--set', 'smtp.port=many'], 78, 'CONFIG_'],
  ] as const)('exits %s, with the fault on standard output as JSON', async (_, arrange, args, exitCode, code) => {
    arrange();
    const end = await run(['send', '--to', 'a@example.com', '--subject', 'x', '--text', 'y', '--json', ...args]);
    expect(end.exitCode).toBe(exitCode);
    expect(JSON.stringify(JSON.parse(end.out))).toContain(code);
  });

  test('at Debug the dialogue is on standard error, and no secret in it', async () => {
    const secret = emulator.settings().smtp.oauth.clientSecret;
    const end = await run(['send', '--to', 'a@example.com', '--text', 'y', '--log-level', 'Debug']);
    expect(end.err).toMatch(/\[Debug\] .* C: EHLO /);
    expect(end.err).toContain('[secret]');
    expect(end.err + end.out).not.toContain(secret);
    expect(end.err + end.out).not.toMatch(/eyJ[\w-]{20}/);
  });

  test('log lines as JSON are one object a line, faults included', async () => {
    emulator.state.expireSecret(emulator.defaults.clientId);
    const end = await run(['send', '--to', 'a@example.com', '--text', 'y', '--log-format', 'json']);
    const records = end.err
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(records[0]).toMatchObject({
      level: 'Error',
      event: 'token.failed',
      message: 'Failed to acquire OAuth token: Client secret expired',
      fault: { code: 'M365_CLIENT_SECRET_EXPIRED' },
    });
  });

  test('a secret is not taken from the command line', async () => {
    const end = await run([
      'send',
      '--to',
      'a@example.com',
      '--text',
      'y',
      '--set',
      `smtp.oauth.clientSecret=${canaryClientSecret}`,
    ]);
    expect(end.exitCode).toBe(78);
    expect(end.out + end.err).not.toContain(canaryClientSecret);
    expect(emulator.counters.tokenRequests).toBe(0);
  });
});

describe('verify', () => {
  test('shows every step with its time', async () => {
    const end = await run(['verify']);
    expect(end.exitCode).toBe(0);
    for (const step of ['Settings', 'TCP connection', 'Encryption', 'Certificate', 'Token', 'Sign-in', 'Sender'])
      expect(end.out).toContain(step);
    expect(end.out).toMatch(/\d+ ms/);
    expect(emulator.messages).toHaveLength(0);
  });

  test('names the first broken link and its remedy, and marks the rest as not reached', async () => {
    emulator.state.setSmtpAuth({ mailbox: emulator.defaults.mailbox, enabled: false });
    const end = await run(['verify', '--json']);
    expect(end.exitCode).toBe(77);
    expect(JSON.parse(end.out)).toMatchObject({
      ok: false,
      firstBroken: { name: 'auth', fault: { code: 'M365_SMTP_AUTH_DISABLED_MAILBOX' } },
    });
    const shown = await run(['verify']);
    expect(shown.out).toContain(
      'Set-CASMailbox -Identity notifications@contoso.example -SmtpClientAuthenticationDisabled $false',
    );
    expect(shown.out).toMatch(/Sender.*not reached/);
  });
});

describe('config', () => {
  test('show prints each value with its source and masks the secret', async () => {
    const secret = emulator.settings().smtp.oauth.clientSecret;
    const end = await run(['config', 'show'], { environment: { EMAIL_SERVER: 'smtp.example.com' } });
    expect(end.out).toMatch(/smtp\.server +smtp\.example\.com +environment EMAIL_SERVER/);
    expect(end.out).toMatch(/smtp\.oauth\.clientSecret +\[secret\]/);
    expect(end.out + end.err).not.toContain(secret);
  });

  test('check reports every mistake at once, each with file, line and key', async () => {
    await writeFile(
      join(folder, 'wrong.json'),
      '{\n "smtp": {\n  "server": "smtp.office365.com",\n  "port": "many",\n  "enableSsl": "perhaps",\n  "username": "a@example.com",\n  "oauth": { "enabled": true, "tokenEndpoint": "https://login.microsoftonline.com/common/oauth2/v2.0/token",\n   "clientId": "your-application-client-id", "clientSecret": "", "tokenMethod": "GET" }\n }\n}\n',
    );
    const end = await run(['config', 'check', '--config', 'wrong.json', '--json']);
    expect(end.exitCode).toBe(78);
    const { findings } = JSON.parse(end.out) as {
      findings: { severity: string; fault: { evidence: { key: string; line: number } } }[];
    };
    const places = findings
      .filter(({ severity }) => severity === 'error')
      .map(({ fault }) => `${fault.evidence.key}:${fault.evidence.line}`);
    expect(places.toSorted()).toEqual(
      [
        'smtp.enableSsl:5',
        'smtp.oauth.clientId:8',
        'smtp.oauth.clientSecret:8',
        'smtp.oauth.tokenEndpoint:7',
        'smtp.oauth.tokenMethod:8',
        'smtp.port:4',
      ].toSorted(),
    );
  });

  test('convert of settings with a mistake prints the findings and nothing on standard output', async () => {
    const end = await run(['config', 'convert', '--to', 'env', '--set', 'smtp.port=many']);
    expect(end.exitCode).toBe(78);
    expect(end.out).toBe('');
    expect(end.err).toContain('CONFIG_VALUE_INVALID');
    const document: unknown = JSON.parse(
      (await run(['config', 'convert', '--to', 'env', '--set', 'smtp.port=many', '--json'])).out,
    );
    expect(document).toMatchObject({
      ok: false,
      exitCode: 78,
      findings: [{ fault: { code: 'CONFIG_VALUE_INVALID' } }],
    });
    expect(document).not.toHaveProperty('text');
  });

  test('convert turns JSON into environment variables that send as well', async () => {
    const end = await run(['config', 'convert', '--to', 'env', '--with-secrets'], { printsSecrets: true });
    await writeFile(join(folder, 'mail.env'), end.out);
    const printed = execFileSync('bash', ['-c', 'set -a; . ./mail.env; env -0'], { cwd: folder, encoding: 'utf8' });
    const environment = Object.fromEntries(
      printed
        .split('\0')
        .filter((row) => /^(?:EMAIL|ENABLE|LOG_LEVEL)/.test(row))
        .map((row) => [row.slice(0, row.indexOf('=')), row.slice(row.indexOf('=') + 1)]),
    );
    await rm(join(folder, 'Global-variables.json'));
    expect((await run(['send', '--to', 'a@example.com', '--text', 'y'], { environment })).exitCode).toBe(0);
    expect(emulator.messages).toHaveLength(1);
  });

  test('schema is a JSON Schema that knows the settings of the guide', async () => {
    const schema: unknown = JSON.parse((await run(['config', 'schema'])).out);
    expect(JSON.stringify(schema)).toContain('tokenEndpoint');
    expect(schema).toHaveProperty('$schema');
  });
});

test('the demo does all of it by itself, and its report says so', async () => {
  const end = await run(['demo', '--json']);
  const report = JSON.parse(end.out) as { folder: string };
  expect(report).toMatchObject({
    ok: true,
    sent: 4,
    received: 4,
    rawIsIdentical: true,
    explainedFault: 'M365_CLIENT_SECRET_EXPIRED',
  });
  expect(end.exitCode).toBe(0);
  expect(end.err).toContain('[Information] Successfully acquired OAuth token for SMTP authentication');
  expect(await readFile(join(report.folder, 'received-1.eml'), 'utf8')).toContain('It works');
  await rm(report.folder, { recursive: true });
});
