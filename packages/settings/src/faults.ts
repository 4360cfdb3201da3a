/** The faults of settings. What of a value they show, says `shown.ts`; `{key}` is the path as its own form writes it. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

const READ = '2026-11-24';
const ENTRA = 'learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow';
const OAUTH_SMTP =
  'learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth';
const PRINTERS =
  'learn.microsoft.com/exchange/troubleshoot/email-delivery/fix-issues-with-printers-scanners-and-lob-applications-that-send-email-using-off';

type Code =
  | 'CONFIG_INVALID'
  | 'CONFIG_EMPTY'
  | 'CONFIG_FILE_MISSING'
  | 'CONFIG_FILE_UNREADABLE'
  | 'CONFIG_FILE_TOO_LARGE'
  | 'CONFIG_FILE_MODE'
  | 'CONFIG_FILE_OWNER'
  | 'CONFIG_SYNTAX'
  | 'CONFIG_DUPLICATE_KEY'
  | 'CONFIG_UNKNOWN_KEY'
  | 'CONFIG_VALUE_INVALID'
  | 'CONFIG_VALUE_MISSING'
  | 'CONFIG_CLIENT_SECRET_EMPTY'
  | 'CONFIG_CONFLICT'
  | 'CONFIG_VALUE_AND_FILE'
  | 'CONFIG_NAMED_FILE'
  | 'CONFIG_FILE_CONTENT'
  | 'CONFIG_CERTIFICATE_KEY_MISMATCH'
  | 'CONFIG_VERIFICATION_DISABLED'
  | 'CONFIG_SECRET_ON_COMMAND_LINE'
  | 'CONFIG_SECRET_WHITESPACE'
  | 'CONFIG_SECRET_ID'
  | 'CONFIG_PLACEHOLDER'
  | 'CONFIG_MAIL_DISABLED'
  | 'CONFIG_OAUTH_NOT_ENABLED'
  | 'CONFIG_PASSWORD_BESIDE_OAUTH'
  | 'CONFIG_BASIC_AUTHENTICATION'
  | 'CONFIG_TOKEN_METHOD'
  | 'CONFIG_GRANT_TYPE'
  | 'CONFIG_CLIENT_AUTHENTICATION'
  | 'CONFIG_TENANT_SHARED'
  | 'CONFIG_TENANT_FORM'
  | 'CONFIG_ENDPOINT_NOT_HTTPS'
  | 'CONFIG_ENDPOINT_FORM'
  | 'CONFIG_CLOUD_MISMATCH'
  | 'CONFIG_SCOPE_FORM'
  | 'CONFIG_SCOPE_OF_OTHER_SERVICE'
  | 'CONFIG_BESIDE_MANAGED_IDENTITY'
  | 'CONFIG_CLIENT_ID_FORM'
  | 'CONFIG_CLIENT_ID_SHARED'
  | 'CONFIG_UNENCRYPTED'
  | 'CONFIG_PORT_NOT_SERVED'
  | 'CONFIG_PORT_25'
  | 'CONFIG_USERNAME_FORM'
  | 'CONFIG_FROM_DIFFERS'
  | 'CONFIG_UPSTREAM_UNKNOWN'
  | 'CONFIG_MAILBOX_TWICE'
  | 'CONFIG_WRITE_REFUSED';

/** The faults of settings. */
export const settingsFaults: FaultCatalogue<Code> = defineFaults({
  CONFIG_INVALID: {
    title: 'Settings cannot be used',
    message: 'The settings cannot be used: {count}. The first: {first}',
    cause: 'Settings are checked as a whole before anything is sent, so that all mistakes are known at once.',
    remedy: { steps: ['Mend each finding, or see them all with "postbearer config check".'] },
    next: 'fix-configuration',
  },
  CONFIG_EMPTY: {
    title: 'No settings',
    message: 'There are no settings for sending mail: {looked}.',
    cause: 'Neither a file with a section smtp nor variables such as EMAIL_SERVER were found.',
    remedy: {
      steps: [
        'Name the file with --config or POSTBEARER_CONFIG, put Global-variables.json into the working folder, or set the EMAIL_ variables.',
      ],
    },
    next: 'fix-configuration',
  },
  CONFIG_FILE_MISSING: {
    title: 'File not found',
    message: 'The file {file} does not exist; it was named by {named}.',
    cause: 'A file that somebody names has to be there; no other place is tried in its stead.',
    remedy: { steps: ['Correct the path, or create the file.'] },
    next: 'fix-configuration',
  },
  CONFIG_FILE_UNREADABLE: {
    title: 'File not readable',
    message: 'The file {file} cannot be read: {reason}.',
    cause: 'Settings are read from there, and no other place is tried in its stead.',
    remedy: { steps: ['{advice}.'] },
    next: 'fix-configuration',
  },
  CONFIG_FILE_TOO_LARGE: {
    title: 'File too large',
    message: 'The file {file} is larger than {limit} bytes and was not read.',
    cause: 'Settings take a few kilobytes, so this is another kind of file.',
    remedy: { steps: ['Name the file that holds the settings.'] },
    next: 'fix-configuration',
  },
  CONFIG_FILE_MODE: {
    title: 'File open to others',
    message: 'The file {file} holds secrets and has mode {mode}: other accounts of this machine may read or change it.',
    cause: 'A secret in a file is as safe as the permissions of the file.',
    remedy: { steps: ['Let only the account of this program read the file.'], command: 'chmod 600 {file}' },
    next: 'fix-configuration',
  },
  CONFIG_FILE_OWNER: {
    title: 'File of another account',
    message: 'The file {file} belongs to account {owner}, which is neither root nor the one that runs this program.',
    cause: 'Its owner can change where mail goes and who is signed in.',
    remedy: { steps: ['Make sure that this is meant, or change the owner of the file.'] },
    next: 'fix-configuration',
  },
  CONFIG_SYNTAX: {
    title: 'Not a settings file',
    message: 'The text is not {form}: {problem}.',
    cause: 'The file cannot be read beyond a place like this, so its settings are not known.',
    remedy: { steps: ['Correct the place that is named; {hint}.'] },
    next: 'fix-configuration',
  },
  CONFIG_DUPLICATE_KEY: {
    title: 'Key written twice',
    message: '{key} is written more than once, first in line {first}.',
    cause: 'Programs differ in which of the two they take.',
    remedy: { steps: ['Keep one of the two.'] },
    next: 'fix-configuration',
  },
  CONFIG_UNKNOWN_KEY: {
    title: 'Unknown setting',
    message: '{key} is not a setting ({guess}).',
    cause: 'A misspelt name is not read, so something else is in effect than what is written.',
    remedy: { steps: ['Correct the name, or ignore this if another program reads it: it is left as it is.'] },
    next: 'fix-configuration',
  },
  CONFIG_VALUE_INVALID: {
    title: 'Wrong value',
    message: '{key} must be {expected}, but is {found}.',
    cause: 'The value has a form that this setting cannot have.',
    remedy: { steps: ['Set {key} to {advice}.'] },
    next: 'fix-configuration',
  },
  CONFIG_VALUE_MISSING: {
    title: 'Setting missing',
    message: '{key} is {state}: {need}.',
    cause: 'Without it nothing can be sent, and it cannot be derived from the other settings.',
    remedy: { steps: ['{advice}.'] },
    next: 'fix-configuration',
  },
  CONFIG_CLIENT_SECRET_EMPTY: {
    title: 'Client secret empty',
    message: '{key} is empty: OAuth is on and the app proves itself with a client secret.',
    cause: 'An empty value counts as not set. Terraform and compose files write one where nobody gave the secret.',
    remedy: { steps: ['{advice}.'] },
    next: 'fix-configuration',
  },
  CONFIG_CONFLICT: {
    title: 'Two places disagree',
    message: '{one} and {other} say different things.',
    cause: 'Both have the same rank, so it would be a guess to follow either.',
    remedy: { steps: ['Remove one of the two, or make them agree.'] },
    next: 'fix-configuration',
  },
  CONFIG_VALUE_AND_FILE: {
    title: 'Value and file both set',
    message: '{key} and {key}_FILE are both set.',
    cause: 'Both have the same rank, so it would be a guess to follow either.',
    remedy: { steps: ['Unset {key}, so that only the file counts, or unset {key}_FILE.'] },
    next: 'fix-configuration',
  },
  CONFIG_NAMED_FILE: {
    title: 'Named file not available',
    message: '{key} names {what}, but {problem}.',
    cause: 'It is read from there at the moment of its use, which would fail.',
    remedy: { steps: ['Put the file there, readable by the account of this program, or correct the name.'] },
    next: 'fix-configuration',
  },
  CONFIG_FILE_CONTENT: {
    title: 'Wrong content',
    message: '{key} {problem}.',
    cause: 'It is read at the moment of its use, and would be refused then.',
    remedy: { steps: ['{advice}.'] },
    next: 'fix-configuration',
    source: 'RFC 7468',
    read: READ,
  },
  CONFIG_CERTIFICATE_KEY_MISMATCH: {
    title: 'Key of another certificate',
    message: '{key} is not the private key of the certificate that {other} names.',
    cause: 'What the key signs cannot be verified with that certificate, so there would be no token.',
    remedy: { steps: ['Name the certificate that is registered with the app, and the key that was made with it.'] },
    next: 'fix-configuration',
    source: 'learn.microsoft.com/entra/identity-platform/certificate-credentials',
    read: READ,
  },
  CONFIG_VERIFICATION_DISABLED: {
    title: 'Check of certificates switched off',
    message: 'NODE_TLS_REJECT_UNAUTHORIZED=0 is set, which turns off the check of every certificate.',
    cause: 'A secret or token would go to whoever answers, so nothing is sent while it is set.',
    remedy: {
      steps: [
        'Remove NODE_TLS_REJECT_UNAUTHORIZED from the environment; a private certificate authority is named by smtp.caFile (EMAIL_SERVER_CA_FILE).',
      ],
    },
    next: 'fix-configuration',
    source: 'Node.js command line documentation, NODE_TLS_REJECT_UNAUTHORIZED',
    read: READ,
  },
  CONFIG_SECRET_ON_COMMAND_LINE: {
    title: 'Secret on the command line',
    message: '{key} is a secret and was given on the command line.',
    cause: 'Every account of the machine can read the arguments of a running program, and shells keep them.',
    remedy: {
      steps: [
        'Put the secret into the settings file, into its environment variable or into a file that ..._FILE names, and make a new one if others may have seen it.',
      ],
    },
    next: 'fix-configuration',
  },
  CONFIG_SECRET_WHITESPACE: {
    title: 'Secret with white space',
    message: '{key} begins or ends with white space or holds a line break.',
    cause: 'This comes from copying; no provider issues such a secret.',
    remedy: { steps: ['Copy the secret again without what surrounds it.'] },
    next: 'fix-configuration',
  },
  CONFIG_SECRET_ID: {
    title: 'Secret ID in place of its value',
    message: '{key} has the form of a GUID, which is the form of a Secret ID and not of a secret.',
    cause:
      'The page "Certificates & secrets" shows Value and Secret ID side by side; Entra answers AADSTS7000215 to the ID.',
    remedy: {
      steps: ['Copy the column "Value"; it is shown only once, so make a new client secret where it is hidden by now.'],
    },
    next: 'fix-configuration',
    source: 'learn.microsoft.com/entra/identity-platform/reference-error-codes',
    read: READ,
  },
  CONFIG_PLACEHOLDER: {
    title: 'Placeholder left',
    message: '{key} still holds a placeholder of a manual: {shown}.',
    cause: 'The example was copied and this value was not replaced.',
    remedy: { steps: ['Set {key} to {meaning}.'] },
    next: 'fix-configuration',
  },
  CONFIG_MAIL_DISABLED: {
    title: 'Email is disabled',
    message: 'Email is disabled by {where}: {effect}.',
    cause: 'Mail is switched off there; in Terraform that is the default of enable_email_notification.',
    remedy: { steps: ['Set {key} to true to send mail.'] },
    next: 'fix-configuration',
  },
  CONFIG_OAUTH_NOT_ENABLED: {
    title: 'OAuth settings without effect',
    message: 'There are OAuth settings, but {key} is not set, so OAuth is off and {effect}.',
    cause: 'The default is off, as in the other programs that read these settings.',
    remedy: { steps: ['Set {key} to true to sign in with a token, or to false to say that it is meant.'] },
    next: 'fix-configuration',
  },
  CONFIG_PASSWORD_BESIDE_OAUTH: {
    title: 'Password beside OAuth',
    message: '{key} is set although OAuth is on; it is not used.',
    cause: 'A password that nobody needs can only leak. Before OAuth has proven itself it is the way back.',
    remedy: { steps: ['Remove {key} once mail goes out with OAuth.'] },
    next: 'fix-configuration',
  },
  CONFIG_BASIC_AUTHENTICATION: {
    title: 'Password sign-in at Microsoft 365',
    message: 'OAuth is off, so {server} is signed in to with a password, which Microsoft is ending.',
    cause:
      'Basic authentication for SMTP is switched off by default at the end of December 2026 and its final removal is to be announced in 2027.',
    remedy: { steps: ['Register an app, set the OAuth settings and set {key} to true.'] },
    next: 'fix-configuration',
    source:
      'techcommunity.microsoft.com/blog/exchange/updated-exchange-online-smtp-auth-basic-authentication-deprecation-timeline/4489835',
    read: READ,
  },
  CONFIG_TOKEN_METHOD: {
    title: 'Token method other than POST',
    message: '{key} must be POST.',
    cause: 'A token endpoint takes POST only; another method would put the secret into the URL.',
    remedy: { steps: ['Set {key} to POST, or leave it out.'] },
    next: 'fix-configuration',
    source: 'RFC 6749 section 3.2',
    read: READ,
  },
  CONFIG_GRANT_TYPE: {
    title: 'Grant type other than client_credentials',
    message: '{key} must be client_credentials.',
    cause: 'A service signs in as itself; the other grants need a person or her password.',
    remedy: { steps: ['Set {key} to client_credentials, or leave it out.'] },
    next: 'fix-configuration',
    source: 'RFC 6749 section 4.4',
    read: READ,
  },
  CONFIG_CLIENT_AUTHENTICATION: {
    title: 'More than one way to prove the app',
    message: '{one} and {other} are both set, and {key} does not say which of them to use.',
    cause: 'Each is a way of its own to prove who the app is.',
    remedy: { steps: ['Remove one, or set {key} to client_secret_post, private_key_jwt or federated_token_file.'] },
    next: 'fix-configuration',
  },
  CONFIG_TENANT_SHARED: {
    title: 'Endpoint of no tenant',
    message: '{key} names "{tenant}" in place of a tenant.',
    cause: 'With client credentials Entra has to know the tenant: it answers AADSTS50194 or AADSTS9001023.',
    remedy: { steps: ['Put the Directory (tenant) ID in its place.'] },
    next: 'fix-configuration',
    source: ENTRA,
    read: READ,
  },
  CONFIG_TENANT_FORM: {
    title: 'Not a tenant',
    message: '{key} names {tenant}, which is neither a GUID nor a domain name.',
    cause: 'Entra answers AADSTS900023 to anything else.',
    remedy: { steps: ['Use the Directory (tenant) ID from the overview page of the app registration.'] },
    next: 'fix-configuration',
    source: ENTRA,
    read: READ,
  },
  CONFIG_ENDPOINT_NOT_HTTPS: {
    title: 'Token endpoint not encrypted',
    message: '{key} begins with http:, so the secret would cross the network in the clear.',
    cause: 'Only an emulator on this machine may be asked without encryption.',
    remedy: { steps: ['Write https: at the beginning of {key}.'] },
    next: 'fix-configuration',
    source: 'RFC 6749 section 3.2',
    read: READ,
  },
  CONFIG_ENDPOINT_FORM: {
    title: 'Not a v2.0 token endpoint',
    message: '{key} is at {host}, but does not end in /oauth2/v2.0/token.',
    cause: 'The older endpoint knows no scope, and pages such as /authorize give no token.',
    remedy: { steps: ['Set {key} to {expected}.'] },
    next: 'fix-configuration',
    source: ENTRA,
    read: READ,
  },
  CONFIG_CLOUD_MISMATCH: {
    title: 'Two clouds',
    message: '{one} belongs to the cloud {cloud}, but {other} belongs to {otherCloud}.',
    cause: 'An app, its token endpoint, its scope and its server are all of one national cloud.',
    remedy: { steps: ['{advice}.'] },
    next: 'fix-configuration',
    source: 'learn.microsoft.com/entra/identity-platform/authentication-national-cloud',
    read: READ,
  },
  CONFIG_SCOPE_FORM: {
    title: 'Scope not for client credentials',
    message: '{key} must be a resource followed by /.default.',
    cause: 'Scopes of users, such as SMTP.Send, are refused with client credentials (AADSTS1002012, AADSTS70011).',
    remedy: { steps: ['Set {key} to {expected}.'] },
    next: 'fix-configuration',
    source: OAUTH_SMTP,
    read: READ,
  },
  CONFIG_SCOPE_OF_OTHER_SERVICE: {
    title: 'Scope of another service',
    message: '{key} is not the scope of Exchange Online.',
    cause: 'A token is for one service; with one for another the server answers 535 5.7.3.',
    remedy: { steps: ['Set {key} to {expected}, or leave it out.'] },
    next: 'fix-configuration',
    source: OAUTH_SMTP,
    read: READ,
  },
  CONFIG_BESIDE_MANAGED_IDENTITY: {
    title: 'Not used with a managed identity',
    message: '{key} is set but not used: the app proves itself with a managed identity.',
    cause: 'The platform knows the identity and where it gets its tokens.',
    remedy: { steps: ['{advice}.'] },
    next: 'fix-configuration',
    source: 'learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview',
    read: READ,
  },
  CONFIG_CLIENT_ID_FORM: {
    title: 'Client ID of an unusual form',
    message: '{key} is not a GUID, as the application IDs of Entra are.',
    cause: 'Perhaps a name or a secret was pasted in its place; Entra then answers AADSTS700016.',
    remedy: { steps: ['Copy "Application (client) ID" from the overview page of the app registration.'] },
    next: 'fix-configuration',
    source: ENTRA,
    read: READ,
  },
  CONFIG_CLIENT_ID_SHARED: {
    title: 'One app for two upstreams',
    message: '{key} and {other} name the same app.',
    cause: 'A secret that leaks from the one, or is renewed there, then concerns the other as well.',
    remedy: { steps: ['Register an app for each, for example one for test and one for production.'] },
    next: 'fix-configuration',
  },
  CONFIG_UNENCRYPTED: {
    title: 'Credentials without encryption',
    message: '{key} is false, so {what} would cross the network in the clear.',
    cause: 'Neither a password nor a token is ever sent over an unencrypted connection.',
    remedy: { steps: ['Set {key} to true; a private certificate authority is named by smtp.caFile.'] },
    next: 'fix-configuration',
    source: 'RFC 8314 section 3',
    read: READ,
  },
  CONFIG_PORT_NOT_SERVED: {
    title: 'Port 465 at Microsoft 365',
    message: '{key} is 465, which {server} does not serve: connections time out.',
    cause: 'Microsoft 365 takes submissions with STARTTLS on port 587.',
    remedy: { steps: ['Set {key} to 587.'] },
    next: 'fix-configuration',
    source: PRINTERS,
    read: READ,
  },
  CONFIG_PORT_25: {
    title: 'Port 25',
    message: '{key} is 25, which many networks and many Azure subscriptions block.',
    cause: 'Port 25 is for servers among themselves; submission has port 587.',
    remedy: { steps: ['Set {key} to 587.'] },
    next: 'fix-configuration',
    source: 'RFC 6409 section 3.1; learn.microsoft.com/azure/virtual-network/troubleshoot-outbound-smtp-connectivity',
    read: READ,
  },
  CONFIG_USERNAME_FORM: {
    title: 'User name is no mailbox',
    message: '{key} is not a mail address.',
    cause: 'Microsoft 365 takes the user name for the mailbox to send as.',
    remedy: { steps: ['Set {key} to the address of the mailbox, for example notifications@contoso.com.'] },
    next: 'fix-configuration',
    source: OAUTH_SMTP,
    read: READ,
  },
  CONFIG_FROM_DIFFERS: {
    title: 'From differs from the mailbox',
    message: '{key} ({from}) is not the mailbox that sends ({username}).',
    cause: 'Without the Send As permission Exchange Online answers 554 5.2.252 SendAsDenied.',
    remedy: {
      steps: ['Grant the permission, or set {key} to {username}.'],
      command: 'Add-RecipientPermission {from} -AccessRights SendAs -Trustee <service principal>',
    },
    next: 'fix-configuration',
    source: OAUTH_SMTP,
    read: READ,
  },
  CONFIG_UPSTREAM_UNKNOWN: {
    title: 'Unknown upstream',
    message: '{key} names the upstream {upstream}, which does not exist ({guess}).',
    cause:
      'A mailbox sends through one of the upstreams under postbearer.upstreams, or through default, the root smtp.',
    remedy: { steps: ['Correct the name, or add the upstream.'] },
    next: 'fix-configuration',
  },
  CONFIG_MAILBOX_TWICE: {
    title: 'Mailbox written twice',
    message: '{key} and {other} are the same mailbox.',
    cause: 'Addresses are compared without regard to capital letters, so one of the two would have no effect.',
    remedy: { steps: ['Put the members of both into one of the two and remove the other.'] },
    next: 'fix-configuration',
  },
  CONFIG_WRITE_REFUSED: {
    title: 'Settings not written',
    message: 'The file {file} was not changed: {reason}.',
    cause: 'Settings are written only where nothing can be lost by it.',
    remedy: { steps: ['{advice}.'] },
    next: 'fix-configuration',
  },
});
