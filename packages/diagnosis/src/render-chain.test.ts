import { defineFaults, type Fault } from '@postbearer/core';
import { describe, expect, it } from 'vitest';
import {
  CHECK_NAMES,
  CHECK_TITLES,
  renderChain,
  type ChainReport,
  type CheckName,
  type CheckResult,
  type CheckStatus,
} from './index.ts';

const faults = defineFaults({
  M365_EXAMPLE: {
    title: 'Invalid client secret',
    message: 'Microsoft Entra does not accept the client secret.',
    cause: 'The Secret ID was copied in place of its Value.',
    remedy: {
      steps: ['Create a new client secret in the app registration.', 'Copy its Value.'],
      command: 'Set-Something -Identity notifications@contoso.com -WithAVeryLongParameterName $true -AndAnother $false',
    },
    next: 'fix-configuration',
  },
  SMTP_EXAMPLE: {
    title: 'No answer in time',
    message: 'Nothing came.',
    cause: 'A firewall.',
    remedy: { steps: ['Open port 587.'] },
    next: 'retry',
  },
});

const broken = faults.make(
  'M365_EXAMPLE',
  {},
  {
    evidence: {
      kind: 'token',
      endpoint: 'https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token',
      status: 401,
      errorDescription: 'AADSTS7000215: Invalid client secret provided.',
      errorCodes: [7000215],
    },
  },
);

const FOUND: Readonly<Record<CheckName, [number, string]>> = {
  settings: [0.4, 'Global-variables.json: STARTTLS, OAuth'],
  'name-resolution': [12.3, '52.97.1.2 and 3 more'],
  tcp: [34, 'smtp.office365.com:587'],
  'smtp-greeting': [30, '220 ready'],
  starttls: [81, 'TLSv1.3'],
  certificate: [0.2, 'DigiCert, until 2027-03-01'],
  capabilities: [29, 'AUTH LOGIN XOAUTH2, SIZE 157286400'],
  token: [1234, 'valid for 60 minutes'],
  'token-claims': [0.1, 'SMTP.SendAsApp'],
  auth: [212, 'XOAUTH2'],
  sender: [33, 'notifications@contoso.com'],
};

function reportOf(changes: Partial<Record<CheckName, [CheckStatus, Fault?]>> = {}): ChainReport {
  const results = CHECK_NAMES.map((name): CheckResult => {
    const [status, fault] = changes[name] ?? ['passed'];
    const [durationMs, found] = FOUND[name];
    const detail = status === 'not-reached' ? 'not reached' : (fault?.title ?? found);
    const result = { name, title: CHECK_TITLES[name], status, durationMs, detail };
    return fault === undefined ? result : Object.assign(result, { fault });
  });
  const firstBroken = results.find(({ status }) => status === 'failed');
  return {
    upstream: 'default',
    mailbox: 'notifications@contoso.com',
    server: 'smtp.office365.com:587',
    results,
    ok: firstBroken === undefined,
    ...(firstBroken === undefined ? {} : { firstBroken }),
    totalMs: 1480,
  };
}

const BROKEN = reportOf({
  token: ['failed', broken],
  'token-claims': ['not-reached'],
  auth: ['not-reached'],
  sender: ['not-reached'],
});

