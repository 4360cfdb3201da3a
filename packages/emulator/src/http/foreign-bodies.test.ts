/** Whatever is sent to the API, it answers, says what is wrong, and goes on. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmulator, type Emulator, type InjectedFault } from '../index.ts';
import { ask, askToken, type TestAnswer } from '../testing/https-client.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.close());

function post(path: string, body: string): Promise<TestAnswer> {
  return ask(emulator, { method: 'POST', path, headers: { 'content-type': 'application/json' }, body });
}

describe('a fault that is no fault', () => {
  it.each([
    ['null', 'the top: an object'],
    ['[]', 'the top: an object'],
    ['"cut"', 'the top: an object'],
    ['5', 'the top: an object'],
    ['{}', 'stage: one of'],
    ['{"stage":{"toString":1},"action":{"kind":"cut"}}', 'stage: one of'],
    ['{"stage":["mail"],"action":{"kind":"cut"}}', 'stage: one of'],
    ['{"stage":"mail","action":null}', 'action: an object'],
    ['{"stage":"mail","action":{"kind":["cut"]}}', 'action.kind: one of'],
    ['{"stage":"mail","action":{"kind":"constructor"}}', 'action.kind: one of'],
    ['{"stage":"mail","action":{"kind":"cut"},"__proto__":{}}', '__proto__: this key is not known'],
    ['{"stage":"mail","action":{"kind":"cut"},"tiems":1}', 'tiems: this key is not known'],
    ['{"stage":"token","action":{"kind":"cut","after":1}}', 'action.after: this key is not known'],
    ['', 'body: it is not JSON'],
    ['{', 'body: it is not JSON'],
  ])('%s is answered with 400 and what is wrong', async (body, says) => {
    const { status, json } = await post('/emulator/faults', body);
    expect(status).toBe(400);
    expect(json).toMatchObject({ fault: { message: expect.stringContaining(`wrong at ${says}`) } });
    expect(emulator.faults.list()).toEqual([]);
  });
});

describe('a switch of SMTP AUTH that names nothing it can switch', () => {
  it.each([
    ['[{"enabled":true}]', 'argument 1.tenant: it is missing'],
    ['[{"tenant":"contoso.example","enabled":null}]', 'argument 1.enabled: true or false'],
    ['[{"tenant":"contoso.example","mailbox":"notifications@contoso.example","enabled":true}]', 'argument 1.tenant'],
    ['[null]', 'argument 1: an object'],
  ])('%s is answered with 400 and what is wrong', async (body, says) => {
    const { status, json } = await post('/emulator/state/setSmtpAuth', body);
    expect(status).toBe(400);
    expect(json).toMatchObject({ fault: { message: expect.stringContaining(`wrong at ${says}`) } });
  });
});

describe('a body of more than a megabyte', () => {
  it('is answered before its end, and what follows on the connection too', async () => {
    for (const path of ['/emulator/faults', '/emulator/state/addSecret', '/emulator/nothing'])
      expect((await post(path, `"${'x'.repeat(3 * 1024 * 1024)}"`)).status).toBe(413);
    expect((await ask(emulator, { path: '/emulator/counters' })).status).toBe(200);
  });
});

const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom('toString', '__proto__', 'constructor', '', -1, 1e308, '\u0000', 'a@b', null, [], {}),
);
const valid: readonly InjectedFault[] = [
  { stage: 'mail', action: { kind: 'reply', text: '451 4.7.0 Later' } },
  { stage: 'token', action: { kind: 'delay', ms: 1 }, times: 1 },
  { stage: 'token', action: { kind: 'aadsts', code: 90033, retryAfterSeconds: 1 }, share: 1 },
  { stage: 'token', action: { kind: 'http', status: 503, headers: { a: 'b' }, body: 'c' }, skip: 0 },
];
const name = fc.constantFrom('kind', 'text', 'ms', 'code', 'status', 'headers', 'body', 'times', 'share', 'mailbox');
const header = fc.constantFrom('a', 'Date', 'Trailer', 'transfer-encoding', 'Content-Length', 'x y', '');
const change = fc.dictionary(name, fc.oneof(odd, fc.dictionary(header, odd)), { maxKeys: 1 });

/** A fault in which up to two members are odd. */
const fault = fc
  .tuple(fc.constantFrom(...valid), change, change)
  .map(([base, outer, inner]) => ({ ...base, action: { ...base.action, ...inner }, ...outer }));

describe('any body', () => {
  it('is answered as a fault to be injected, and the token endpoint never fails by it', async () => {
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(fc.oneof(fault, odd), async (value) => {
        const { status } = await post('/emulator/faults', JSON.stringify(value));
        seen.add(status);
        expect([201, 400]).toContain(status);
        for (const { fault: armed } of emulator.faults.list())
          if (armed.stage === 'token' && ['aadsts', 'http'].includes(armed.action.kind))
            expect((await askToken(emulator)).text).not.toContain('the emulator failed');
        expect((await ask(emulator, { method: 'DELETE', path: '/emulator/faults' })).status).toBe(200);
      }),
      { numRuns: 200, examples: [...valid.map((one): [unknown] => [one]), [null]] },
    );
    expect(seen).toEqual(new Set([201, 400]));
  });

  it('is answered as arguments of an operation, and the state can be shown after it', async () => {
    const { clientId, tenantId, mailbox } = emulator.defaults;
    const operations = Object.keys(emulator.state).filter((operation) => operation !== 'snapshot');
    const known = fc.constantFrom(clientId, tenantId, mailbox, 'SMTP.SendAsApp', true, 'contoso.example');
    const changes = fc.dictionary(
      fc.constantFrom('enabled', 'tenant', 'mailbox', 'full', 'maxRecipients', 'value', 'endsAt', 'address', 'keys'),
      fc.oneof(known, odd, fc.constantFrom('2027-01-31', '+275760-09-13', 'new@contoso.example')),
    );
    const list = fc.array(fc.oneof(known, changes, odd), { maxLength: 3 });
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...operations), fc.oneof(list, odd), async (operation, value) => {
        const { status } = await post(`/emulator/state/${operation}`, JSON.stringify(value));
        seen.add(status);
        expect([200, 400]).toContain(status);
        expect((await ask(emulator, { path: '/emulator/state' })).status).toBe(200);
      }),
      {
        numRuns: 300,
        examples: [
          ['expireSecret', [clientId]],
          ['expireSecret', null],
        ],
      },
    );
    expect(seen).toEqual(new Set([200, 400]));
    for (const path of ['/', '/emulator/faults', '/emulator/messages', '/emulator/counters'])
      expect((await ask(emulator, { path })).status).toBe(200);
  });
});
