/**
 * The plan of what has to be true in Exchange Online, for both of Microsoft's ways.
 *
 * The rules of this file:
 * - SMTP AUTH is switched on for the mailboxes that send, and for the organization only where that is asked for: Microsoft advises
 *   to keep it off there;
 * - Send As is asked for only for addresses that are not the mailbox itself.
 *
 * Sources: learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
 * and smtp-app-rbac-onboarding (read 2026-11-25).
 */
import type { ExchangePlan, ExchangeStep } from '@postbearer/core';

/** A mailbox that sends. */
export interface SendingMailbox {
  readonly mailbox: string;
  /** Other addresses that are sent as through it. */
  readonly from?: readonly string[];
}

/** What a plan is made from. */
export interface ExchangePlanInput {
  /** `mailbox-permission` where left out. */
  readonly model?: ExchangePlan['model'];
  /** Application (client) ID. */
  readonly appId: string;
  /** Object ID of the enterprise application: what Entra lists under Enterprise applications, not under App registrations. */
  readonly objectId: string;
  readonly displayName: string;
  readonly mailboxes: readonly SendingMailbox[];
  /** Switches SMTP AUTH on for the whole organization in place of the mailboxes. */
  readonly organization?: boolean;
  /** The mail-enabled security group of `application-rbac`; `Postbearer senders` where left out. */
  readonly group?: string;
}

const GROUP = 'Postbearer senders';
const SCOPE = 'Postbearer mailboxes';
const ASSIGNMENT = 'Postbearer SMTP';

function sameAddress(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function sendAsSteps({ mailboxes, objectId }: ExchangePlanInput): ExchangeStep[] {
  const addresses = mailboxes.flatMap(({ mailbox, from = [] }) =>
    from.filter((address) => !sameAddress(address, mailbox)),
  );
  return [...new Set(addresses)].map((address) => ({ kind: 'grant-send-as', address, objectId }));
}

function permissionSteps(input: ExchangePlanInput): ExchangeStep[] {
  return input.mailboxes.map(({ mailbox }) => ({ kind: 'grant-mailbox', mailbox, objectId: input.objectId }));
}

function roleSteps({ appId, mailboxes, group = GROUP }: ExchangePlanInput): ExchangeStep[] {
  return [
    { kind: 'group-mailboxes', group, mailboxes: mailboxes.map(({ mailbox }) => mailbox) },
    { kind: 'limit-to-group', scope: SCOPE, group },
    { kind: 'assign-role', assignment: ASSIGNMENT, appId, scope: SCOPE },
  ];
}

/**
 * Plans what has to be true so that an app may send through these mailboxes.
 *
 * @example
 * ```ts
 * import { planExchange } from '@postbearer/microsoft365';
 *
 * const plan = planExchange({
 *   appId: '8f0e7c52-1b1d-4c0a-a2a3-5f2b6d7e9c10',
 *   objectId: '11111111-2222-4333-8444-555555555555',
 *   displayName: 'Postbearer',
 *   mailboxes: [{ mailbox: 'notifications@contoso.com', from: ['support@contoso.com'] }],
 * });
 * plan.steps.map(({ kind }) => kind);
 * // => ['register-service-principal', 'grant-mailbox', 'grant-send-as', 'enable-smtp-auth']
 * ```
 */
export function planExchange(input: ExchangePlanInput): ExchangePlan {
  const { model = 'mailbox-permission', appId, objectId, displayName, mailboxes, organization = false } = input;
  const smtpAuth: readonly ExchangeStep[] = organization
    ? [{ kind: 'enable-smtp-auth-for-organization' }]
    : mailboxes.map(({ mailbox }) => ({ kind: 'enable-smtp-auth', mailbox }));
  return {
    model,
    steps: [
      { kind: 'register-service-principal', appId, objectId, displayName },
      ...(model === 'application-rbac' ? roleSteps(input) : permissionSteps(input)),
      ...sendAsSteps(input),
      ...smtpAuth,
    ],
  };
}
