import { defineFaults, type Fault, type SmtpEvidence, type SmtpStage, type TokenEvidence } from '@postbearer/core';
import type { TokenClaims } from '@postbearer/oauth';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainFault, type Microsoft365Context } from './index.ts';
import { SEEN_SMTP_REPLIES, SEEN_TOKEN_REPLIES } from './testing/seen-replies.ts';

const TENANT = '12345678-1234-1234-1234-123456789012';
const CLIENT = '0a0b0c0d-1111-4111-8111-222222222222';
const OBJECT = '99999999-8888-4777-8666-555555555555';
const ENDPOINT = `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`;
const CONTEXT: Microsoft365Context = {
  tenant: TENANT,
  clientId: CLIENT,
  mailbox: 'notifications@contoso.com',
  fromAddress: 'sales@contoso.com',
  server: 'smtp.office365.com',
};
const GOOD_CLAIMS: TokenClaims = {
  aud: 'https://outlook.office365.com',
  roles: ['SMTP.SendAsApp'],
  appid: CLIENT,
  tid: TENANT,
  oid: OBJECT,
  exp: 1_800_000_000,
};

const lower = defineFaults({
  SMTP_TEST: { title: 'Said no', message: 'No.', cause: 'Unknown.', remedy: { steps: ['Look.'] }, next: 'give-up' },
  SMTP_TEST_UNCERTAIN: { title: 'Broke', message: '?', cause: '?', remedy: { steps: ['?'] }, next: 'uncertain' },
  OAUTH_TEST: { title: 'Said no', message: 'No.', cause: 'Unknown.', remedy: { steps: ['Look.'] }, next: 'give-up' },
});

function smtpEvidence(stage: SmtpStage, reply: string, host = 'smtp.office365.com'): SmtpEvidence {
  const match = /^(?<code>\d{3})(?: (?<enhanced>\d\.\d{1,3}\.\d{1,3}))?(?: (?<text>.*))?$/s.exec(reply)?.groups;
  const enhanced = match?.['enhanced'];
  return {
    kind: 'smtp',
    stage,
    host,
    code: Number(match?.['code']),
    ...(enhanced === undefined ? {} : { enhanced }),
    lines: [match?.['text'] ?? ''],
  };
}

function tokenEvidence(description: string, endpoint = ENDPOINT): TokenEvidence {
  return {
    kind: 'token',
    endpoint,
    status: 400,
    error: 'invalid_client',
    errorDescription: description,
    errorCodes: [...description.matchAll(/\bAADSTS(\d+)/g)].map((match) => Number(match[1])),
  };
}

function smtpFault(stage: SmtpStage, reply: string, host?: string): Fault {
  return lower.make('SMTP_TEST', {}, { during: 'sending', evidence: smtpEvidence(stage, reply, host) });
}

function tokenFault(description: string, endpoint?: string): Fault {
  return lower.make('OAUTH_TEST', {}, { evidence: tokenEvidence(description, endpoint) });
}

describe('replies that were really seen', () => {
  it.each(SEEN_TOKEN_REPLIES)('$fault: $description', ({ description, fault }) => {
    expect(explainFault(tokenFault(description), CONTEXT).code).toBe(fault);
  });

  it.each(SEEN_SMTP_REPLIES)('$fault: $stage $reply', ({ stage, reply, fault }) => {
    expect(explainFault(smtpFault(stage, reply), CONTEXT).code).toBe(fault);
  });

  it('leaves no value of a remedy open when the context is whole', () => {
    const whole = { ...CONTEXT, claims: GOOD_CLAIMS };
    const faults = [
      ...SEEN_TOKEN_REPLIES.map(({ description }) => explainFault(tokenFault(description), whole)),
      ...SEEN_SMTP_REPLIES.map(({ stage, reply }) => explainFault(smtpFault(stage, reply), whole)),
    ];
    const text = faults
      .map(({ message, cause, remedy }) => [message, cause, remedy.steps, remedy.command ?? ''])
      .flat(2);
    // The one that stays open on purpose: the wanted tenant is not the one in the settings.
    const open = text.join('\n').replaceAll('<Directory (tenant) ID>', '').replaceAll('<your organization>', '');
    expect(open).not.toMatch(/<[A-Za-z]+>/);
  });
});

