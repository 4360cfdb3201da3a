/**
 * Exchange Online refuses the sign-in at SMTP.
 *
 * `535 5.7.139` is always followed by a reason, and the reason alone says which switch is meant. `535 5.7.3` gives none:
 * there the token's claims say which causes are left (`explain-sign-in.ts` chooses among the codes below). The switch of SMTP
 * AUTH governs the protocol, so it refuses OAuth as well as passwords. Set it for the one mailbox that sends; Microsoft
 * advises to leave it off for the organization.
 */
import type { FaultDefinition, SmtpStage } from '@postbearer/core';
import type { SmtpRule } from './rules.ts';
import {
  AUTHENTICATED_SUBMISSION,
  BASIC_AUTH_END,
  CLIENT_CREDENTIALS,
  DEVICES,
  OAUTH_SMTP,
  RBAC_SMTP,
  READ,
  SEEN_IN_LOGS,
} from './sources.ts';

/** Codes of this group. */
export type SignInCode =
  | 'M365_SMTP_AUTH_DISABLED_TENANT'
  | 'M365_SMTP_AUTH_DISABLED_MAILBOX'
  | 'M365_SECURITY_DEFAULTS'
  | 'M365_SIGN_IN_POLICY'
  | 'M365_PASSWORD_WRONG'
  | 'M365_PASSWORD_REFUSED'
  | 'M365_BASIC_AUTH_DISABLED'
  | 'M365_FEDERATION_UNREACHABLE'
  | 'M365_SIGN_IN_REFUSED'
  | 'M365_MAILBOX_NOT_GRANTED'
  | 'M365_TOKEN_WITHOUT_ROLE'
  | 'M365_TOKEN_AUDIENCE_WRONG'
  | 'M365_TOKEN_OF_OTHER_TENANT'
  | 'M365_TOKEN_OF_OTHER_APP'
  | 'M365_TOKEN_OF_PERSON'
  | 'M365_TOKEN_EXPIRED'
  | 'M365_USERNAME_NOT_MAILBOX'
  | 'M365_AUTH_MECHANISM_UNSUPPORTED'
  | 'M365_AUTH_DATA_MALFORMED'
  | 'M365_NOT_AUTHENTICATED'
  | 'M365_STARTTLS_REQUIRED'
  | 'M365_TLS_TOO_OLD'
  | 'M365_ACS_SIGN_IN_REFUSED';

const CONNECT =
  'In PowerShell with the module ExchangeOnlineManagement, run Connect-ExchangeOnline as an Exchange administrator.';
const ENABLE_MAILBOX = 'Set-CASMailbox -Identity {psMailbox} -SmtpClientAuthenticationDisabled $false';
const REGISTER = 'New-ServicePrincipal -AppId {psClientId} -ObjectId {psObjectId}';
const GRANT = 'Add-MailboxPermission -Identity {psMailbox} -User {psObjectId} -AccessRights FullAccess';
const CHECK_REGISTRATION =
  'Run Get-ServicePrincipal: it must list AppId {clientId} with the Object ID of the enterprise application (Entra admin center, Enterprise applications, the app, Object ID), here {psObjectId}; the Object ID of the app registration does not work.';
const REGISTER_STEP = `If it is missing, run: ${REGISTER}`;
const GRANT_STEP = `Give it the mailbox: ${GRANT}`;
const CHECK_USERNAME =
  'Check that smtp.username (EMAIL_USERNAME), now {mailbox}, is the primary address of a mailbox; for a shared mailbox, its own address.';
const WAIT = 'Wait: guides name 15 to 60 minutes until Exchange knows a change; Microsoft gives no number.';
const CONSENT_STEP =
  'In the app registration open API permissions: Office 365 Exchange Online > SMTP.SendAsApp must be listed as an Application permission and be "Granted for <your organization>".';
const USE_OAUTH =
  'Switch to OAuth: smtp.oauth.enabled true (ENABLE_EMAIL_OAUTH) with tokenEndpoint, clientId and clientSecret of an app registration.';

