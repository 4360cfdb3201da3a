/** Failures on demand, each seen by a client on the wire. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AADSTS, statusOf, type AadstsCode } from './entra/errors.ts';
import {
  EmulatorError,
  startEmulator,
  type Emulator,
  type FaultAction,
  type FaultStage,
  type InjectedFault,
} from './index.ts';
import { CAPTURED_REPLIES, shapeOf } from './testing/captured-replies.ts';
import { accessToken, ask, askToken, type TokenFields } from './testing/https-client.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { Dialogue, message } from './testing/smtp-dialogue.ts';

const MAILBOX = 'notifications@contoso.example';
const REPLY = '451 4.7.0 Temporary server error. Please try again later.';

let emulator: Emulator;
let clock: ManualClock;
let random: () => number;
beforeEach(async () => {
  clock = new ManualClock(Date.UTC(2026, 10, 24));
  random = () => 0;
  emulator = await startEmulator({ clock, random: () => random(), pace: Number.POSITIVE_INFINITY });
});
afterEach(() => emulator.close());

/** Drives a session up to a stage and gives the reply that was given there; the empty text for none. */
async function replyAt(stage: FaultStage, token: string): Promise<string> {
  const dialogue = await Dialogue.open(emulator);
  const steps: readonly (readonly [FaultStage, () => Promise<string>])[] = [
    ['connect', () => dialogue.read()],
    ['ehlo', () => dialogue.say('EHLO client.example')],
    ['starttls', () => dialogue.say('STARTTLS')],
    [
      'auth',
      async () => {
        await dialogue.secure();
        await dialogue.say('EHLO client.example');
        return dialogue.signIn(MAILBOX, token);
      },
    ],
    ['mail', () => dialogue.say(`MAIL FROM:<${MAILBOX}>`)],
    ['rcpt', () => dialogue.say('RCPT TO:<ann@example.com>')],
    ['data', () => dialogue.say('DATA')],
    ['content', () => dialogue.say(`${message(MAILBOX)}\r\n.`)],
  ];
  let reply = '';
  for (const [at, step] of steps) {
    reply = await step();
    if (at === stage) break;
  }
  dialogue.destroy();
  return reply;
}

/** Where a value is missing in a text: empty quotes or brackets, two spaces, a placeholder. */
function gapsIn(text: string): readonly string[] {
  return text.replaceAll(/\{(?:guid|timestamp)\}/g, 'x').match(/''|\(\)| [ ,.]|\{\w*\}|undefined|NaN/g) ?? [];
}

const STAGES: readonly FaultStage[] = [
  'connect',
  'ehlo',
  'starttls',
  'auth',
  'mail',
  'rcpt',
  'data',
  'content',
  'final',
];
const KEPT_WHEN_CUT: ReadonlySet<FaultStage> = new Set(['final']);

describe.each(STAGES)('at stage %s', (stage) => {
  it('a reply takes the place of the usual one, as often as wanted', async () => {
    const token = await accessToken(emulator);
    emulator.faults.add({ stage, action: { kind: 'reply', text: REPLY }, times: 1 });
    expect(await replyAt(stage, token)).toBe(REPLY);
    expect(emulator.messages).toEqual([]);
    expect(await replyAt(stage, token)).toMatch(/^[23]\d\d/);
    expect(emulator.faults.list()).toMatchObject([{ applied: 1 }]);
  });

  it('a cut ends the connection without a word', async () => {
    const token = await accessToken(emulator);
    emulator.faults.add({ stage, action: { kind: 'cut' } });
    expect(await replyAt(stage, token)).toBe('');
    expect(emulator.messages.length).toBe(KEPT_WHEN_CUT.has(stage) ? 1 : 0);
  });

  it('a delay comes before the usual reply', async () => {
    const token = await accessToken(emulator);
    emulator.faults.add({ stage, action: { kind: 'delay', ms: 60_000 }, times: 1 });
    const timer = clock.nextTimer();
    const reply = replyAt(stage, token);
    expect(await timer).toBe(60_000);
    clock.advance(60_000);
    expect(await reply).toMatch(/^[23]\d\d/);
  });

  it('a hang says nothing more, and closing the emulator ends it', async () => {
    const token = await accessToken(emulator);
    emulator.faults.add({ stage, action: { kind: 'hang' } });
    const reply = replyAt(stage, token);
    await expect.poll(() => emulator.faults.list()[0]?.applied).toBe(1);
    await emulator.close();
    expect(await reply).not.toMatch(/^[235]/);
  });
});