describe('the picture', () => {
  it('shows a chain that holds', () => {
    expect(renderChain(reportOf(), { color: false, width: 80, unicode: true })).toBe(
      `notifications@contoso.com → smtp.office365.com:587 (upstream default)

 ✔ Settings            <1 ms   Global-variables.json: STARTTLS, OAuth
 ├─╮ to the server
 │ ✔ Name              12 ms   52.97.1.2 and 3 more
 │ ✔ TCP connection    34 ms   smtp.office365.com:587
 │ ✔ SMTP greeting     30 ms   220 ready
 │ ✔ Encryption        81 ms   TLSv1.3
 │ ✔ Certificate       <1 ms   DigiCert, until 2027-03-01
 │ ✔ Capabilities      29 ms   AUTH LOGIN XOAUTH2, SIZE 157286400
 ├─╮ to a token
 │ ✔ Token             1.2 s   valid for 60 minutes
 │ ✔ Token claims      <1 ms   SMTP.SendAsApp
 ├─╯
 ✔ Sign-in            212 ms   XOAUTH2
 ✔ Sender              33 ms   notifications@contoso.com

The chain holds; nothing was sent (1.5 s).`,
    );
  });

  it('points at the first broken link and says cause and remedy, in ASCII and at 60 columns', () => {
    expect(renderChain(BROKEN, { color: false, width: 60, unicode: false })).toBe(
      `notifications@contoso.com -> smtp.office365.com:587 (upst...

 ok Settings            <1 ms   Global-variables.json: ST...
 +-. to the server
 | ok Name              12 ms   52.97.1.2 and 3 more
 | ok TCP connection    34 ms   smtp.office365.com:587
 | ok SMTP greeting     30 ms   220 ready
 | ok Encryption        81 ms   TLSv1.3
 | ok Certificate       <1 ms   DigiCert, until 2027-03-01
 | ok Capabilities      29 ms   AUTH LOGIN XOAUTH2, SIZE ...
 +-. to a token
 | X  Token             1.2 s   Invalid client secret
 | \`-> the chain breaks here
 | .  Token claims              not reached
 +-'
 .  Sign-in                     not reached
 .  Sender                      not reached

Token failed: Invalid client secret
  Microsoft Entra does not accept the client secret.
  (M365_EXAMPLE)
  https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token
  said: HTTP 401 AADSTS7000215: Invalid client secret
  provided.
  Cause: The Secret ID was copied in place of its Value.
  1. Create a new client secret in the app registration.
  2. Copy its Value.
  Run:
    Set-Something -Identity notifications@contoso.com -WithAVeryLongParameterName $true -AndAnother $false

The chain is broken; nothing was sent (1.5 s).`,
    );
  });

  it('has the same text with and without colour', () => {
    const plain = renderChain(BROKEN, { color: false, width: 80, unicode: true });
    const coloured = renderChain(BROKEN, { color: true, width: 80, unicode: true });
    expect(coloured).not.toBe(plain);
    // oxlint-disable-next-line no-control-regex -- the escape character begins a colour
    expect(coloured.replaceAll(/\u001b\[[\d;]*m/g, '')).toBe(plain);
  });

  it('tells every status apart by its mark alone', () => {
    for (const unicode of [true, false]) {
      const picture = renderChain(
        reportOf({
          settings: ['warning'],
          tcp: ['failed', broken],
          'smtp-greeting': ['not-reached'],
          token: ['skipped'],
        }),
        { color: false, width: 80, unicode },
      );
      const lines = picture.split('\n');
      const marks = ['Settings', 'Name', 'TCP connection', 'SMTP greeting', 'Token'].map(
        (title) =>
          /^[ |│]*(?<mark>\S+)/.exec(lines.find((line) => line.includes(` ${title} `)) ?? '')?.groups?.['mark'],
      );
      expect(new Set(marks).size).toBe(5);
    }
  });

  it('tells a broken second strand as well, and a warning once', () => {
    const second = faults.make('SMTP_EXAMPLE');
    const picture = renderChain(reportOf({ tcp: ['failed', second], token: ['failed', broken] }), {
      color: false,
      width: 100,
      unicode: true,
    });
    expect(picture).toContain('TCP connection failed: No answer in time');
    expect(picture).toContain('Token failed as well: Invalid client secret');
    expect(picture.match(/the chain breaks here/g)).toHaveLength(1);

    const same = renderChain(reportOf({ 'token-claims': ['warning', broken], auth: ['failed', broken] }), {
      color: false,
      width: 100,
      unicode: true,
    });
    expect(same.match(/M365_EXAMPLE/g)).toHaveLength(1);

    const warned = renderChain(reportOf({ 'token-claims': ['warning', broken] }), {
      color: false,
      width: 100,
      unicode: true,
    });
    expect(warned).toContain('Token claims, a warning: Invalid client secret');
    expect(warned).toContain('The chain holds, with 1 warning; nothing was sent');
  });

  it('lets no foreign text break a line or steer the terminal', () => {
    const report = reportOf();
    const evil = 'evil\r\n ✔ Sign-in\u001b[2Jx';
    const picture = renderChain(
      {
        ...report,
        mailbox: evil,
        results: report.results.map((result) => Object.assign({}, result, { detail: evil })),
      },
      { color: false, width: 200, unicode: true },
    );
    expect(picture.split('\n')).toHaveLength(
      renderChain(report, { color: false, width: 200, unicode: true }).split('\n').length,
    );
    expect(picture).not.toContain('\u001b');
  });
});
