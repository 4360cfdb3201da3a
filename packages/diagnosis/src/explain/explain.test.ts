import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allFaults, explain } from '../index.ts';
import { CAUSE_CODES, causeOfCode, TELL_APART } from './causes.ts';
import { SIGNS } from './find-traces.ts';
import { pastedTexts } from './testing/pasted-texts.ts';

function topOf(text: string): string {
  return explain(text).causes[0]?.cause ?? '-';
}

/** What people paste is wrapped in what their programs make of it. */
const WRAPPINGS: readonly (readonly [name: string, wrap: (text: string) => string])[] = [
  ['as it is', (text) => text],
  ['in JSON', (text) => JSON.stringify({ level: 'error', message: text })],
  ['in JSON in JSON', (text) => JSON.stringify({ body: JSON.stringify({ error_description: text }) })],
  [
    'in HTML',
    (text) =>
      `<p>${text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll("'", '&#39;').replaceAll('<', '&lt;')}</p>`,
  ],
  ['in small letters', (text) => text.toLowerCase()],
  ['broken into short lines', (text) => text.replaceAll(' ', '\n    ')],
  ['with lines of Windows', (text) => `${text.replaceAll(' ', '  ')}\r\n`],
  ['with curly quotation marks', (text) => text.replaceAll("'", '’')],
  [
    'inside a log',
    (text) =>
      `2026-11-25 10:00:00 INFO starting\n2026-11-25 10:00:01 ERROR mail: ${text}\n2026-11-25 10:00:02 INFO waiting`,
  ],
  ['inside a translated sentence', (text) => `O envio falhou com o seguinte erro: ${text} Tente novamente mais tarde.`],
];

