import { describe, expect, it } from 'vitest';
import { appAndTenantRules } from './faults/app-and-tenant.ts';
import { clientCredentialRules } from './faults/client-credential.ts';
import { deliveryRules } from './faults/delivery.ts';
import { signInRules } from './faults/sign-in.ts';
import { submissionRules } from './faults/submission.ts';
import { tokenRequestRules } from './faults/token-request.ts';
import { tokenServiceRules } from './faults/token-service.ts';
import { BASIC_AUTH_TIMELINE, basicAuthOutlook, causeOf, EXCHANGE_ONLINE_LIMITS, microsoft365Faults } from './index.ts';

const definitions = Object.entries(microsoft365Faults.definitions);
const tokenRules = [...appAndTenantRules, ...tokenRequestRules, ...tokenServiceRules, ...clientCredentialRules];
const smtpRules = [...signInRules, ...deliveryRules, ...submissionRules];

/** Names that `valuesOf` and the explanation fill in. */
const KNOWN_VALUES =
  /^(?:aadsts|tenant|clientId|mailbox|fromAddress|server|endpoint|loginHost|smtpHost|graphHost|what|status|scope|audience|tokenTenant|tokenApp|tokenEnd|psMailbox|psFrom|psClientId|psObjectId)$/;

describe('the catalogue', () => {
  it.each(definitions)('%s says what, why, what to do, where that is known from and when it was read', (_, fault) => {
    expect(fault.title.length).toBeLessThan(60);
    expect(fault.title).not.toMatch(/\.$|\{/);
    expect(fault.message).toMatch(/\.$/);
    expect(fault.cause).toMatch(/\.$/);
    expect(fault.remedy.steps.length).toBeGreaterThan(0);
    expect(fault.source).toBeTruthy();
    expect(fault.read).toMatch(/^\d{4}-\d\d-\d\d$/);
  });

  it('names only values that are filled in', () => {
    const texts = definitions.flatMap(([, { message, cause, remedy }]) => [
      message,
      cause,
      ...remedy.steps,
      remedy.command ?? '',
    ]);
    const names = texts.flatMap((text) => [...text.matchAll(/\{([^}]*)\}/g)].map((match) => match[1] ?? ''));
    expect(names.filter((name) => !KNOWN_VALUES.test(name))).toEqual([]);
  });

  it('puts addresses into commands only in their quoted form', () => {
    const commands = definitions.flatMap(([, { remedy }]) => [...remedy.steps, remedy.command ?? '']);
    const cmdlets = commands.filter((text) => /\b(?:Set|Add|New|Get)-[A-Z][A-Za-z]+ -/.test(text));
    expect(cmdlets.length).toBeGreaterThan(5);
    for (const text of cmdlets) expect(text).not.toMatch(/-(?:Identity|User|Trustee|AppId|ObjectId) \{(?!ps)/);
  });

  it('has a cause for each code', () => {
    expect(Object.keys(causeOf).toSorted()).toEqual(definitions.map(([code]) => code).toSorted());
    for (const cause of Object.values(causeOf)) expect(cause).toMatch(/^[a-z0-9-]+$/);
  });

  it('holds no rule that an earlier one always hides', () => {
    const hidden = smtpRules.filter((rule, index) =>
      smtpRules
        .slice(0, index)
        .some(
          (earlier) =>
            (earlier.phrase === undefined || earlier.phrase === rule.phrase) &&
            rule.replies.every((reply) => earlier.replies.includes(reply)) &&
            rule.stages.every((stage) => earlier.stages.includes(stage)),
        ),
    );
    expect(hidden).toEqual([]);
    const first = new Map<number, number>();
    tokenRules.forEach((rule, index) => {
      for (const code of rule.aadsts) if (rule.phrase === undefined && !first.has(code)) first.set(code, index);
    });
    const late = tokenRules.filter((rule, index) => rule.aadsts.every((code) => (first.get(code) ?? index) < index));
    expect(late).toEqual([]);
  });

  it('has a rule, or a reason to have none, for every code', () => {
    const ruled = new Set<string>([...tokenRules, ...smtpRules].map((rule) => rule.fault));
    // What Graph refuses is judged by its own error codes and by HTTP status (graph/graph-client.ts).
    const without = definitions
      .map(([code]) => code)
      .filter((code) => !ruled.has(code) && !code.startsWith('M365_GRAPH_'));
    expect(without.toSorted()).toEqual([
      'M365_ACS_SIGN_IN_REFUSED', // by host
      'M365_MAILBOX_NOT_GRANTED', // by the claims of the token, from here on
      'M365_NO_EXCHANGE_ONLINE', // by what the set-up finds
      'M365_PASSWORD_REFUSED',
      'M365_SMTP_ROLE_ABSENT',
      'M365_TOKEN_AUDIENCE_WRONG',
      'M365_TOKEN_EXPIRED',
      'M365_TOKEN_OF_OTHER_APP',
      'M365_TOKEN_OF_OTHER_TENANT',
      'M365_TOKEN_OF_PERSON',
      'M365_TOKEN_WITHOUT_ROLE',
    ]);
  });
});

describe('the dated tables', () => {
  it('holds the limits that senders are measured by', () => {
    const values = Object.fromEntries(
      Object.entries(EXCHANGE_ONLINE_LIMITS).map(([name, limit]) => [name, limit.value]),
    );
    expect(values).toMatchObject({
      connectionsPerMailbox: 3,
      messagesPerMinute: 30,
      recipientsPerDay: 10_000,
      recipientsPerMessageDefault: 500,
      recipientsPerMessageMost: 1000,
      announcedSizeBytes: 150 * 1024 * 1024,
    });
  });

  it('tells what holds for passwords on a day and what comes next', () => {
    expect(BASIC_AUTH_TIMELINE.map(({ from }) => from)).toEqual(BASIC_AUTH_TIMELINE.map(({ from }) => from).toSorted());
    expect(basicAuthOutlook(Date.UTC(2025, 0, 1)).now).toBeUndefined();
    expect(basicAuthOutlook(Date.UTC(2026, 10, 24)).now?.when).toBe('until December 2026');
    expect(basicAuthOutlook(Date.UTC(2026, 11, 31)).now?.when).toBe('end of December 2026');
    expect(basicAuthOutlook(Date.UTC(2030, 0, 1)).next).toBeUndefined();
  });
});
