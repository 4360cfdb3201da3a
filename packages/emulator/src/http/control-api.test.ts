/** The API for programs in other languages, and the page for people. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmulator, type Emulator } from '../index.ts';
import { ask, askToken, type TestAnswer } from '../testing/https-client.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.close());

function post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<TestAnswer> {
  return ask(emulator, {
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

describe('operations on the state', () => {
  it('work by name, and a new secret is handed out once', async () => {
    const { clientId } = emulator.defaults;
    expect((await post('/emulator/state/expireSecret', [clientId])).json).toEqual({ result: null });
    expect((await askToken(emulator)).json).toMatchObject({ error_codes: [7000222] });
    const { json } = await post('/emulator/state/addSecret', [clientId]);
    expect((await askToken(emulator, { client_secret: String(json['result']) })).status).toBe(200);
    expect((await ask(emulator, { path: '/emulator/settings' })).json).toEqual(emulator.settings());
  });

  it('show the state without any secret', async () => {
    const { text, json } = await ask(emulator, { path: '/emulator/state' });
    expect(json).toMatchObject({
      tenants: [{ id: emulator.defaults.tenantId, apps: [{ secrets: [{ value: '[secret]' }, {}] }] }],
    });
    expect(text).not.toContain(emulator.settings().smtp.oauth.clientSecret);
  });

  it.each([
    ['an argument of the wrong kind', 'expireSecret', ['not-a-guid'], 'argument 1'],
    ['too few arguments', 'addMailboxPermission', ['6f1b6f6e-6d0f-4d3b-9d3b-0f6f6c6f6e61'], 'body'],
    ['an app that is not there', 'expireSecret', ['6f1b6f6e-6d0f-4d3b-9d3b-0f6f6c6f6e61'], 'no app'],
    ['a misspelt key', 'changeMailbox', ['notifications@contoso.example', { ful: true }], 'argument 2.ful'],
    ['no list', 'expireSecret', { clientId: 'x' }, 'body'],
  ])('refuse %s with a fault that names it', async (_, name, body, says) => {
    const answer = await post(`/emulator/state/${name}`, body);
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ fault: { message: expect.stringContaining(says) } });
  });

  it('do not exist under other names, not even those every object has', async () => {
    for (const name of ['snapshot', 'constructor', '__proto__', 'toString'])
      expect((await post(`/emulator/state/${name}`, [])).status).toBe(404);
  });
});

describe('faults by the API', () => {
  it('are added, listed, applied and cleared', async () => {
    const added = await post('/emulator/faults', { stage: 'token', action: { kind: 'aadsts', code: 90033 }, times: 1 });
    expect(added).toMatchObject({ status: 201, json: { id: expect.stringMatching(/^fault-/) } });
    expect((await askToken(emulator)).status).toBe(503);
    expect((await ask(emulator, { path: '/emulator/faults' })).json).toMatchObject({ faults: [{ applied: 1 }] });
    const cleared = await ask(emulator, { method: 'DELETE', path: `/emulator/faults/${String(added.json['id'])}` });
    expect(cleared.json).toEqual({ removed: 1 });
    expect((await post('/emulator/faults', { stage: 'token' })).status).toBe(400);
  });
});

describe('who may use the API', () => {
  it.each([
    ['a page of another origin', { origin: 'https://evil.example' }],
    ['another host name, as after DNS rebinding', { host: 'evil.example' }],
  ])('not %s', async (_, headers) => {
    const addFault = { stage: 'token', action: { kind: 'cut' } };
    for (const path of ['/', '/emulator/settings', '/emulator/messages'])
      expect((await ask(emulator, { path, headers })).status).toBe(403);
    expect((await post('/emulator/faults', addFault, headers)).status).toBe(403);
    expect((await askToken(emulator)).status).toBe(200);
  });

  it('not a form or a script that sends plain text', async () => {
    const body = JSON.stringify({ stage: 'token', action: { kind: 'cut' } });
    expect((await post('/emulator/faults', body, { 'content-type': 'text/plain' })).status).toBe(400);
    expect(emulator.faults.list()).toEqual([]);
  });

  it('and no answer allows another origin to read it', async () => {
    const answer = await ask(emulator, { path: '/emulator/settings' });
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('other paths', () => {
  it.each(['/emulator/', '/emulator/nothing', '/emulator/messages/unknown', '/emulator/messages/a/b/c', '/nothing'])(
    '%s is 404',
    async (path) => {
      expect((await ask(emulator, { path })).status).toBe(404);
    },
  );

  it('the page says when nothing arrived', async () => {
    const page = await ask(emulator, { path: '/' });
    expect(page.text).toContain('Nothing yet.');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
  });
});