describe('a cut of the content', () => {
  it.each([
    ['DATA', 'DATA\r\n', 'Subject: the end of this never comes\r\n', ['354', '']],
    ['DATA, sent with what follows it', '', 'DATA\r\nSubject: the end of this never comes\r\n', ['354', '']],
    ['BDAT', 'BDAT 1000\r\n', 'Subject: the end of this never comes\r\n', ['']],
    ['a first chunk of BDAT', '', 'BDAT 12\r\nSubject: a\r\n', ['250', '']],
    ['BDAT in one chunk', 'BDAT 12 LAST\r\n', 'Subject: a', ['']],
  ])('comes after some of it and before its end (%s)', async (_, start, some, told) => {
    const dialogue = await Dialogue.open(emulator);
    await dialogue.greet();
    await dialogue.signIn(MAILBOX, await accessToken(emulator));
    for (const line of [`MAIL FROM:<${MAILBOX}>`, 'RCPT TO:<ann@example.com>']) await dialogue.say(line);
    emulator.faults.add({ stage: 'content', action: { kind: 'cut' } });
    dialogue.send(start);
    // Whatever was to happen without content has happened by the end of another session.
    const other = await Dialogue.open(emulator);
    await other.greet();
    await other.quit();
    expect(dialogue.isClosed).toBe(false);
    dialogue.send(some);
    const replies = [await dialogue.read()];
    while (replies.at(-1) !== '') replies.push(await dialogue.read());
    expect(replies.map((reply) => reply.slice(0, 3))).toEqual(told);
    expect(emulator.messages).toEqual([]);
    expect(emulator.faults.list()).toMatchObject([{ applied: 1 }]);
    dialogue.destroy();
  });

  it('ends with the connection where none of it comes', async () => {
    emulator.faults.add({ stage: 'content', action: { kind: 'cut' } });
    expect(await replyAt('data', await accessToken(emulator))).toMatch(/^354 /);
    await expect.poll(() => emulator.counters.connectionsOpen).toBe(0);
  });
});

describe('a reply with code 421', () => {
  it('ends the connection', async () => {
    emulator.faults.add({ stage: 'ehlo', action: { kind: 'reply', text: '421 4.3.2 Service not available' } });
    const dialogue = await Dialogue.open(emulator);
    await dialogue.read();
    expect(await dialogue.say('EHLO client.example')).toBe('421 4.3.2 Service not available');
    await dialogue.closed();
    dialogue.destroy();
  });
});