/** The wording of this group. */
export const signInDefinitions: Readonly<Record<SignInCode, FaultDefinition>> = {
  M365_SMTP_AUTH_DISABLED_TENANT: {
    title: 'SMTP AUTH off for the organization',
    message: 'Exchange Online takes no SMTP AUTH for {mailbox}: it is switched off for the whole organization.',
    cause:
      'SMTP AUTH is off by default in Microsoft 365, and the mailbox has no setting of its own; this refuses OAuth as well as passwords.',
    remedy: {
      steps: [
        CONNECT,
        'Switch SMTP AUTH on for this one mailbox with the command below; the setting of the mailbox wins over that of the organization.',
        'Only if many mailboxes send: Set-TransportConfig -SmtpClientAuthenticationDisabled $false switches it on for everyone.',
        WAIT,
      ],
      command: ENABLE_MAILBOX,
    },
    next: 'needs-person',
    source: AUTHENTICATED_SUBMISSION,
    read: READ,
  },
  M365_SMTP_AUTH_DISABLED_MAILBOX: {
    title: 'SMTP AUTH off for the mailbox',
    message: 'Exchange Online takes no SMTP AUTH for {mailbox}: it is switched off for this mailbox.',
    cause:
      'The mailbox has its own setting, which wins over that of the organization; this refuses OAuth as well as passwords.',
    remedy: {
      steps: [CONNECT, 'Switch SMTP AUTH on for this mailbox with the command below.', WAIT],
      command: ENABLE_MAILBOX,
    },
    next: 'needs-person',
    source: AUTHENTICATED_SUBMISSION,
    read: READ,
  },
  M365_SECURITY_DEFAULTS: {
    title: 'Blocked by security defaults',
    message: 'Security defaults of the organization refuse the sign-in of {mailbox}.',
    cause: 'Security defaults refuse sign-in with a password over SMTP.',
    remedy: {
      steps: [
        USE_OAUTH,
        'If OAuth is on already, first find the refused entry in the sign-in logs of Microsoft Entra: no page of Microsoft says that security defaults refuse an app.',
        'Where a password has to stay, an administrator can replace security defaults by conditional access.',
      ],
    },
    next: 'needs-person',
    source: SEEN_IN_LOGS,
    read: READ,
  },
  M365_SIGN_IN_POLICY: {
    title: 'Blocked by a sign-in policy',
    message: 'A policy of the organization refuses the sign-in of {mailbox}.',
    cause:
      'Conditional access, multi-factor authentication or an authentication policy does not allow this kind of sign-in, most often one with a password.',
    remedy: {
      steps: [
        USE_OAUTH,
        'If OAuth is on already, find the refused entry in the sign-in logs of Microsoft Entra: it names the policy.',
        'Have an administrator exempt the mailbox or the app from that policy.',
      ],
    },
    next: 'needs-person',
    source: SEEN_IN_LOGS,
    read: READ,
  },
  M365_PASSWORD_WRONG: {
    title: 'User name or password wrong',
    message: 'Exchange Online does not accept the user name {mailbox} with this password.',
    cause: 'The user name or the password is wrong.',
    remedy: {
      steps: ['Correct smtp.username and smtp.password (EMAIL_USERNAME, EMAIL_PASSWORD).', USE_OAUTH],
    },
    next: 'fix-configuration',
    source: SEEN_IN_LOGS,
    read: READ,
  },
  M365_PASSWORD_REFUSED: {
    title: 'Password refused without a reason',
    message: 'Exchange Online refuses the sign-in of {mailbox} with a password and gives no reason.',
    cause:
      'The password is wrong or must be changed, the account is blocked, or the organization no longer takes passwords over SMTP.',
    remedy: {
      steps: [
        'Sign in to outlook.office.com with the same user name and password: what is asked there is what fails here.',
        `Check that SMTP AUTH is on for the mailbox: ${ENABLE_MAILBOX}`,
        USE_OAUTH,
      ],
    },
    next: 'needs-person',
    source: SEEN_IN_LOGS,
    read: READ,
  },
  M365_BASIC_AUTH_DISABLED: {
    title: 'Password login no longer accepted',
    message: 'Exchange Online does not take passwords over SMTP for {mailbox}.',
    cause:
      'Basic authentication is off in this organization; from the end of December 2026 it is off by default everywhere, and app passwords do not help.',
    remedy: { steps: [USE_OAUTH] },
    next: 'fix-configuration',
    source: BASIC_AUTH_END,
    read: READ,
  },
  M365_FEDERATION_UNREACHABLE: {
    title: 'Federation server failed',
    message: 'The sign-in server of the organization itself failed while {mailbox} was signed in.',
    cause: 'The account is federated, and its own sign-in server (AD FS or another) cannot be reached or has no HTTPS.',
    remedy: { steps: ['Have the federation server repaired.', USE_OAUTH] },
    next: 'needs-person',
    source: DEVICES,
    read: READ,
  },
  M365_SIGN_IN_REFUSED: {
    title: 'Sign-in refused without a reason',
    message: 'Exchange Online refuses to sign in {mailbox} and gives no reason (535 5.7.3).',
    cause:
      'Most likely first: the app is not registered in Exchange Online, or with the wrong Object ID; it has no permission on the mailbox; the user name is not a mailbox; a change is not known yet; consent is missing.',
    remedy: { steps: [CHECK_REGISTRATION, REGISTER_STEP, GRANT_STEP, CHECK_USERNAME, WAIT, CONSENT_STEP] },
    next: 'needs-person',
    source: OAUTH_SMTP,
    read: READ,
  },
  M365_MAILBOX_NOT_GRANTED: {
    title: 'The app may not use this mailbox',
    message: 'The token is as it should be, but Exchange Online does not sign {clientId} in as {mailbox} (535 5.7.3).',
    cause:
      'Left are, most likely first: the app is not registered in Exchange Online, or with the Object ID of the app registration; it has no FullAccess on the mailbox; the user name is not a mailbox; a change is not known yet.',
    remedy: {
      steps: [CONNECT, CHECK_REGISTRATION, REGISTER_STEP, GRANT_STEP, CHECK_USERNAME, WAIT],
      command: `${REGISTER}; ${GRANT}`,
    },
    next: 'needs-person',
    source: OAUTH_SMTP,
    read: READ,
  },
  M365_TOKEN_WITHOUT_ROLE: {
    title: 'The token holds no permission to send',
    message: 'The token of {clientId} does not hold the permission SMTP.SendAsApp.',
    cause:
      'Either SMTP.SendAsApp was never granted to the app (Microsoft then issues a token without roles), or the app uses RBAC for Applications, where that is as it should be, and its role assignment does not cover the mailbox.',
    remedy: {
      steps: [
        CONSENT_STEP,
        `Then register the app in Exchange Online and give it the mailbox: ${REGISTER}; ${GRANT}`,
        'With RBAC for Applications instead, run Get-ManagementRoleAssignment: the app needs the role "Application SMTP.SendAsApp" with a scope that covers the mailbox, and neither API permission nor mailbox permission.',
        CHECK_USERNAME,
        WAIT,
      ],
    },
    next: 'needs-person',
    source: `${OAUTH_SMTP}; ${RBAC_SMTP}`,
    read: READ,
  },
  M365_TOKEN_AUDIENCE_WRONG: {
    title: 'The token is for another service',
    message: 'The token is for {audience} and not for Exchange Online.',
    cause: 'The scope decides for which service a token is; a token for Microsoft Graph is of no use at SMTP.',
    remedy: { steps: ['Set smtp.oauth.scope (EMAIL_OAUTH_TOKEN_SCOPE) to {scope}.'] },
    next: 'fix-configuration',
    source: OAUTH_SMTP,
    read: READ,
  },
  M365_TOKEN_OF_OTHER_TENANT: {
    title: 'The token is of another tenant',
    message: 'The token was issued by the tenant {tokenTenant}, and the settings name {tenant}.',
    cause: 'The mailbox must be in the tenant that issues the token.',
    remedy: {
      steps: [
        'Set smtp.oauth.tokenEndpoint (EMAIL_OAUTH_TOKEN_ENDPOINT) to that of the tenant with the mailbox {mailbox}.',
        'With a managed identity or a federated token, use the identity of that tenant.',
      ],
    },
    next: 'fix-configuration',
    source: OAUTH_SMTP,
    read: READ,
  },
  M365_TOKEN_OF_OTHER_APP: {
    title: 'The token is of another app',
    message: 'The token was issued to the application {tokenApp}, and the settings name {clientId}.',
    cause: 'Another identity answered in place of the app in the settings.',
    remedy: {
      steps: [
        'Correct smtp.oauth.clientId (EMAIL_OAUTH_TOKEN_CLIENT_ID), or give the mailbox to the application {tokenApp}.',
      ],
    },
    next: 'fix-configuration',
    source: CLIENT_CREDENTIALS,
    read: READ,
  },
  M365_TOKEN_OF_PERSON: {
    title: 'The token is of a person, not of the app',
    message: 'The token holds delegated permissions (scp), so it was issued to a person who signed in.',
    cause: 'A token of the app itself comes from the grant client_credentials and holds roles, never scp.',
    remedy: { steps: ['Set smtp.oauth.grantType (EMAIL_OAUTH_TOKEN_GRANT_TYPE) to client_credentials.'] },
    next: 'fix-configuration',
    source: CLIENT_CREDENTIALS,
    read: READ,
  },
  M365_TOKEN_EXPIRED: {
    title: 'The token is past its end',
    message: 'The token for {mailbox} ended at {tokenEnd} by the clock of this machine.',
    cause: 'The clock of this machine is wrong, or something keeps handing out an old token.',
    remedy: { steps: ['Synchronize the clock of this machine, then try again.'] },
    next: 'fix-configuration',
    source: CLIENT_CREDENTIALS,
    read: READ,
  },
  M365_USERNAME_NOT_MAILBOX: {
    title: 'The user name is not a mailbox',
    message: 'Exchange Online cannot open a mailbox for {mailbox}.',
    cause: 'The user name is an alias, a group or an account without a licensed mailbox in Exchange Online.',
    remedy: {
      steps: [
        CHECK_USERNAME,
        'Run Get-EXOMailbox -Identity {psMailbox}: it must find the mailbox.',
        'If the account has no mailbox, give it a licence with Exchange Online or make a shared mailbox.',
      ],
      command: 'Get-EXOMailbox -Identity {psMailbox}',
    },
    next: 'needs-person',
    source: SEEN_IN_LOGS,
    read: READ,
  },
  M365_AUTH_MECHANISM_UNSUPPORTED: {
    title: 'Sign-in mechanism not offered',
    message: '{server} does not know the mechanism of the sign-in.',
    cause:
      'Exchange Online knows XOAUTH2 and LOGIN, only after STARTTLS and only at its submission host; the MX host of a domain knows none.',
    remedy: {
      steps: ['Set smtp.server to {smtpHost}, smtp.port to 587 and smtp.enableSsl to true.', USE_OAUTH],
    },
    next: 'fix-configuration',
    source: SEEN_IN_LOGS,
    read: READ,
  },
  M365_AUTH_DATA_MALFORMED: {
    title: 'Sign-in data not understood',
    message: '{server} cannot read the sign-in data of {mailbox}.',
    cause: 'The user name is not an address that this server knows, or something changed the data on the way.',
    remedy: {
      steps: [
        'Set smtp.username (EMAIL_USERNAME), now {mailbox}, to the full address of the account.',
        'If it is right, check whether a device between here and {server} inspects or changes SMTP.',
      ],
    },
    next: 'fix-configuration',
    source: SEEN_IN_LOGS,
    read: READ,
  },
  M365_NOT_AUTHENTICATED: {
    title: 'Nothing was authenticated',
    message: '{server} takes no mail without a sign-in.',
    cause: 'The session went on to send without a sign-in, or the server forgot the sign-in.',
    remedy: { steps: ['Check that smtp.enableSsl is true and that OAuth (or a password) is set up, then try again.'] },
    next: 'fix-configuration',
    source: SEEN_IN_LOGS,
    read: READ,
  },
  M365_STARTTLS_REQUIRED: {
    title: 'STARTTLS must come first',
    message: '{server} wants an encrypted connection before anything else.',
    cause: 'smtp.enableSsl is false.',
    remedy: { steps: ['Set smtp.enableSsl (EMAIL_SERVER_SSL, email_server_ssl) to true.'] },
    next: 'fix-configuration',
    source: DEVICES,
    read: READ,
  },
  M365_TLS_TOO_OLD: {
    title: 'TLS version refused',
    message: '{server} refuses the TLS version of this connection.',
    cause:
      'Exchange Online takes TLS 1.2 and later; a device between here and there may speak an older version in our place.',
    remedy: { steps: ['Let port 587 pass uninspected, or have the inspecting device speak TLS 1.2 or later.'] },
    next: 'needs-person',
    source: DEVICES,
    read: READ,
  },
  M365_ACS_SIGN_IN_REFUSED: {
    title: 'Communication Services refuses the sign-in',
    message: 'Azure Communication Services refuses to sign in {mailbox} and gives no reason.',
    cause:
      'The app has no role on the Communication Services resource, or the user name is not the SMTP username made there (it is no mailbox).',
    remedy: {
      steps: [
        'On the Communication Services resource open Access control and give the app a role that may send mail.',
        'Open SMTP usernames there, make one for this app and put it into smtp.username (EMAIL_USERNAME).',
        'Set smtp.oauth.scope (EMAIL_OAUTH_TOKEN_SCOPE) to https://communication.azure.com/.default.',
      ],
    },
    next: 'needs-person',
    source: 'learn.microsoft.com/azure/communication-services/quickstarts/email/send-email-smtp/send-email-smtp-oauth',
    read: READ,
  },
};