describe('a number or a word found somewhere decides nothing', () => {
  const bait = '500 7000222 AADSTS90033 disabled for the Tenant SendAsDenied security defaults';
  const unknownNumber = lower.make(
    'OAUTH_TEST',
    {},
    {
      evidence: { ...tokenEvidence(`AADSTS123456789: ${bait}`), errorCodes: [123_456_789] },
    },
  );

  it.each([
    [
      'the trace id holds the number of a transient fault',
      tokenFault('AADSTS65001: Not consented. Trace ID: 90033-50033'),
      'M365_CONSENT_MISSING',
    ],
    [
      'the app is named like another fault',
      tokenFault("AADSTS700016: Application 'AADS-TS7000222 expired' was not found"),
      'M365_APP_NOT_FOUND',
    ],
    [
      'the words of an expired secret come under another number',
      tokenFault('AADSTS7000215: the client secret keys are expired'),
      'M365_CLIENT_SECRET_WRONG',
    ],
    ['an unknown number', unknownNumber, 'OAUTH_TEST'],
    ['no number at all', tokenFault('Invalid client secret provided. Client secret expired.'), 'OAUTH_TEST'],
    [
      'the words of a disabled tenant at another stage',
      smtpFault('final', '535 5.7.139 SmtpClientAuthentication is disabled for the Tenant'),
      'SMTP_TEST',
    ],
    [
      'the words of a disabled tenant under another number',
      smtpFault('auth', '535 5.7.8 SmtpClientAuthentication is disabled for the Tenant'),
      'SMTP_TEST',
    ],
    [
      '5.7.139 with a reason nobody knows',
      smtpFault('auth', `535 5.7.139 Authentication unsuccessful, tenant mailbox ${bait}`),
      'SMTP_TEST',
    ],
    [
      'half of a phrase',
      smtpFault('auth', '535 5.7.139 SmtpClientAuthentication is disabled for the Tenants'),
      'SMTP_TEST',
    ],
    ['432 4.3.2 with neither owner', smtpFault('final', '432 4.3.2 please come back'), 'SMTP_TEST'],
    ['a queue id that holds a code', smtpFault('final', '451 4.1.1 queue 554 5.2.252 SendAsDenied'), 'SMTP_TEST'],
  ])('%s', (_, reported, expected) => {
    expect(explainFault(reported, CONTEXT).code).toBe(expected);
  });

  it('is caught in a naive reader that looks for numbers in the text', () => {
    const consent = tokenFault('AADSTS65001: Not consented. Trace ID: 5500-65001');
    // The control: a reader that takes 500 in the text for a server's fault would try again for ever.
    const text = consent.evidence?.kind === 'token' ? consent.evidence.errorDescription : undefined;
    expect(text?.includes('500')).toBe(true);
    expect(explainFault(consent, CONTEXT).next).toBe('needs-person');
  });
});

describe('whose words they are', () => {
  const refusal = '535 5.7.139 Authentication unsuccessful, basic authentication is disabled.';

  it.each([
    ['smtp.office365.com', {}, true],
    ['SMTP.Office365.COM', {}, true],
    ['smtp.partner.outlook.cn', {}, true],
    ['contoso-com.mail.protection.outlook.com', {}, true],
    ['127.0.0.1', {}, true],
    ['localhost', {}, true],
    ['smtp.example.com', {}, false],
    ['smtp.office365.com.example.net', {}, false],
    ['notoffice365.com', {}, false],
    ['emulator', { tenant: 'contoso.com' }, true],
  ])('reads %s with %o as Exchange Online: %s', (host, context, isMicrosoft) => {
    const explained = explainFault(smtpFault('auth', refusal, host), context);
    expect(explained.code).toBe(isMicrosoft ? 'M365_BASIC_AUTH_DISABLED' : 'SMTP_TEST');
  });

  it.each([
    ['https://login.microsoftonline.us/contoso.us/oauth2/v2.0/token', true],
    ['http://127.0.0.1:8080/token', true],
    ['https://contoso.ciamlogin.com/contoso.com/oauth2/v2.0/token', true],
    ['https://accounts.example.com/token', false],
  ])('reads %s as Entra: %s', (endpoint, isMicrosoft) => {
    const explained = explainFault(tokenFault('AADSTS7000222: expired', endpoint), {});
    expect(explained.code).toBe(isMicrosoft ? 'M365_CLIENT_SECRET_EXPIRED' : 'OAUTH_TEST');
  });

  it('explains Azure Communication Services by itself, not as Exchange Online', () => {
    const explained = explainFault(
      smtpFault('auth', '535 5.7.3 Authentication unsuccessful', 'smtp.azurecomm.net'),
      CONTEXT,
    );
    expect(explained.code).toBe('M365_ACS_SIGN_IN_REFUSED');
  });
});

