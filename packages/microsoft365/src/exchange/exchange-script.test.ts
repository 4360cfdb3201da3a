import { describe, expect, it } from 'vitest';
import { planExchange, renderExchangeScript } from '../index.ts';

const APP = '8f0e7c52-1b1d-4c0a-a2a3-5f2b6d7e9c10';
const OBJECT = '11111111-2222-4333-8444-555555555555';

function planFor(
  mailbox: string,
  model: 'mailbox-permission' | 'application-rbac' = 'mailbox-permission',
  organization = false,
) {
  return planExchange({
    model,
    organization,
    appId: APP,
    objectId: OBJECT,
    displayName: 'Postbearer',
    mailboxes: [{ mailbox }],
  });
}

function scriptFor(mailbox: string, model?: 'mailbox-permission' | 'application-rbac'): string {
  const script = renderExchangeScript(planFor(mailbox, model));
  if (!script.ok) throw new Error(script.fault.message);
  return script.value;
}

describe('the plan for Exchange Online', () => {
  it('switches SMTP AUTH on for the mailbox, and for the organization only where asked', () => {
    expect(planFor('a@contoso.com').steps.at(-1)).toEqual({ kind: 'enable-smtp-auth', mailbox: 'a@contoso.com' });
    expect(planFor('a@contoso.com', 'mailbox-permission', true).steps.at(-1)).toEqual({
      kind: 'enable-smtp-auth-for-organization',
    });
  });

  it('asks for no permission on the mailbox under RBAC for Applications', () => {
    const kinds = planFor('a@contoso.com', 'application-rbac').steps.map(({ kind }) => kind);
    expect(kinds).toEqual([
      'register-service-principal',
      'group-mailboxes',
      'limit-to-group',
      'assign-role',
      'enable-smtp-auth',
    ]);
  });

  it('asks for Send As only for addresses that are not the mailbox', () => {
    const mailboxes = [{ mailbox: 'a@contoso.com', from: ['A@contoso.com', 'b@contoso.com', 'b@contoso.com'] }];
    const { steps } = planExchange({ appId: APP, objectId: OBJECT, displayName: 'x', mailboxes });
    expect(steps.filter(({ kind }) => kind === 'grant-send-as')).toEqual([
      { kind: 'grant-send-as', address: 'b@contoso.com', objectId: OBJECT },
    ]);
  });
});

describe('the script for Exchange Online', () => {
  it('only looks where no mode is given', () => {
    expect(scriptFor('a@contoso.com')).toContain("[string] $Mode = 'Check'");
  });

  it.each(['mailbox-permission', 'application-rbac'] as const)(
    'names app and enterprise application in each step of %s',
    (model) => {
      const text = scriptFor('a@contoso.com', model);
      expect(text).toContain(`New-ServicePrincipal -AppId '${APP}' -ObjectId '${OBJECT}'`);
      expect(text.includes('Add-MailboxPermission')).toBe(model === 'mailbox-permission');
      expect(text.includes("-Role 'Application SMTP.SendAsApp'")).toBe(model === 'application-rbac');
    },
  );

  it('never lets a value become a command', () => {
    const nasty = "x'); Remove-Mailbox -Identity 'y";
    const text = scriptFor(nasty);
    // Between doubled quotation marks everything is one value.
    expect(text).toContain("-Identity 'x''); Remove-Mailbox -Identity ''y'");
    expect(text.replaceAll(/'(?:[^']|'')*'/g, '')).not.toContain('Remove-Mailbox -Identity');
  });

  it('refuses a value that cannot stand on one line', () => {
    const script = renderExchangeScript(planFor('a@contoso.com\r\nRemove-Mailbox x'));
    expect(script.ok ? 'made' : script.fault.code).toBe('M365_SCRIPT_VALUE_UNUSABLE');
  });

  it('has lines as Windows has them', () => {
    expect(scriptFor('a@contoso.com').replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  });
});
