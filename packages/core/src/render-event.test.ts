import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  defineFaults,
  evidenceLine,
  faultLines,
  levelOf,
  renderJson,
  renderText,
  type Evidence,
  type Fault,
  type PostbearerEvent,
} from './index.ts';

const faults = defineFaults({
  OAUTH_EXAMPLE: {
    title: 'Invalid client secret',
    message: 'The secret of {app} is wrong.',
    cause: 'The id of the secret was pasted in place of its value.',
    remedy: { steps: ['Make a new secret.', 'Put its value into the settings.'], command: 'postbearer verify' },
    next: 'needs-person',
  },
  SMTP_EXAMPLE: {
    title: 'Try later',
    message: 'The server asks to try later.',
    cause: 'It is busy.',
    remedy: { steps: ['Wait.'] },
    next: 'retry',
  },
});
const wrongSecret = faults.make('OAUTH_EXAMPLE', { app: 'notifier' });
const tryLater = faults.make('SMTP_EXAMPLE');
const notAccepted = (outcome: 'deferred' | 'refused' | 'uncertain', fault: Fault): PostbearerEvent => ({
  name: 'message.not-accepted',
  messageId: '<1@example.com>',
  recipient: 'user@example.com',
  outcome,
  fault,
});

const events = {
  acquired: {
    name: 'token.acquired',
    endpoint: 'https://login.example/token',
    clientId: 'app',
    scope: 's',
    expiresAt: 1,
  },
  tokenFailed: { name: 'token.failed', endpoint: 'https://login.example/token', clientId: 'app', fault: wrongSecret },
  connected: { name: 'smtp.connected', connection: '1', host: 'smtp.example', port: 587, tls: 'TLSv1.3' },
  connectedInClear: { name: 'smtp.connected', connection: '1', host: 'smtp.example', port: 25 },
  authenticated: {
    name: 'smtp.authenticated',
    connection: '1',
    host: 'smtp.example',
    mailbox: 'a@example.com',
    mechanism: 'XOAUTH2',
  },
  refused: {
    name: 'smtp.authentication-failed',
    host: 'smtp.example',
    mailbox: 'a@example.com',
    mechanism: 'XOAUTH2',
    fault: wrongSecret,
  },
  dialogue: { name: 'smtp.dialogue', connection: '1', from: 'client', text: 'EHLO me' },
  closed: { name: 'smtp.closed', connection: '1', host: 'smtp.example', messages: 1 },
  accepted: { name: 'message.accepted', messageId: '<1@example.com>', recipient: 'user@example.com', reply: '250 OK' },
  later: notAccepted('deferred', tryLater),
  held: notAccepted('deferred', wrongSecret),
  bounced: notAccepted('refused', wrongSecret),
  perhaps: notAccepted('uncertain', tryLater),
  disabled: { name: 'mail.disabled', fault: tryLater },
  warning: { name: 'settings.warning', fault: tryLater },
  queued: {
    name: 'message.queued',
    id: '01m',
    messageId: '<1@example.com>',
    app: 'scanner',
    lane: 'default/a@example.com',
    origin: 'smtp 192.0.2.7',
    recipients: 2,
    sizeBytes: 9,
  },
  settled: {
    name: 'message.settled',
    id: '01m',
    messageId: '<1@example.com>',
    app: 'scanner',
    lane: 'default/a@example.com',
    state: 'expired',
    faultCode: 'SMTP_CONNECT_TIMEOUT',
    ageMs: 5,
  },
  enrolled: { name: 'app.enrolled', app: 'copier', address: '10.1.2.7', network: '10.1.2.0/24' },
  submissionRefused: { name: 'submission.refused', origin: 'smtp 192.0.2.7', fault: tryLater },
  laneHeld: { name: 'lane.held', lane: 'default/a@example.com', sender: '', fault: wrongSecret },
  senderReleased: { name: 'lane.released', lane: 'default/a@example.com', sender: 'b@example.com' },
  listening: { name: 'service.listening', host: '127.0.0.1', port: 25, security: 'plain' },
} as const satisfies Readonly<Record<string, PostbearerEvent>>;

