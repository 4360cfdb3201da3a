/**
 * The PowerShell script that an Exchange administrator runs, rendered from a plan.
 *
 * The rules of this file:
 * - without a mode the script only looks: nothing is changed by running it;
 * - each step asks first whether it is true already, so the script may be run as often as one likes, and goes on where it was broken off;
 * - every value stands in single quotes with quotation marks doubled, so none can become a command; a value that cannot be shown on one
 *   line is refused;
 * - undoing takes back what this script may have made, in the opposite order; a mailbox then follows the organization again.
 *
 * Cmdlets: learn.microsoft.com/powershell/module/exchange (read 2026-11-25).
 */
import { failure, success, type ExchangePlan, type ExchangeStep, type Result } from '@postbearer/core';
import { exchangeScriptFaults } from './faults.ts';
import { quotedArgument } from '../powershell.ts';

/** The three blocks of a step, and the sentence that it is listed with. */
interface RenderedStep {
  readonly name: string;
  /** Gives `$true` where it is true already. */
  readonly test: string;
  readonly apply: string;
  readonly undo: string;
}

type Quote = (value: string) => string;

function registered(
  { appId, objectId, displayName }: ExchangeStep & { kind: 'register-service-principal' },
  q: Quote,
): RenderedStep {
  return {
    name: `Exchange knows the app ${appId} by the Object ID of its enterprise application`,
    test: `@(Get-ServicePrincipal | Where-Object { $_.AppId -eq ${q(appId)} -and $_.ObjectId -eq ${q(objectId)} }).Count -gt 0`,
    apply: [
      '# An entry with another Object ID (mostly that of the app registration) makes every sign-in fail.',
      `Get-ServicePrincipal | Where-Object { $_.AppId -eq ${q(appId)} } | ForEach-Object { Remove-ServicePrincipal -Identity $_.ObjectId -Confirm:$false }`,
      `New-ServicePrincipal -AppId ${q(appId)} -ObjectId ${q(objectId)} -DisplayName ${q(displayName)} | Out-Null`,
    ].join('\n      '),
    undo: `Remove-ServicePrincipal -Identity ${q(objectId)} -Confirm:$false`,
  };
}

function granted({ mailbox, objectId }: ExchangeStep & { kind: 'grant-mailbox' }, q: Quote): RenderedStep {
  return {
    name: `the app may open the mailbox ${mailbox}`,
    test: `@(Get-MailboxPermission -Identity ${q(mailbox)} -User ${q(objectId)} -ErrorAction SilentlyContinue | Where-Object { $_.AccessRights -contains 'FullAccess' -and -not $_.Deny }).Count -gt 0`,
    apply: `Add-MailboxPermission -Identity ${q(mailbox)} -User ${q(objectId)} -AccessRights FullAccess -AutoMapping $false -Confirm:$false | Out-Null`,
    undo: `Remove-MailboxPermission -Identity ${q(mailbox)} -User ${q(objectId)} -AccessRights FullAccess -Confirm:$false`,
  };
}

function sendAs({ address, objectId }: ExchangeStep & { kind: 'grant-send-as' }, q: Quote): RenderedStep {
  return {
    name: `the app may send as ${address}`,
    test: `@(Get-RecipientPermission -Identity ${q(address)} -Trustee ${q(objectId)} -ErrorAction SilentlyContinue | Where-Object { $_.AccessRights -contains 'SendAs' }).Count -gt 0`,
    apply: `Add-RecipientPermission -Identity ${q(address)} -Trustee ${q(objectId)} -AccessRights SendAs -Confirm:$false | Out-Null`,
    undo: `Remove-RecipientPermission -Identity ${q(address)} -Trustee ${q(objectId)} -AccessRights SendAs -Confirm:$false`,
  };
}

function grouped({ group, mailboxes }: ExchangeStep & { kind: 'group-mailboxes' }, q: Quote): RenderedStep {
  const list = `@(${mailboxes.map((mailbox) => q(mailbox)).join(', ')})`;
  const missing = `${list} | Where-Object { $_ -notin @(Get-DistributionGroupMember -Identity ${q(group)} -ResultSize Unlimited | ForEach-Object { $_.PrimarySmtpAddress }) }`;
  return {
    name: `the group ${group} holds ${mailboxes.join(', ')}`,
    test: `(Get-DistributionGroup -Identity ${q(group)} -ErrorAction SilentlyContinue) -and @(${missing}).Count -eq 0`,
    apply: [
      `if (-not (Get-DistributionGroup -Identity ${q(group)} -ErrorAction SilentlyContinue)) { New-DistributionGroup -Name ${q(group)} -Type Security | Out-Null }`,
      `${missing} | ForEach-Object { Add-DistributionGroupMember -Identity ${q(group)} -Member $_ -Confirm:$false }`,
    ].join('\n      '),
    undo: `Remove-DistributionGroup -Identity ${q(group)} -Confirm:$false`,
  };
}

function limited({ scope, group }: ExchangeStep & { kind: 'limit-to-group' }, q: Quote): RenderedStep {
  return {
    name: `the scope ${scope} is the members of ${group}`,
    test: `$null -ne (Get-ManagementScope -Identity ${q(scope)} -ErrorAction SilentlyContinue)`,
    apply: [
      `$Group = (Get-DistributionGroup -Identity ${q(group)}).DistinguishedName.Replace("'", "''")`,
      `New-ManagementScope -Name ${q(scope)} -RecipientRestrictionFilter "MemberOfGroup -eq '$Group'" | Out-Null`,
    ].join('\n      '),
    undo: `Remove-ManagementScope -Identity ${q(scope)} -Confirm:$false`,
  };
}

