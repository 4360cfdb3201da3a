/**
 * The one table of all settings; the rows of the service stand in `service-schema.ts`.
 *
 * Rule: whatever is true of a setting stands here once. The readers of JSON, environment and Terraform, the check of
 * types, `config show`, conversion, the JSON Schema and the reference page all go through this table.
 *
 * Names of the guide are those of `Global-variables.json`, of the `EMAIL_*` variables and of `terraform.tfvars`. The
 * published Terraform module calls some of its variables `smtp_*`; both families are read. `XMPRO__XMNOTIFICATION__EMAIL__…`
 * is how App Designer is told the same (terraform-xmpro-azure 4.6.1 of 2026-05-13, modules/_app/ad-app-service-container).
 */

/** How the value of a setting is read and what it may be. */
export type SettingType =
  /** `true` or `false`, also as text: true, yes, on, y, 1 and their opposites. */
  | 'flag'
  /** 1 to 65535, as a number or as text. */
  | 'port'
  | 'text'
  /** A host name or IP address, nothing else. */
  | 'host'
  /** One mail address without display name. */
  | 'address'
  /** An absolute URL. */
  | 'url'
  /** A file; relative to the folder of the file it is written in. */
  | 'path'
  /** A log level's name. */
  | 'level'
  /** A cloud's name. */
  | 'cloud'
  | 'choice'
  /** A whole number from `least` to `most`, as a number or as text. */
  | 'count'
  /** Never shown; in JSON also `{"file": "…"}` or `{"systemdCredential": "…"}`. */
  | 'secret';

/** What is known of one setting. */
export interface Setting {
  readonly type: SettingType;
  /** Of a `choice`: what it may be. */
  readonly choices?: readonly string[];
  /** Of a `count`: the smallest. */
  readonly least?: number;
  /** Of a `count`: the largest. */
  readonly most?: number;
  /** Environment variables, all of one rank. Each but that of a `path` may have `_FILE` added: then its value is read from that file. */
  readonly environment: readonly string[];
  /** What follows `XMPRO__XMNOTIFICATION__EMAIL__`, whatever its case. */
  readonly xmpro?: string;
  /** Terraform variables, all of one rank. */
  readonly tfvars: readonly string[];
  /** What holds where nobody says anything and nothing can be derived. */
  readonly default?: string;
  /** What it is derived from where it is left out, for people. */
  readonly derivedFrom?: string;
  readonly description: string;
  /** A value as it may stand in a file; of secrets a placeholder that `config check` refuses. */
  readonly example: string;
}

/** The settings of one upstream: paths inside `smtp`. */
export type UpstreamKey =
  | 'enabled'
  | 'server'
  | 'port'
  | 'enableSsl'
  | 'username'
  | 'fromAddress'
  | 'password'
  | 'caFile'
  | 'oauth.enabled'
  | 'oauth.tokenEndpoint'
  | 'oauth.tenant'
  | 'oauth.cloud'
  | 'oauth.clientId'
  | 'oauth.clientSecret'
  | 'oauth.scope'
  | 'oauth.tokenMethod'
  | 'oauth.grantType'
  | 'oauth.clientAuthentication'
  | 'oauth.certificateFile'
  | 'oauth.privateKey'
  | 'oauth.federatedTokenFile'
  | 'oauth.managedIdentityClientId';