describe('at the token endpoint', () => {
  it.each([
    [{ kind: 'aadsts', code: 90033 }, 503, { error: 'temporarily_unavailable', error_codes: [90033] }],
    [{ kind: 'aadsts', code: 50196 }, 429, { error_codes: [50196] }],
    [{ kind: 'aadsts', code: 53003 }, 400, { error: 'invalid_grant', error_codes: [53003] }],
    [
      { kind: 'http', status: 502, headers: { 'content-type': 'text/html' }, body: '<html>Bad gateway</html>' },
      502,
      {},
    ],
  ] satisfies [FaultAction, number, object][])('%j is answered', async (action, status, json) => {
    emulator.faults.add({ stage: 'token', action, times: 1 });
    expect(await askToken(emulator)).toMatchObject({ status, json });
    expect((await askToken(emulator)).status).toBe(200);
  });

  it('the consent that administrators are told of is AADSTS65001', async () => {
    const { clientId } = emulator.defaults;
    emulator.faults.add({ stage: 'token', action: { kind: 'aadsts', code: 65001 } });
    const { status, json } = await askToken(emulator);
    expect(status).toBe(400);
    expect(json).toMatchObject({
      error: 'invalid_grant',
      error_codes: [65001],
      error_description: expect.stringContaining(
        `AADSTS65001: The user or administrator has not consented to use the application with ID '${clientId}' named 'Contoso notifications'. Send an interactive authorization request for this user and resource. Trace ID: `,
      ),
    });
  });

  it.each([
    ['an ordinary request', {}],
    ['a request that names nothing', { client_id: undefined, scope: undefined, grant_type: undefined }],
    ['a request with an assertion that is none', { client_secret: undefined, client_assertion: 'x.y.z' }],
  ] satisfies [string, TokenFields][])('every refusal of %s has the captured shape and no gap', async (_, fields) => {
    for (const [number, definition] of Object.entries(AADSTS)) {
      const code = Number(number);
      emulator.faults.add({ stage: 'token', action: { kind: 'aadsts', code }, times: 1 });
      const { status, json } = await askToken(emulator, fields);
      expect(status).toBe(statusOf(code as AadstsCode));
      const { body } = definition.errorUri === true ? CAPTURED_REPLIES.wrongSecret : CAPTURED_REPLIES.emptyClientId;
      const shape = shapeOf(json, {});
      expect(Object.keys(shape)).toEqual(Object.keys(body));
      const text = String(shape['error_description']);
      expect(text).toMatch(/^AADSTS\d+: \S.* Trace ID: \{guid\} Correlation ID: \{guid\} Timestamp: \{timestamp\}$/);
      expect(json['error_codes']).toEqual([code]);
      expect(gapsIn(text), text).toEqual([]);
    }
  });

  it('a text with a gap would be seen', () => {
    for (const text of [
      "app ''.",
      'named  was',
      'The scope  is',
      '{clientId} is',
      'from , expiry',
      '(undefined)',
      '()',
    ])
      expect(gapsIn(text)).not.toEqual([]);
  });

  it('a refusal names the values of the request that it answers', async () => {
    const told = async (code: number, fields: TokenFields, tenant: string): Promise<string> => {
      emulator.faults.add({ stage: 'token', action: { kind: 'aadsts', code }, times: 1 });
      return String((await askToken(emulator, fields, { tenant })).json['error_description']);
    };
    const { tenantId } = emulator.defaults;
    expect(await told(700016, { client_id: 'asked-for' }, 'contoso.example')).toContain(
      `Application with identifier 'asked-for' was not found in the directory '${tenantId}'.`,
    );
    expect(await told(90002, {}, 'fabrikam.example')).toContain("Tenant 'fabrikam.example' not found.");
    expect(await told(1002012, { scope: 'https://a.example/b' }, tenantId)).toContain(
      'scope https://a.example/b is not',
    );
    expect(await told(500011, { scope: 'https://a.example/.default' }, 'x.example')).toContain(
      'named https://a.example was not found in the tenant named x.example.',
    );
    expect(await told(70003, { grant_type: 'password' }, tenantId)).toContain("grant type 'password'");
    const claims = { iss: 'https://issuer.example/a', sub: 'somebody', aud: ['api://b'], nbf: 0, exp: 60 };
    const segments = [{ x5t: 'AQID' }, claims].map((value) => Buffer.from(JSON.stringify(value)).toString('base64url'));
    const client_assertion = `${segments.join('.')}.AAAA`;
    const fields = { client_secret: undefined, client_assertion };
    expect(await told(700027, fields, tenantId)).toContain("Thumbprint of key used by client: '010203'");
    expect(await told(700211, fields, tenantId)).toContain("issuer 'https://issuer.example/a'");
    expect(await told(700212, fields, tenantId)).toContain("audience 'api://b'");
    expect(await told(700213, fields, tenantId)).toContain("subject 'somebody'");
    expect(await told(700024, fields, tenantId)).toContain(
      'Current time: 2026-11-24T00:00:00.0000000Z, assertion valid from 1970-01-01T00:00:00.0000000Z, expiry time of assertion 1970-01-01T00:01:00.0000000Z.',
    );
  });

  it('any reply is sent as it is, whatever the writing of its headers', async () => {
    const headers = { 'Content-Length': '1', 'Content-Type': 'text/html', 'Retry-After': '5' };
    emulator.faults.add({ stage: 'token', action: { kind: 'http', status: 503, headers, body: '<p>later</p>' } });
    expect(await askToken(emulator)).toMatchObject({
      status: 503,
      text: '<p>later</p>',
      headers: { 'content-type': 'text/html', 'retry-after': '5' },
    });
  });

  it('throttling says how long to wait', async () => {
    emulator.faults.add({ stage: 'token', action: { kind: 'aadsts', code: 90055, retryAfterSeconds: 17 } });
    const answer = await askToken(emulator);
    expect(answer.status).toBe(429);
    expect(answer.headers['retry-after']).toBe('17');
  });

  it('a cut breaks the connection, a delay comes first, a hang waits for ever', async () => {
    emulator.faults.add({ stage: 'token', action: { kind: 'cut' }, times: 1 });
    await expect(askToken(emulator)).rejects.toThrow('socket hang up');
    emulator.faults.add({ stage: 'token', action: { kind: 'delay', ms: 5000 }, times: 1 });
    const timer = clock.nextTimer();
    const late = askToken(emulator);
    expect(await timer).toBe(5000);
    clock.advance(5000);
    expect((await late).status).toBe(200);
    emulator.faults.add({ stage: 'token', action: { kind: 'hang' }, times: 1 });
    const cancel = new AbortController();
    const never = askToken(emulator, {}, { signal: cancel.signal });
    await expect.poll(() => emulator.faults.list()[2]?.applied).toBe(1);
    cancel.abort();
    await expect(never).rejects.toThrow();
  });
});

