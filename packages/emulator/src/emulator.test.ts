/** Starting, settings and ending. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EmulatorError, startEmulator, type EmulatorState } from './index.ts';
import { ask, askToken } from './testing/https-client.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emulator-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function codeOf(starting: Promise<unknown>): Promise<string> {
  try {
    await starting;
    return 'started';
  } catch (error) {
    return error instanceof EmulatorError ? `${error.fault.code}: ${error.fault.message}` : 'another error';
  }
}

describe('an emulator started without options', () => {
  it('is ready to send: settings are a complete file for its app and mailbox', async () => {
    const emulator = await startEmulator();
    const { smtp } = emulator.settings();
    expect(smtp).toMatchObject({
      enabled: true,
      server: '127.0.0.1',
      port: String(emulator.smtp.port),
      enableSsl: true,
      username: 'notifications@contoso.example',
      fromAddress: 'notifications@contoso.example',
      caFile: emulator.certificateAuthorityFile,
      oauth: {
        enabled: true,
        tokenEndpoint: emulator.tokenEndpoint(),
        tokenMethod: 'POST',
        grantType: 'client_credentials',
      },
    });
    expect(emulator.tokenEndpoint('contoso.example')).toBe(emulator.tokenEndpoint());
    expect((await askToken(emulator)).status).toBe(200);
    await emulator.close();
  });

  it('has other secrets and ids each time, and a secret of the form that Entra gives', async () => {
    const [a, b] = await Promise.all([startEmulator(), startEmulator()]);
    const [one, two] = [a.settings().smtp.oauth, b.settings().smtp.oauth];
    expect(one.clientSecret).toMatch(/^[\w~.-]{3}8Q~[\w~.-]{34}$/);
    expect(one.clientSecret).not.toBe(two.clientSecret);
    expect(one.clientId).not.toBe(two.clientId);
    expect(a.certificateAuthorityPem).not.toBe(b.certificateAuthorityPem);
    await Promise.all([a.close(), b.close()]);
  });

  it('keeps its authority in a file until it is closed, and closing twice is safe', async () => {
    const emulator = await startEmulator();
    expect(readFileSync(emulator.certificateAuthorityFile, 'utf8')).toBe(emulator.certificateAuthorityPem);
    await Promise.all([emulator.close(), emulator.close()]);
    expect(existsSync(dirname(emulator.certificateAuthorityFile))).toBe(false);
  });
});

describe('an emulator does not start', () => {
  it('on an address that other machines reach, unless it is told to', async () => {
    expect(await codeOf(startEmulator({ host: '0.0.0.0' }))).toContain('EMULATOR_HOST_NOT_LOOPBACK: 0.0.0.0');
    const emulator = await startEmulator({ host: '0.0.0.0', allowRemote: true });
    await emulator.close();
  });

  it.each(['tokenPort', 'smtpPort'])('on a port that is taken (%s)', async (name) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    expect(await codeOf(startEmulator({ [name]: port }))).toContain(
      `EMULATOR_CANNOT_LISTEN: The emulator cannot listen on 127.0.0.1 port ${port}: EADDRINUSE`,
    );
    await new Promise((resolve) => taken.close(resolve));
  });

  it.each([
    ['an address of another machine', { host: '192.0.2.1' }, '192.0.2.1 port 0: EADDRNOTAVAIL'],
    ['a port beyond the last one', { smtpPort: 65_536 }, '127.0.0.1 port 65536: a port is a whole number up to 65535'],
    ['a port that is no whole number', { tokenPort: 1.5 }, '127.0.0.1 port 1.5: a port is a whole number up to 65535'],
  ])('on %s', async (_, options, says) => {
    expect(await codeOf(startEmulator({ allowRemote: true, ...options }))).toContain(
      `EMULATOR_CANNOT_LISTEN: The emulator cannot listen on ${says}`,
    );
  });

  it.each([
    [
      'a misspelt key',
      { tenants: [{ domains: ['a.example'], apps: [], mailboxes: [], smtpAuthDisable: true }] },
      'tenants[0].smtpAuthDisable',
    ],
    ['a key of every object', JSON.parse('{"tenants":[],"__proto__":{}}'), '__proto__'],
    ['a missing list', { tenants: [{ domains: ['a.example'], apps: [] }] }, 'tenants[0].mailboxes: it is missing'],
    [
      'a moment that is none',
      { tenants: [{ domains: [], apps: [{ secrets: [{ endsAt: 'soon' }] }], mailboxes: [] }] },
      'tenants[0].apps[0].secrets[0].endsAt',
    ],
    ['an id that is no GUID', { tenants: [{ id: 'contoso', domains: [], apps: [], mailboxes: [] }] }, 'tenants[0].id'],
    [
      'a certificate that is none',
      { tenants: [{ domains: [], apps: [{ certificates: ['-----BEGIN CERTIFICATE-----'] }], mailboxes: [] }] },
      'certificates[0]',
    ],
    ['a list in place of an object', [], 'the top'],
  ])('with a state that holds %s', async (_, state, says) => {
    const file = join(folder, 'state.json');
    await writeFile(file, JSON.stringify(state));
    const told = await codeOf(startEmulator({ stateFile: file }));
    expect(told).toContain(`EMULATOR_STATE_INVALID: The state file ${file}, line 1, is wrong at `);
    expect(told).toContain(says);
    const direct = await codeOf(startEmulator({ state: state as EmulatorState }));
    expect(direct).toContain('EMULATOR_STATE_INVALID: The state of the emulator is wrong at ');
    expect(direct).toContain(says);
  });

  it.each([
    [
      'of an unknown key',
      '{\r\n  "tenants": [\r\n    {\r\n      "domains": ["a.example"],\r\n      "app": [],\r\n      "mailboxes": []\r\n    }\r\n  ]\r\n}',
      'line 5, is wrong at tenants[0].app: this key is not known.',
    ],
    [
      'of the value that lacks a key',
      '{\n  "tenants": [\n    {\n      "domains": [],\n      "apps": []\n    }\n  ]\n}',
      'line 3, is wrong at tenants[0].mailboxes: it is missing.',
    ],
    ['of a value in place of an object', '\n\nnull', 'line 3, is wrong at the top: an object is expected.'],
  ])('with a state file that is wrong, and it names the line %s', async (_, text, says) => {
    const file = join(folder, 'state.json');
    await writeFile(file, text);
    expect(await codeOf(startEmulator({ stateFile: file }))).toBe(
      `EMULATOR_STATE_INVALID: The state file ${file}, ${says}`,
    );
  });

  it.each([
    ['ends too early', '{ "tenants": [\n {', 'it is not JSON, as line 2 shows'],
    ['has a comma too few', '{\n "value": "the secret"\n "tenants": [] }', 'it is not JSON, as line 3 shows'],
    ['has a word that is none', '{\n "value": the secret }', 'it is not JSON, as line 2 shows'],
    ['is empty', '', 'it is not JSON, as line 1 shows'],
  ])('with a state file that %s', async (_, text, says) => {
    const file = join(folder, 'broken.json');
    await writeFile(file, text);
    expect(await codeOf(startEmulator({ stateFile: file }))).toBe(
      `EMULATOR_STATE_UNREADABLE: The state file ${file} cannot be read: ${says}.`,
    );
  });

  it.each([
    ['is missing', 'none.json', 'it does not exist'],
    ['is a folder', '', 'it is a folder'],
    ['has a name too long', 'x'.repeat(300), 'the system says ENAMETOOLONG'],
  ])('with a state file that %s', async (_, name, says) => {
    const file = join(folder, name);
    expect(await codeOf(startEmulator({ stateFile: file }))).toBe(
      `EMULATOR_STATE_UNREADABLE: The state file ${file} cannot be read: ${says}.`,
    );
  });
});

describe('an emulator starts', () => {
  const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

  it.each(['LOCALHOST', ...(hasIpv6 ? ['::1', '[::1]'] : [])])('on %s', async (host) => {
    const emulator = await startEmulator({ host });
    expect((await ask(emulator, { path: '/emulator/counters' })).status).toBe(200);
    await emulator.close();
  });

  it('without an app, and says so where settings are asked for', async () => {
    const emulator = await startEmulator({ state: { tenants: [] } });
    expect(() => emulator.settings()).toThrow('EMULATOR_NOT_IN_STATE: The emulator has no app at all.');
    await emulator.close();
  });
});

describe('a state file', () => {
  it('may begin with a byte order mark and names what is special about it', async () => {
    const file = join(folder, 'own.json');
    const state = {
      tenants: [
        {
          domains: ['fabrikam.example'],
          apps: [{ secrets: [{ value: 'written in the file' }], mailboxPermissions: ['a@fabrikam.example'] }],
          mailboxes: [{ address: 'a@fabrikam.example' }],
        },
      ],
    };
    await writeFile(file, `\ufeff${JSON.stringify(state)}`);
    const emulator = await startEmulator({ stateFile: file });
    expect(emulator.settings().smtp).toMatchObject({
      username: 'a@fabrikam.example',
      oauth: { clientSecret: 'written in the file' },
    });
    expect(emulator.state.snapshot().tenants).toMatchObject([
      { domains: ['fabrikam.example'], smtpAuthDisabled: false, basicAuth: 'allowed' },
    ]);
    await emulator.close();
  });
});

describe('waiting for messages', () => {
  it('ends with a fault after its time, and at once when it is cancelled', async () => {
    const emulator = await startEmulator();
    expect(await codeOf(emulator.waitForMessages(1, { timeoutMs: 5 }))).toContain(
      'EMULATOR_NO_MESSAGE: 0 of 1 messages',
    );
    const cancel = new AbortController();
    const waiting = emulator.waitForMessages(1, { signal: cancel.signal });
    cancel.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(emulator.waitForMessages(1, { signal: cancel.signal })).rejects.toThrow('enough');
    await emulator.close();
  });
});