/** Every setting of an upstream, in the order in which they are shown. */
export const UPSTREAM_SETTINGS: Readonly<Record<UpstreamKey, Setting>> = {
  enabled: {
    type: 'flag',
    environment: ['ENABLE_EMAIL', 'ENABLE_EMAIL_NOTIFICATION'],
    xmpro: 'ENABLE',
    tfvars: ['enable_email_notification'],
    default: 'true',
    description:
      'Whether mail is sent at all. A tfvars file that leaves `enable_email_notification` out means false, as Terraform does.',
    example: 'true',
  },
  server: {
    type: 'host',
    environment: ['EMAIL_SERVER'],
    xmpro: 'SMTPSERVER',
    tfvars: ['email_server', 'smtp_server'],
    derivedFrom: 'the cloud, where OAuth is on',
    description: 'The server that takes the mail.',
    example: 'smtp.office365.com',
  },
  port: {
    type: 'port',
    environment: ['EMAIL_SERVER_PORT'],
    xmpro: 'PORT',
    tfvars: ['email_server_port', 'smtp_port'],
    default: '587',
    description: 'The port of that server, as a number or as text.',
    example: '587',
  },
  enableSsl: {
    type: 'flag',
    environment: ['EMAIL_SERVER_SSL'],
    xmpro: 'ENABLESSL',
    tfvars: ['email_server_ssl', 'smtp_enable_ssl'],
    default: 'true',
    description:
      'Whether the connection is encrypted: STARTTLS is required on every port but 465, where encryption starts with the first byte. False is refused where a password or a token would be sent.',
    example: 'true',
  },
  username: {
    type: 'text',
    environment: ['EMAIL_USERNAME'],
    xmpro: 'USERNAME',
    tfvars: ['email_username', 'smtp_username'],
    derivedFrom: '`fromAddress`, where OAuth is on',
    description: 'The mailbox that signs in. At Microsoft 365 its address, elsewhere the name of the user.',
    example: 'notifications@contoso.com',
  },
  fromAddress: {
    type: 'address',
    environment: ['EMAIL_FROM_ADDRESS'],
    xmpro: 'FROMADDRESS',
    tfvars: ['email_from_address', 'smtp_from_address'],
    derivedFrom: '`username`, where that is an address',
    description: 'The address in From. Another one than `username` needs the Send As permission.',
    example: 'notifications@contoso.com',
  },
  password: {
    type: 'secret',
    environment: ['EMAIL_PASSWORD'],
    xmpro: 'PASSWORD',
    tfvars: ['email_password', 'smtp_password'],
    description: 'The password of that user. Used only while OAuth is off.',
    example: 'your-smtp-password',
  },
  caFile: {
    type: 'path',
    environment: ['EMAIL_SERVER_CA_FILE'],
    tfvars: ['email_server_ca_file'],
    description: 'PEM file with certificate authorities to trust beside the built-in ones.',
    example: '/etc/postbearer/ca.pem',
  },
  'oauth.enabled': {
    type: 'flag',
    environment: ['ENABLE_EMAIL_OAUTH'],
    tfvars: ['enable_email_oauth'],
    default: 'false',
    derivedFrom: 'the presence of a token endpoint among the `XMPRO__…` variables, which have no such flag',
    description: 'Whether to sign in with a token. False signs in with the password: the way back.',
    example: 'true',
  },
  'oauth.tokenEndpoint': {
    type: 'url',
    environment: ['EMAIL_OAUTH_TOKEN_ENDPOINT'],
    xmpro: 'OAUTHTOKENREQUEST__ENDPOINT',
    tfvars: ['email_oauth_token_endpoint'],
    derivedFrom: '`oauth.tenant` and `oauth.cloud`',
    description: 'Where tokens are asked for.',
    example: 'https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token',
  },
  'oauth.tenant': {
    type: 'text',
    environment: ['EMAIL_OAUTH_TENANT'],
    tfvars: ['email_oauth_tenant'],
    derivedFrom: '`oauth.tokenEndpoint`',
    description: 'Directory (tenant) ID or a domain of the tenant, in place of the token endpoint.',
    example: 'contoso.com',
  },
  'oauth.cloud': {
    type: 'cloud',
    environment: ['EMAIL_OAUTH_CLOUD'],
    tfvars: ['email_oauth_cloud'],
    derivedFrom: '`oauth.tokenEndpoint`, else `server`',
    description: 'The national cloud of the tenant: global, us-government or china.',
    example: 'global',
  },
  'oauth.clientId': {
    type: 'text',
    environment: ['EMAIL_OAUTH_TOKEN_CLIENT_ID'],
    xmpro: 'OAUTHTOKENREQUEST__FORMDATA__CLIENT_ID',
    tfvars: ['email_oauth_token_client_id'],
    description: 'The application (client) ID of the app registration.',
    example: '8f0e7c52-1b1d-4c0a-a2a3-5f2b6d7e9c10',
  },
  'oauth.clientSecret': {
    type: 'secret',
    environment: ['EMAIL_OAUTH_TOKEN_CLIENT_SECRET'],
    xmpro: 'OAUTHTOKENREQUEST__FORMDATA__CLIENT_SECRET',
    tfvars: ['email_oauth_token_client_secret'],
    description: 'The value (not the ID) of a client secret of that app.',
    example: 'your-client-secret-value',
  },
  'oauth.scope': {
    type: 'text',
    environment: ['EMAIL_OAUTH_TOKEN_SCOPE'],
    xmpro: 'OAUTHTOKENREQUEST__FORMDATA__SCOPE',
    tfvars: ['email_oauth_token_scope'],
    default: 'https://outlook.office365.com/.default',
    derivedFrom: 'the cloud',
    description: 'The scope of the token. The default is that of the global cloud of Microsoft 365.',
    example: 'https://outlook.office365.com/.default',
  },
  'oauth.tokenMethod': {
    type: 'text',
    environment: ['EMAIL_OAUTH_TOKEN_METHOD'],
    xmpro: 'OAUTHTOKENREQUEST__METHOD',
    tfvars: ['email_oauth_token_method'],
    default: 'POST',
    description: 'How tokens are asked for. Only POST exists.',
    example: 'POST',
  },
  'oauth.grantType': {
    type: 'text',
    environment: ['EMAIL_OAUTH_TOKEN_GRANT_TYPE'],
    xmpro: 'OAUTHTOKENREQUEST__FORMDATA__GRANT_TYPE',
    tfvars: ['email_oauth_token_grant_type'],
    default: 'client_credentials',
    description: 'The OAuth grant. Only client_credentials is used.',
    example: 'client_credentials',
  },
  'oauth.clientAuthentication': {
    type: 'choice',
    choices: [
      'client_secret_post',
      'client_secret_basic',
      'private_key_jwt',
      'federated_token_file',
      'managed_identity',
    ],
    environment: ['EMAIL_OAUTH_CLIENT_AUTHENTICATION'],
    tfvars: ['email_oauth_client_authentication'],
    default: 'client_secret_post',
    derivedFrom: 'which of client secret, certificate and federated token file is set',
    description: 'How the app proves who it is at the token endpoint.',
    example: 'client_secret_post',
  },
  'oauth.certificateFile': {
    type: 'path',
    environment: ['EMAIL_OAUTH_CERTIFICATE_FILE'],
    tfvars: ['email_oauth_certificate_file'],
    description: 'PEM file of the certificate that is registered with the app (private_key_jwt).',
    example: '/etc/postbearer/app-certificate.pem',
  },
  'oauth.privateKey': {
    type: 'secret',
    environment: ['EMAIL_OAUTH_PRIVATE_KEY'],
    tfvars: ['email_oauth_private_key'],
    description: 'The private key of that certificate, PEM (private_key_jwt).',
    example: 'your-private-key',
  },
  'oauth.federatedTokenFile': {
    type: 'path',
    environment: ['EMAIL_OAUTH_FEDERATED_TOKEN_FILE'],
    tfvars: ['email_oauth_federated_token_file'],
    description: 'File with the token of a federated credential, kept fresh by the platform (federated_token_file).',
    example: '/var/run/secrets/azure/tokens/azure-identity-token',
  },
  'oauth.managedIdentityClientId': {
    type: 'text',
    environment: ['EMAIL_OAUTH_MANAGED_IDENTITY_CLIENT_ID'],
    tfvars: ['email_oauth_managed_identity_client_id'],
    description:
      'Client ID of a user-assigned identity (managed_identity); left out for the one assigned by the system.',
    example: '5d2c1d0e-93f4-4a7b-8a59-0c1f7d3e2b11',
  },
};