describe('535 5.7.3 gives no reason, so the token is asked', () => {
  const refused = smtpFault(
    'auth',
    '535 5.7.3 Authentication unsuccessful [VI1PR0902CA0036.eurprd09.prod.outlook.com]',
  );

  it.each<[string, Microsoft365Context, string]>([
    ['no token and no app: a password', { mailbox: 'a@contoso.com' }, 'M365_PASSWORD_REFUSED'],
    ['claims unknown', CONTEXT, 'M365_SIGN_IN_REFUSED'],
    ['everything right', { ...CONTEXT, claims: GOOD_CLAIMS }, 'M365_MAILBOX_NOT_GRANTED'],
    [
      'everything right, tenant as a domain',
      { ...CONTEXT, tenant: 'contoso.com', claims: GOOD_CLAIMS },
      'M365_MAILBOX_NOT_GRANTED',
    ],
    [
      'audience as the ID of Exchange Online',
      { ...CONTEXT, claims: { ...GOOD_CLAIMS, aud: ['00000002-0000-0ff1-ce00-000000000000'] } },
      'M365_MAILBOX_NOT_GRANTED',
    ],
    ['no roles', { ...CONTEXT, claims: { ...GOOD_CLAIMS, roles: [] } }, 'M365_TOKEN_WITHOUT_ROLE'],
    ['another role only', { ...CONTEXT, claims: { ...GOOD_CLAIMS, roles: ['Mail.Send'] } }, 'M365_TOKEN_WITHOUT_ROLE'],
    [
      'audience of Graph',
      { ...CONTEXT, claims: { ...GOOD_CLAIMS, aud: ['https://graph.microsoft.com'] } },
      'M365_TOKEN_AUDIENCE_WRONG',
    ],
    ['another tenant', { ...CONTEXT, claims: { ...GOOD_CLAIMS, tid: OBJECT } }, 'M365_TOKEN_OF_OTHER_TENANT'],
    ['another app', { ...CONTEXT, claims: { ...GOOD_CLAIMS, appid: OBJECT } }, 'M365_TOKEN_OF_OTHER_APP'],
    ['a person', { ...CONTEXT, claims: { ...GOOD_CLAIMS, scp: 'SMTP.Send' } }, 'M365_TOKEN_OF_PERSON'],
    ['past its end', { ...CONTEXT, claims: GOOD_CLAIMS, now: 1_800_000_000_000 }, 'M365_TOKEN_EXPIRED'],
    [
      'a millisecond before its end',
      { ...CONTEXT, claims: GOOD_CLAIMS, now: 1_799_999_999_999 },
      'M365_MAILBOX_NOT_GRANTED',
    ],
  ])('%s', (_, context, expected) => {
    expect(explainFault(refused, context).code).toBe(expected);
  });

  it('orders what is left and fills in the object ID that the token itself tells', () => {
    const fault = explainFault(refused, { ...CONTEXT, claims: GOOD_CLAIMS });
    expect(fault.remedy.command).toBe(
      `New-ServicePrincipal -AppId ${CLIENT} -ObjectId ${OBJECT}; Add-MailboxPermission -Identity notifications@contoso.com -User ${OBJECT} -AccessRights FullAccess`,
    );
    const order = ['Get-ServicePrincipal', 'New-ServicePrincipal', 'Add-MailboxPermission', 'smtp.username', 'Wait'];
    const places = order.map((word) => fault.remedy.steps.findIndex((step) => step.includes(word)));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places).not.toContain(-1);
  });

  it('does not call a token without roles wrong: it names both ways of authorisation', () => {
    const fault = explainFault(refused, { ...CONTEXT, claims: { ...GOOD_CLAIMS, roles: [] } });
    expect(fault.cause).toContain('RBAC for Applications');
    expect(fault.remedy.steps.join(' ')).toContain('Application SMTP.SendAsApp');
  });
});