function assigned({ assignment, appId, scope }: ExchangeStep & { kind: 'assign-role' }, q: Quote): RenderedStep {
  return {
    name: `the app has the role Application SMTP.SendAsApp within ${scope}`,
    test: `$null -ne (Get-ManagementRoleAssignment -Identity ${q(assignment)} -ErrorAction SilentlyContinue)`,
    apply: `New-ManagementRoleAssignment -Name ${q(assignment)} -Role 'Application SMTP.SendAsApp' -App ${q(appId)} -CustomResourceScope ${q(scope)} | Out-Null`,
    undo: `Remove-ManagementRoleAssignment -Identity ${q(assignment)} -Confirm:$false`,
  };
}

function smtpAuth({ mailbox }: ExchangeStep & { kind: 'enable-smtp-auth' }, q: Quote): RenderedStep {
  return {
    name: `SMTP AUTH is on for ${mailbox}`,
    test: `(Get-CASMailbox -Identity ${q(mailbox)}).SmtpClientAuthenticationDisabled -eq $false`,
    apply: `Set-CASMailbox -Identity ${q(mailbox)} -SmtpClientAuthenticationDisabled $false`,
    undo: `Set-CASMailbox -Identity ${q(mailbox)} -SmtpClientAuthenticationDisabled $null`,
  };
}

const SMTP_AUTH_FOR_ALL: RenderedStep = {
  name: 'SMTP AUTH is on for the organization',
  test: '(Get-TransportConfig).SmtpClientAuthenticationDisabled -eq $false',
  apply: 'Set-TransportConfig -SmtpClientAuthenticationDisabled $false',
  undo: 'Set-TransportConfig -SmtpClientAuthenticationDisabled $true',
};

function render(step: ExchangeStep, q: Quote): RenderedStep {
  switch (step.kind) {
    case 'register-service-principal':
      return registered(step, q);
    case 'grant-mailbox':
      return granted(step, q);
    case 'grant-send-as':
      return sendAs(step, q);
    case 'group-mailboxes':
      return grouped(step, q);
    case 'limit-to-group':
      return limited(step, q);
    case 'assign-role':
      return assigned(step, q);
    case 'enable-smtp-auth':
      return smtpAuth(step, q);
    case 'enable-smtp-auth-for-organization':
      return SMTP_AUTH_FOR_ALL;
  }
}

const HEAD = `#Requires -Version 5.1
<#
  Lets an app send mail through Exchange Online by SMTP with OAuth 2.0.

  Before:  Install-Module ExchangeOnlineManagement
           Connect-ExchangeOnline          (as an Exchange administrator)

  Look:    .\\FILE                         changes nothing, says what is missing
  Do:      .\\FILE -Mode Apply
  Undo:    .\\FILE -Mode Undo

  It may be run as often as you like. Exchange takes some time to know a change:
  operators report 15 minutes to 2 hours; Microsoft gives no number.
#>
[CmdletBinding()]
param([ValidateSet('Check', 'Apply', 'Undo')][string] $Mode = 'Check')

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

if (-not (Get-Command Get-ServicePrincipal -ErrorAction SilentlyContinue)) {
  throw 'Run Connect-ExchangeOnline first (module ExchangeOnlineManagement).'
}
`;

const TAIL = `
if ($Mode -eq 'Undo') { [array]::Reverse($Steps) }
$Missing = 0
foreach ($Step in $Steps) {
  $IsTrue = [bool](& $Step.Test)
  switch ($Mode) {
    'Check' {
      if ($IsTrue) { Write-Host "[x] $($Step.Name)" } else { Write-Host "[ ] $($Step.Name)"; $Missing++ }
    }
    'Apply' {
      if ($IsTrue) { Write-Host "[x] $($Step.Name)" } else { & $Step.Apply; Write-Host "[+] $($Step.Name)" }
    }
    'Undo' {
      if ($IsTrue) { & $Step.Undo; Write-Host "[-] taken back: $($Step.Name)" } else { Write-Host "[ ] was not so: $($Step.Name)" }
    }
  }
}
if ($Mode -eq 'Check' -and $Missing -gt 0) { Write-Host "$Missing missing. Run this script again with -Mode Apply."; exit 1 }
if ($Mode -eq 'Apply') { Write-Host 'Done. Prove it with: postbearer setup check' }
`;

/**
 * The script as text with Windows line breaks.
 *
 * Fails with `M365_SCRIPT_VALUE_UNUSABLE` for a value that cannot stand on one line.
 */
export function renderExchangeScript(plan: ExchangePlan, fileName = 'Set-PostbearerExchange.ps1'): Result<string> {
  const unusable: string[] = [];
  const quote: Quote = (value) => {
    const quoted = quotedArgument(value);
    if (quoted === undefined) unusable.push(value);
    return quoted ?? "''";
  };
  const steps = plan.steps.map((step) => {
    const { name, test, apply, undo } = render(step, quote);
    return `  @{
    Name  = ${quote(name)}
    Test  = { ${test} }
    Apply = {
      ${apply}
    }
    Undo  = { ${undo} }
  }`;
  });
  const [first] = unusable;
  if (first !== undefined) return failure(exchangeScriptFaults.make('M365_SCRIPT_VALUE_UNUSABLE', { value: first }));
  const text = `${HEAD.replaceAll('FILE', fileName)}\n$Steps = @(\n${steps.join('\n')}\n)\n${TAIL}`;
  return success(text.replaceAll(/\r?\n/g, '\r\n'));
}
