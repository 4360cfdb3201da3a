import { tmpdir } from 'node:os';
import { stripVTControlCharacters } from 'node:util';
import type { ServiceStatus } from '@postbearer/server';
import { describe, expect, it } from 'vitest';
import { redrawn } from './redraw.ts';
import { presentStatus } from './status.ts';
import { presentTrace } from './trace.ts';
import type { Terminal } from '../terminal.ts';

const LONG = 'a-mailbox-with-a-very-long-name-indeed@a-domain-with-a-long-name.example.com';
const NOW = Date.UTC(2026, 10, 24, 12);
const fault = {
  code: 'M365_CLIENT_SECRET_EXPIRED',
  title: 'Client secret expired',
  message: 'The client secret ended.',
  cause: 'It ends on the day that was chosen.',
  remedy: { steps: ['Make a new one.'] },
  next: 'needs-person',
} as const;
const held = { lane: `default/${LONG}`, sender: '', kind: 'fault', fault, since: NOW, isProbeAsked: false } as const;
const status: ServiceStatus = {
  isRunning: true,
  states: {},
  lanes: [
    {
      lane: 'default/a@example.com',
      queued: 4600,
      leased: 3,
      oldestReadyAt: NOW - 3_900_000,
      holds: [],
      drainsAt: NOW + 9_120_000,
      pace: { connections: 3, messagesPerMinute: 30, recipientsPerDay: 10_000 },
    },
    { lane: held.lane, queued: 2, leased: 0, holds: [held, { ...held, sender: 'b@example.com' }] },
  ],
  stuck: [{ state: 'deferred', faultCode: 'SMTP_BUSY', lane: 'default/a@example.com', count: 7 }],
  today: { accepted: 12_345, delivered: 12_000, refused: 3, deferred: 8 },
  service: {
    version: '1.2.3',
    node: 'mail-1',
    startedAt: NOW - 90_000_000,
    tokens: [{ upstream: 'default', state: 'valid', acquiredAt: NOW, expiresAt: NOW + 3_540_000 }],
    listeners: ['0.0.0.0:2525 (starttls)'],
    relaySessions: 2,
    upstreamConnections: { 'smtp.office365.com': 3 },
    database: { kind: 'sqlite', isUp: true, since: NOW },
    disk: { folder: '/var/lib/postbearer', freeBytes: 52_100_000_000, isNearlyFull: false },
    webhooks: [{ name: 'ops', waiting: 3, parked: 1, reason: 'It answered HTTP 500.' }],
    logDropped: 118,
  },
};

function terminalOf(changes: Partial<Terminal> = {}): Terminal & { readonly written: () => string } {
  let out = '';
  return {
    environment: {},
    workingFolder: tmpdir(),
    isTerminal: false,
    width: 80,
    out: (text) => void (out += text),
    err: (text) => void (out += text),
    readInput: () => Promise.resolve(new Uint8Array()),
    inputBlocks: async function* none() {},
    drained: () => Promise.resolve(),
    style: (_style, text) => text,
    signal: new AbortController().signal,
    hasLostOutput: () => false,
    written: () => out,
    ...changes,
  };
}

describe('the screen', () => {
  it('says all of it, and what to do about each fault once', () => {
    const text = presentStatus(status, terminalOf(), NOW);
    for (const line of [
      'Postbearer 1.2.3 runs on node mail-1 for 1 d 1 h, since 2026-11-23 11:00:00 UTC',
      'Takes mail  0.0.0.0:2525 (starttls); 2 sessions',
      'Sends       smtp.office365.com: 3 open',
      'Token       default: until 2026-11-24 12:59:00 UTC (59 min)',
      'Database    sqlite; 52.1 GB free in /var/lib/postbearer',
      'Webhook     ops: 3 waiting, 1 set aside (It answered HTTP 500.)',
      'Log         118 records were lost',
      'Today       12,345 accepted, 12,000 delivered, 3 refused, 8 deferred',
    ])
      expect(text.split('\n')).toContain(line);
    expect(text).toMatch(/^default\/a@example\.com +4,600 +3 +1 h 5 min +30\/min +drains at 14:32 UTC$/m);
    expect(text).toMatch(/held \(M365_CLIENT_SECRET_EXPIRED\), b@example\.com held/);
    expect(text.match(/✗ Client secret expired/g)).toHaveLength(1);
    expect(text).toMatch(/^deferred +SMTP_BUSY +default\/a@example\.com +7$/m);
  });

  it('lets no text from elsewhere steer the terminal', () => {
    const hostile = { ...status, lanes: [], service: { ...status.service, listeners: ['\u001b[2J'] } } as ServiceStatus;
    expect(presentStatus(hostile, terminalOf(), NOW)).not.toContain('\u001b');
    const event = {
      name: 'smtp.dialogue',
      connection: 's1',
      from: 'client',
      text: '\u001b[2J\r\n250 forged',
      client: '\u001b[H',
    } as const;
    expect(presentTrace({ at: NOW, event }, terminalOf())).toMatch(/^\P{Cc}+\n$/u);
  });
});

describe('watching', () => {
  it('draws over what it drew, and no line is wider than a narrow terminal', () => {
    const text = presentStatus(status, terminalOf({ isTerminal: true, width: 30 }), NOW);
    const drawn = redrawn(text, 30);
    expect(drawn.startsWith('\u001b[H')).toBe(true);
    expect(drawn.endsWith('\u001b[J')).toBe(true);
    for (const line of drawn.split('\n')) expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(30);
    expect(drawn).toContain('Postbearer 1.2.3 runs on node…\u001b[K\n');
    // What was longer before is wiped out.
    expect(drawn.split('\u001b[K')).toHaveLength(text.trimEnd().split('\n').length + 1);
  });
});