describe('what is kept', () => {
  it('keeps evidence, what was being done and how long to wait, and says what was reported', () => {
    const reported = { ...smtpFault('final', '432 4.3.2 Concurrent connections limit exceeded.'), retryAfterMs: 5000 };
    const fault = explainFault(reported, CONTEXT);
    expect(fault).toMatchObject({ reported: 'SMTP_TEST', during: 'sending', retryAfterMs: 5000, next: 'retry' });
    expect(fault.evidence).toBe(reported.evidence);
  });

  it('gives back the same fault when nothing more is known, and when it is explained already', () => {
    const unknown = smtpFault('final', '554 5.9.9 no');
    expect(explainFault(unknown, CONTEXT)).toBe(unknown);
    const explained = explainFault(smtpFault('final', '554 5.2.252 SendAsDenied'), CONTEXT);
    expect(explainFault(explained, CONTEXT)).toBe(explained);
    const bare = lower.make('SMTP_TEST');
    expect(explainFault(bare, CONTEXT)).toBe(bare);
  });

  it('is total: whatever was said, the fault is the same one or a Microsoft one that names it', () => {
    const stages = ['connect', 'greeting', 'auth', 'mail', 'rcpt', 'final', 'quit'] as const;
    const words = SEEN_SMTP_REPLIES.flatMap(({ reply }) => reply.split(' '));
    const line = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom(...words)).map((parts) => parts.join(' ')),
    );
    const smtp = fc.record({
      kind: fc.constant('smtp' as const),
      stage: fc.constantFrom(...stages),
      host: fc.constantFrom('smtp.office365.com', 'smtp.example.com', ''),
      code: fc.constantFrom(0, 421, 430, 432, 451, 530, 535, 550, 554),
      enhanced: fc.constantFrom('5.7.139', '5.7.3', '5.2.0', '5.2.2', '4.3.2', '5.2.252', '9.9.9'),
      lines: fc.array(line, { maxLength: 4 }),
    });
    fc.assert(
      fc.property(smtp, (evidence) => {
        const reported = lower.make('SMTP_TEST', {}, { evidence });
        const explained = explainFault(reported, CONTEXT);
        if (explained === reported) return true;
        return (
          explained.code.startsWith('M365_') && explained.reported === 'SMTP_TEST' && explained.evidence === evidence
        );
      }),
      { numRuns: 5000 },
    );
  });

  it('never makes an uncertain outcome certain', () => {
    const uncertain = lower.make(
      'SMTP_TEST_UNCERTAIN',
      {},
      { evidence: smtpEvidence('final', '554 5.2.252 SendAsDenied') },
    );
    expect(explainFault(uncertain, CONTEXT)).toBe(uncertain);
  });
});

describe('words that administrators search for', () => {
  it('keeps the titles of the guide', () => {
    expect(explainFault(tokenFault('AADSTS7000215: Invalid client secret provided.'), CONTEXT).title).toBe(
      'Invalid client secret',
    );
    expect(explainFault(tokenFault('AADSTS7000222: expired.'), CONTEXT).title).toBe('Client secret expired');
  });

  it('recommends the one mailbox first and the organization second', () => {
    const fault = explainFault(
      smtpFault('auth', '535 5.7.139 x, SmtpClientAuthentication is disabled for the Tenant.'),
      CONTEXT,
    );
    expect(fault.remedy.command).toBe(
      'Set-CASMailbox -Identity notifications@contoso.com -SmtpClientAuthenticationDisabled $false',
    );
    expect(fault.remedy.steps.findIndex((step) => step.includes('Set-TransportConfig'))).toBeGreaterThan(0);
  });

  it('tells Graph from the token endpoint: insufficient privileges concern whoever does the set-up', () => {
    const evidence: TokenEvidence = {
      ...tokenEvidence('Insufficient privileges to complete the operation.'),
      error: 'Authorization_RequestDenied',
    };
    const fault = explainFault(lower.make('OAUTH_TEST', {}, { evidence }), CONTEXT);
    expect(fault.code).toBe('M365_GRAPH_PERMISSION_MISSING');
  });

  it('names the sender that was denied, which need not be that of the settings', () => {
    const seen = SEEN_SMTP_REPLIES.find(({ reply }) => reply.startsWith('554 5.2.252'))?.reply ?? '';
    const context = { ...CONTEXT, fromAddress: 'notifications@contoso.com' };
    const named = explainFault(smtpFault('final', seen), context);
    expect(named.message).toBe('Exchange Online does not let notifications@contoso.com send as sales@contoso.com.');
    expect(named.remedy.command).toContain('-Identity sales@contoso.com ');
    const older = explainFault(
      smtpFault('final', '550 5.7.60 SMTP; Client does not have permissions to send as this sender'),
      context,
    );
    expect(older.message).toBe('Exchange Online does not let notifications@contoso.com send as <fromAddress>.');
  });

  it('never makes a second command out of a value', () => {
    const context = { ...CONTEXT, mailbox: "x' ; Remove-Mailbox y #", claims: GOOD_CLAIMS };
    const fault = explainFault(
      smtpFault('auth', '535 5.7.139 x, SmtpClientAuthentication is disabled for the Mailbox.'),
      context,
    );
    expect(fault.remedy.command).toBe(
      "Set-CASMailbox -Identity 'x'' ; Remove-Mailbox y #' -SmtpClientAuthenticationDisabled $false",
    );
  });
});