describe('how often a fault happens', () => {
  async function statuses(fault: Omit<InjectedFault, 'stage' | 'action'>, count: number): Promise<number[]> {
    emulator.faults.add({ stage: 'token', action: { kind: 'aadsts', code: 90033 }, ...fault });
    const seen: number[] = [];
    for (let index = 0; index < count; index += 1) seen.push((await askToken(emulator)).status);
    return seen;
  }

  it('is a number of times after a number of cases that pass', async () => {
    expect(await statuses({ skip: 1, times: 2 }, 5)).toEqual([200, 503, 503, 200, 200]);
  });

  it('is a share of the cases by the given random, the same each time', async () => {
    const numbers = [0.1, 0.9, 0.29, 0.31, 0.3];
    // A token's lifetime takes a number too.
    const sequence = numbers.flatMap((number) => (number < 0.3 ? [number] : [number, 0.5]));
    random = () => sequence.shift() ?? 0.5;
    expect(await statuses({ share: 0.3 }, 5)).toEqual([503, 200, 503, 200, 200]);
  });

  it('can be limited to one mailbox', async () => {
    const token = await accessToken(emulator);
    emulator.faults.add({ stage: 'mail', action: { kind: 'reply', text: REPLY }, mailbox: 'other@contoso.example' });
    expect(await replyAt('mail', token)).toMatch(/^250/);
    emulator.faults.add({
      stage: 'mail',
      action: { kind: 'reply', text: REPLY },
      mailbox: 'Notifications@contoso.example',
    });
    expect(await replyAt('mail', token)).toBe(REPLY);
  });

  it('ends when the emulator does: a delay leaves no timer', async () => {
    emulator.faults.add({ stage: 'token', action: { kind: 'delay', ms: 5000 } });
    const timer = clock.nextTimer();
    const late = expect(askToken(emulator)).rejects.toThrow('socket hang up');
    await timer;
    await emulator.close();
    await late;
    await expect.poll(() => clock.pendingTimers).toBe(0);
  });

  it('ends when the fault is cleared, one or all', async () => {
    const id = emulator.faults.add({ stage: 'token', action: { kind: 'cut' } });
    emulator.faults.add({ stage: 'token', action: { kind: 'aadsts', code: 90033 } });
    expect(emulator.faults.clear(id)).toBe(1);
    expect((await askToken(emulator)).status).toBe(503);
    expect(emulator.faults.clear()).toBe(1);
    expect((await askToken(emulator)).status).toBe(200);
  });
});

describe('a fault that makes no sense is refused', () => {
  it.each([
    ['stage', { stage: 'nowhere', action: { kind: 'cut' } }],
    ['action.kind', { stage: 'mail', action: { kind: 'aadsts', code: 90033 } }],
    ['action.kind', { stage: 'token', action: { kind: 'reply', text: REPLY } }],
    ['action', { stage: 'mail' }],
    ['action', { stage: 'mail', action: 'cut' }],
    ['action.text', { stage: 'mail', action: { kind: 'reply', text: '451 two\r\n250 lines' } }],
    ['action.code', { stage: 'token', action: { kind: 'aadsts', code: 1 } }],
    ['action.code', { stage: 'token', action: { kind: 'aadsts', code: '90033' } }],
    ['action.ms', { stage: 'mail', action: { kind: 'delay' } }],
    ['action.ms', { stage: 'mail', action: { kind: 'delay', ms: 2 ** 31 } }],
    ['action.status', { stage: 'token', action: { kind: 'http', status: 700 } }],
    ['action.headers', { stage: 'token', action: { kind: 'http', status: 200, headers: { a: 'two\r\nlines' } } }],
    ['action.headers', { stage: 'token', action: { kind: 'http', status: 200, headers: { 'not a name': '' } } }],
    ['action.headers', { stage: 'token', action: { kind: 'http', status: 200, headers: { Trailer: 'a' } } }],
    ['action.body', { stage: 'token', action: { kind: 'http', status: 200, body: {} } }],
    ['times', { stage: 'mail', action: { kind: 'cut' }, times: -1 }],
    ['share', { stage: 'mail', action: { kind: 'cut' }, share: 2 }],
    ['tiems', { stage: 'mail', action: { kind: 'cut' }, tiems: 1 }],
    ['action.txt', { stage: 'mail', action: { kind: 'reply', text: REPLY, txt: REPLY } }],
    ['action.ms', { stage: 'mail', action: { kind: 'cut', ms: 1 } }],
    ['the top', null],
    ['the top', [{ stage: 'mail', action: { kind: 'cut' } }]],
  ])('for its %s: %j', (key, fault) => {
    const add = (): string => emulator.faults.add(fault as InjectedFault);
    expect(add).toThrow(EmulatorError);
    expect(add).toThrow(`wrong at ${key}:`);
  });
});

describe('every fault that came true', () => {
  it('is told as an event', async () => {
    const events: unknown[] = [];
    const own = await startEmulator({ onEvent: (event) => events.push(event) });
    const id = own.faults.add({ stage: 'token', action: { kind: 'http', status: 204 } });
    await ask(own, { method: 'POST', path: `/${own.defaults.tenantId}/oauth2/v2.0/token` });
    expect(events).toEqual([{ name: 'emulator.fault-applied', id, stage: 'token' }]);
    await own.close();
  });
});