/** The keys of {@link UPSTREAM_SETTINGS} in their order. */
export const UPSTREAM_KEYS: readonly UpstreamKey[] = Object.keys(UPSTREAM_SETTINGS) as UpstreamKey[];

/** What a setting is, within a sentence: the beginning of its description. */
export function meaningOf(key: UpstreamKey): string {
  const meaning = UPSTREAM_SETTINGS[key].description.split('. ')[0]?.replace(/\.$/, '') ?? key;
  return meaning.charAt(0).toLowerCase() + meaning.slice(1);
}

/** The path of the log level, at the root of the file. */
export const LOG_LEVEL_KEY = 'LOG_LEVEL';

/** The level from which on events are logged. */
export const LOG_LEVEL_SETTING: Setting = {
  type: 'level',
  environment: ['LOG_LEVEL'],
  tfvars: ['log_level'],
  default: 'Information',
  description: 'The level from which on events are logged: Verbose, Debug, Information, Warning, Error or Fatal.',
  example: 'Information',
};

/** What stands before {@link Setting.xmpro}. */
export const XMPRO_PREFIX = 'XMPRO__XMNOTIFICATION__EMAIL__';

/** Names that belong to the same software and say nothing to us; they are left alone without a word. */
export const FOREIGN_NAMES: ReadonlySet<string> = new Set([
  'EMAIL_USE_DEFAULT_CREDENTIALS',
  'EMAIL_TEMPLATE_FOLDER',
  'EMAIL_WEB_APPLICATION',
  ...['USEDEFAULTCREDENTIALS', 'TEMPLATEFOLDER', 'WEBAPPLICATION'].map((name) => `${XMPRO_PREFIX}${name}`),
]);

/** Children of the root key `postbearer` that hold no settings of the service with one value. */
export const POSTBEARER_SECTIONS: readonly string[] = ['upstreams', 'mailboxes', 'webhooks', 'alerts'];

/** The numbers of a mailbox's pace, each a whole number from 1. The mailer keeps connections; the rest needs a memory of what was sent. */
export const PACE_KEYS: Readonly<Record<'connections' | 'messagesPerMinute' | 'recipientsPerDay', string>> = {
  connections: 'Connections of this mailbox at a time. Exchange Online allows 3.',
  messagesPerMinute:
    'Messages a minute. Exchange Online allows 30. Kept by the service; sending without it does not count.',
  recipientsPerDay:
    'Recipients in 24 hours. Exchange Online allows 10,000. Kept by the service; sending without it does not count.',
};