describe('explain', () => {
  it.each(WRAPPINGS)('names the cause first, with the text %s', (_name, wrap) => {
    const wrong = pastedTexts
      .filter(([cause, text]) => topOf(wrap(text)) !== cause)
      .map(([cause, text]) => `${cause}: ${topOf(wrap(text))}: ${text}`);
    expect(wrong).toEqual([]);
  });

  it('is not sure of two causes at once', () => {
    const doubtful = pastedTexts.filter(
      ([, text]) => explain(text).causes.filter(({ confidence }) => confidence >= 0.8).length > 1,
    );
    expect(doubtful).toEqual([]);
  });

  it('never is sure of a reply that names no reason', () => {
    for (const text of ['535 5.7.3 Authentication unsuccessful', 'curl: (67) Login denied', 'EAUTH', 'smtp error']) {
      expect(explain(text).causes[0]?.confidence ?? 0).toBeLessThan(0.8);
    }
  });

  it('says the check that would tell causes apart, and only where there is something to tell', () => {
    expect(explain('535 5.7.3 Authentication unsuccessful').tellApart).toBe(TELL_APART['auth-rejected']);
    expect(explain('AADSTS7000222: The provided client secret keys are expired.').tellApart).toBeUndefined();
  });

  it('takes the reason before what followed from it', () => {
    const { causes } = explain(
      'The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.',
    );
    expect(causes[0]?.cause).toBe('smtp-auth-disabled-tenant');
    expect(causes[0]?.confidence).toBeGreaterThan(0.9);
    expect(causes.find(({ cause }) => cause === 'client-not-authenticated')?.confidence ?? 0).toBeLessThan(0.5);
  });

  it('tells two faults of one log, each with its line', () => {
    const noise = Array.from({ length: 5000 }, (_, index) => `10:00:00 INFO request ${index} served in 5.7 ms`);
    const lines = [...noise];
    lines[1200] = '10:20:00 ERROR AADSTS7000222: The provided client secret keys for app are expired.';
    lines[4400] = '11:20:00 ERROR 432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded';
    const { causes, lines: read } = explain(lines.join('\n'));
    expect(read).toBe(5000);
    expect(causes.map(({ cause }) => cause).toSorted()).toEqual([
      'client-secret-expired',
      'throttled-concurrent-connections',
    ]);
    expect(new Set(causes.map(({ evidence }) => evidence[0]?.line))).toEqual(new Set([1201, 4401]));
  });

  it('counts how often the same stands there', () => {
    const text =
      '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.\n'.repeat(40);
    expect(explain(text).causes[0]?.evidence[0]?.times).toBe(40);
  });

  it('fills in the values of the reader, and else those of the text', () => {
    const text =
      "AADSTS700016: Application with identifier '8f0e7c52-1b1d-4c0a-a2a3-5f2b6d7e9c10' was not found in the directory 'contoso.com'.";
    expect(explain(text).causes[0]?.message).toContain('8f0e7c52-1b1d-4c0a-a2a3-5f2b6d7e9c10');
    const context = { clientId: '11111111-2222-4333-8444-555555555555' };
    expect(explain(text, { context }).causes[0]?.message).toContain(context.clientId);
  });

  it('reads a bounce message with its parts encoded', () => {
    const report = Buffer.from(
      'Diagnostic-Code: smtp;550 5.7.60 SMTP; Client does not have permissions to send as this sender\r\n',
    ).toString('base64');
    const bounce = `From: postmaster@example.com\r\nContent-Transfer-Encoding: base64\r\n\r\n${report}\r\n`;
    expect(topOf(bounce)).toBe('send-as-denied');
    const folded =
      'Content-Transfer-Encoding: quoted-printable\r\n\r\n550 5.1.8 Access denied, bad outb=\r\nound sender\r\n';
    expect(topOf(folded)).toBe('sender-blocked-outbound-spam');
  });

  it('never shows what may be a secret', () => {
    const token = `eyJ${'a1B2'.repeat(20)}.eyJ${'c3D4'.repeat(20)}.${'e5F6'.repeat(10)}`;
    const texts = [
      `Authorization: Bearer ${token} 535 5.7.3 Authentication unsuccessful`,
      `client_secret=Sup3r~Secret.Value123 AADSTS7000215: Invalid client secret provided`,
      `{"client_secret":"Sup3r~Secret.Value123","error":"AADSTS7000215: Invalid client secret"}`,
      `AUTH PLAIN AHVzZXIAU3VwM3J+U2VjcmV0LlZhbHVlMTIz 504 5.7.4 Unrecognized authentication type`,
    ];
    for (const text of texts) {
      const shown = JSON.stringify(explain(text));
      expect(shown).not.toMatch(/a1B2a1B2|Sup3r|U3VwM3J/);
      expect(explain(text).causes.length).toBeGreaterThan(0);
    }
  });

  it('takes any text whatever', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 2000 }),
          fc.json(),
          fc.stringMatching(/^[A-Z0-9 .:\\"'{}=-]{0,400}$/),
        ),
        (text) => {
          const { causes } = explain(text);
          for (const { confidence, evidence, remedy } of causes) {
            expect(confidence).toBeGreaterThanOrEqual(0.3);
            expect(confidence).toBeLessThan(1);
            expect(evidence.length).toBeGreaterThan(0);
            expect(remedy.steps.length).toBeGreaterThan(0);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('the time that explain takes', () => {
  const parts = [
    'a',
    '\\',
    'AADSTS',
    '5.7.',
    'eyJ',
    '{"a":"',
    'proxy ',
    'lookup ',
    'tenant ',
    'resource principal named ',
    '535 5.7.3 ',
    'certificate is valid for ',
    'application ',
    '=',
    '&#',
    "'",
    'http 4',
  ];

  /** Of the processor, so that what else runs on the machine does not count; the best of three. */
  function processorMs(run: () => void): number {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 3; round += 1) {
      const begun = process.cpuUsage();
      run();
      const { user, system } = process.cpuUsage(begun);
      best = Math.min(best, (user + system) / 1000);
    }
    return best;
  }

  /** Four times as long a text takes four times as long; with a time that grows with the square it were sixteen. */
  function growsTooFast(run: (text: string) => void, text: string): boolean {
    const quarter = text.slice(0, Math.ceil(text.length / 4));
    return processorMs(() => run(text)) > 30 + 9 * processorMs(() => run(quarter));
  }

  it.each(parts)('grows with the length of a text of %j, and no faster', (part) => {
    expect(growsTooFast(explain, part.repeat(Math.ceil(400_000 / part.length)))).toBe(false);
  });

  it('would be seen to grow faster, as that of a pattern that looks back does', () => {
    const looksBack = (text: string): void => void /\\+u[0-9a-f]{4}/.test(text);
    expect(growsTooFast(looksBack, '\\'.repeat(16_000))).toBe(true);
  });

  it('does not grow beyond the two megabytes that are read', () => {
    const { isCut, causes } = explain(
      `${'x'.repeat(3_000_000)}\nAADSTS7000222: The provided client secret keys are expired.`,
    );
    expect(isCut).toBe(true);
    expect(causes[0]?.cause).toBe('client-secret-expired');
  });
});

describe('the tables', () => {
  it('explain each cause by faults that exist', () => {
    const known = new Set<string>(allFaults.map(({ code }) => code));
    expect(CAUSE_CODES.filter((code) => !known.has(code))).toEqual([]);
  });

  it('lead each sign to a cause', () => {
    expect(SIGNS.filter(({ code }) => causeOfCode(code) === undefined)).toEqual([]);
  });

  it('name a check only for causes that exist', () => {
    const causes = new Set(CAUSE_CODES.map((code) => causeOfCode(code)));
    expect(Object.keys(TELL_APART).filter((cause) => !causes.has(cause))).toEqual([]);
  });
});

const collection = join(import.meta.dirname, '../../../../../shared/diagnosis/cases.jsonl');

describe.skipIf(!existsSync(collection))('the collection of real texts', () => {
  interface Case {
    readonly id: string;
    readonly text: string;
    readonly cause: string;
  }
  const cases = existsSync(collection)
    ? readFileSync(collection, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Case)
    : [];

  it('is explained: the right cause first in 97 of 100, among the first three in all, and no sure answer is wrong', () => {
    const results = cases.map(({ id, text, cause }) => ({ id, cause, causes: explain(text).causes }));
    const first = results.filter(({ cause, causes }) => causes[0]?.cause === cause);
    expect(first.length / results.length).toBeGreaterThanOrEqual(0.97);
    expect(results.filter(({ cause, causes }) => !causes.slice(0, 3).some((each) => each.cause === cause))).toEqual([]);
    expect(
      results.filter(({ cause, causes: [top] }) => top !== undefined && top.confidence >= 0.8 && top.cause !== cause),
    ).toEqual([]);
  });
});