describe('the first line of an event', () => {
  it.each<[keyof typeof events, string]>([
    ['acquired', '[Information] Successfully acquired OAuth token for SMTP authentication'],
    ['tokenFailed', '[Error] Failed to acquire OAuth token: Invalid client secret'],
    ['refused', '[Error] SMTP authentication failed'],
    ['accepted', '[Information] Email sent successfully to: user@example.com'],
    ['connected', '[Debug] Connected to smtp.example:587 (TLSv1.3) as connection 1'],
    ['connectedInClear', '[Debug] Connected to smtp.example:25 (not encrypted) as connection 1'],
    ['authenticated', '[Debug] Signed in to smtp.example as a@example.com with XOAUTH2'],
    ['dialogue', '[Debug] 1 C: EHLO me'],
    ['closed', '[Debug] Closed connection 1 to smtp.example after 1 message'],
    ['later', '[Warning] Email not sent now to: user@example.com'],
    ['held', '[Error] Email not sent to: user@example.com'],
    ['bounced', '[Error] Email refused for: user@example.com'],
    ['perhaps', '[Error] Email perhaps sent to: user@example.com'],
    ['disabled', '[Warning] Email is disabled: nothing was sent'],
    ['warning', '[Warning] The server asks to try later.'],
    ['queued', '[Information] Queued <1@example.com> as 01m for 2 recipients, from scanner (smtp 192.0.2.7)'],
    ['settled', '[Error] Message 01m is expired (SMTP_CONNECT_TIMEOUT)'],
    ['enrolled', '[Warning] Learnt copier: it called in from 10.1.2.7, which is in 10.1.2.0/24'],
    ['submissionRefused', '[Warning] Refused mail from an unknown sender (smtp 192.0.2.7): Try later'],
    [
      'laneHeld',
      '[Error] Holding the lane default/a@example.com: Invalid client secret. Mail is kept and goes out once this is mended',
    ],
    ['senderReleased', '[Information] No longer holding mail from b@example.com in the lane default/a@example.com'],
    ['listening', '[Information] Listening on 127.0.0.1:25 (plain)'],
  ])('%s: %s', (name, line) => {
    expect(renderText(events[name]).split('\n')[0]).toBe(line);
  });
});

describe('the text form', () => {
  it('goes on with cause, steps and command of the fault, indented', () => {
    expect(renderText(events.tokenFailed)).toBe(
      [
        '[Error] Failed to acquire OAuth token: Invalid client secret',
        '    OAUTH_EXAMPLE: The secret of notifier is wrong.',
        '    Cause: The id of the secret was pasted in place of its value.',
        '    Next 1: Make a new secret.',
        '    Next 2: Put its value into the settings.',
        '    Run: postbearer verify',
      ].join('\n'),
    );
  });

  it('only names a fault that was told in full just before', () => {
    const told = { ...notAccepted('refused', wrongSecret), toldBefore: true } as PostbearerEvent;
    expect(renderText(told).split('\n')).toEqual([
      '[Error] Email refused for: user@example.com',
      '    OAUTH_EXAMPLE: The secret of notifier is wrong.',
    ]);
  });

  it.each<[Evidence, string | undefined]>([
    [
      { kind: 'smtp', stage: 'auth', host: 'smtp.example', code: 535, enhanced: '5.7.3', lines: ['no', 'really'] },
      'smtp.example said: 535 5.7.3 no really',
    ],
    [{ kind: 'smtp', stage: 'final', host: 'smtp.example', code: 0, lines: [] }, undefined],
    [
      {
        kind: 'token',
        endpoint: 'https://e/t',
        status: 401,
        error: 'e',
        errorDescription: 'AADSTS7000215: no',
        errorCodes: [],
      },
      'https://e/t said: HTTP 401 AADSTS7000215: no',
    ],
    [{ kind: 'token', endpoint: 'https://e/t', status: 502, errorCodes: [] }, 'https://e/t said: HTTP 502'],
    [{ kind: 'token', endpoint: 'https://e/t', errorCodes: [] }, undefined],
    [
      { kind: 'network', host: 'h', port: 587, errorCode: 'ECONNREFUSED', detail: 'nobody listens' },
      'h:587: nobody listens (ECONNREFUSED)',
    ],
    [{ kind: 'network', host: 'h', port: 587, detail: 'cut' }, 'h:587: cut'],
    [{ kind: 'settings', key: 'smtp.port', file: 'a.json', line: 7 }, 'Setting: smtp.port in a.json:7'],
    [{ kind: 'settings', key: 'EMAIL_SERVER' }, 'Setting: EMAIL_SERVER'],
  ])('says what the other side said: %j', (evidence, line) => {
    expect(evidenceLine({ ...tryLater, evidence })).toBe(line);
  });

  it('has no line about evidence where there is none', () => {
    expect(faultLines(tryLater)).toEqual([
      'SMTP_EXAMPLE: The server asks to try later.',
      'Cause: It is busy.',
      'Next: Wait.',
    ]);
  });
});