// A refused AUTH is told again at MAIL FROM when a client goes on: "530 5.7.57 … Error: 535 5.7.139 …".
const AT_SIGN_IN: readonly SmtpStage[] = ['auth', 'mail'];
const WITH_REASON: readonly string[] = ['535 5.7.139', '530 5.7.57'];
const ANY: readonly SmtpStage[] = [
  'connect',
  'tls',
  'greeting',
  'ehlo',
  'starttls',
  'auth',
  'mail',
  'rcpt',
  'data',
  'content',
  'final',
  'rset',
];

/** How Exchange Online says so. */
export const signInRules: readonly SmtpRule<SignInCode>[] = [
  {
    fault: 'M365_SMTP_AUTH_DISABLED_TENANT',
    stages: AT_SIGN_IN,
    replies: WITH_REASON,
    phrase: 'SmtpClientAuthentication is disabled for the Tenant',
    source: SEEN_IN_LOGS,
  },
  {
    fault: 'M365_SMTP_AUTH_DISABLED_MAILBOX',
    stages: AT_SIGN_IN,
    replies: WITH_REASON,
    phrase: 'SmtpClientAuthentication is disabled for the Mailbox',
    source: SEEN_IN_LOGS,
  },
  {
    fault: 'M365_SECURITY_DEFAULTS',
    stages: AT_SIGN_IN,
    replies: WITH_REASON,
    phrase: 'security defaults policy',
    source: SEEN_IN_LOGS,
  },
  {
    fault: 'M365_SIGN_IN_POLICY',
    stages: AT_SIGN_IN,
    replies: WITH_REASON,
    phrase: 'the request did not meet the criteria to be authenticated successfully',
    source: SEEN_IN_LOGS,
  },
  {
    fault: 'M365_PASSWORD_WRONG',
    stages: AT_SIGN_IN,
    replies: WITH_REASON,
    phrase: 'the user credentials were incorrect',
    source: SEEN_IN_LOGS,
  },
  {
    fault: 'M365_BASIC_AUTH_DISABLED',
    stages: AT_SIGN_IN,
    replies: WITH_REASON,
    phrase: 'basic authentication is disabled',
    source: SEEN_IN_LOGS,
  },
  {
    fault: 'M365_FEDERATION_UNREACHABLE',
    stages: AT_SIGN_IN,
    replies: WITH_REASON,
    phrase: 'federated STS',
    source: DEVICES,
  },
  { fault: 'M365_BASIC_AUTH_DISABLED', stages: AT_SIGN_IN, replies: ['550 5.7.30'], source: BASIC_AUTH_END },
  {
    fault: 'M365_USERNAME_NOT_MAILBOX',
    stages: ['auth'],
    replies: ['550'],
    phrase: 'Mailbox cannot be accessed',
    source: SEEN_IN_LOGS,
  },
  { fault: 'M365_AUTH_MECHANISM_UNSUPPORTED', stages: ['auth'], replies: ['504 5.7.4'], source: SEEN_IN_LOGS },
  { fault: 'M365_AUTH_DATA_MALFORMED', stages: ['auth'], replies: ['501 5.5.124', '500 5.3.3'], source: SEEN_IN_LOGS },
  { fault: 'M365_SIGN_IN_REFUSED', stages: ['auth'], replies: ['535 5.7.3'], source: OAUTH_SMTP },
  {
    fault: 'M365_SIGN_IN_REFUSED',
    stages: ['mail'],
    replies: ['530 5.7.57'],
    phrase: '535 5.7.3 Authentication unsuccessful',
    source: SEEN_IN_LOGS,
  },
  { fault: 'M365_NOT_AUTHENTICATED', stages: ['mail', 'rcpt'], replies: ['530 5.7.57'], source: SEEN_IN_LOGS },
  {
    fault: 'M365_NOT_AUTHENTICATED',
    stages: ['mail', 'rcpt'],
    replies: ['530 5.7.1', '550 5.7.1'],
    phrase: 'Client was not authenticated',
    source: SEEN_IN_LOGS,
  },
  {
    fault: 'M365_STARTTLS_REQUIRED',
    stages: AT_SIGN_IN,
    replies: ['530 5.7.0'],
    phrase: 'Must issue a STARTTLS command first',
    source: DEVICES,
  },
  {
    fault: 'M365_STARTTLS_REQUIRED',
    stages: AT_SIGN_IN,
    replies: ['451 5.7.3'],
    phrase: 'STARTTLS is required',
    source: SEEN_IN_LOGS,
  },
  { fault: 'M365_TLS_TOO_OLD', stages: ANY, replies: ['421 4.7.66'], source: SEEN_IN_LOGS },
];