describe('the JSON form', () => {
  it('is one record with time, level, event, sentence and the same facts', () => {
    expect(JSON.parse(renderJson(events.accepted, Date.UTC(2026, 10, 24)))).toEqual({
      time: '2026-11-24T00:00:00.000Z',
      level: 'Information',
      event: 'message.accepted',
      message: 'Email sent successfully to: user@example.com',
      messageId: '<1@example.com>',
      recipient: 'user@example.com',
      reply: '250 OK',
    });
  });

  it('keeps the whole fault as fields of the one record', () => {
    const record = JSON.parse(renderJson(events.tokenFailed, 0)) as { fault: Fault };
    expect(record.fault).toEqual(wrongSecret);
  });
});

/** Every text field of every event, filled with `text`. */
function filledWith(text: string): PostbearerEvent[] {
  const fill = (value: unknown, key: string): unknown => {
    if (typeof value === 'string')
      return ['name', 'kind', 'outcome', 'next', 'from', 'stage'].includes(key) ? value : text;
    if (Array.isArray(value)) return value.map((item) => fill(item, ''));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fill(item, name)]));
  };
  const evidence: Evidence[] = [
    {
      kind: 'smtp',
      stage: 'auth',
      host: '',
      code: 535,
      enhanced: '',
      lines: Array.from({ length: 40 }, () => ''),
      challenge: '',
    },
    { kind: 'token', endpoint: '', error: '', errorDescription: '', errorCodes: [1], excerpt: '', traceId: '' },
    { kind: 'network', host: '', port: 1, errorCode: '', detail: '' },
    { kind: 'settings', key: '', file: '' },
  ];
  const all = Object.values<PostbearerEvent>(events).flatMap((event): PostbearerEvent[] =>
    'fault' in event ? evidence.map((each) => ({ ...event, fault: { ...event.fault, evidence: each } })) : [event],
  );
  return all.map((event) => fill(event, '') as PostbearerEvent);
}

// oxlint-disable-next-line no-control-regex -- control characters are what must not be there
const BREAKS_A_LINE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/;

describe('foreign bytes', () => {
  const hostile = [
    'a\r\n[Information] Email sent successfully to: evil@example.net',
    '\u001b[2J\u001b[H',
    'x\u2028[Error] forged\u2029\u0085',
    '\u202eevil',
    '\u0000\u0007\u007f',
    '\ud800',
    '"}\n{"level":"Fatal"',
  ];

  it.each(hostile)('do not begin a line in any field of any event: %j', (text) => {
    for (const event of filledWith(text)) {
      const lines = renderText(event).split('\n');
      expect(lines[0]).toMatch(/^\[(?:Debug|Information|Warning|Error)\] /);
      for (const line of lines.slice(1)) expect(line).toMatch(/^ {4}/);
      for (const line of lines) expect(line).not.toMatch(BREAKS_A_LINE);
      const record = renderJson(event, 0);
      expect(record).not.toMatch(BREAKS_A_LINE);
      expect(JSON.parse(record)).toMatchObject({ level: levelOf(event), event: event.name });
    }
  });

  it.each(['x'.repeat(1_000_000), '\u2028'.repeat(1_000_000), '世'.repeat(1_000_000), '"'.repeat(1_000_000)])(
    'of 1 MB make a record of at most 8 kB: %#',
    (text) => {
      for (const event of filledWith(text)) {
        const record = renderJson(event, 0);
        expect(Buffer.byteLength(record)).toBeLessThanOrEqual(8192);
        expect(JSON.parse(record)).toMatchObject({ event: event.name });
      }
    },
  );

  it('would begin a line if they were written as they came', () => {
    const naive = (recipient: string): string => `[Information] Email sent successfully to: ${recipient}`;
    expect(naive(hostile[0] ?? '').split('\n')).toHaveLength(2);
  });

  it('stay on one line whatever they are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        for (const event of filledWith(text)) {
          expect(
            renderText(event)
              .split('\n')
              .every((line) => !BREAKS_A_LINE.test(line)),
          ).toBe(true);
          expect(BREAKS_A_LINE.test(renderJson(event, 0))).toBe(false);
        }
      }),
    );
  });
});
