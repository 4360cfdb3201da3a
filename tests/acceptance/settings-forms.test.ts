/**
 * The settings that administrators already have, sent with as they are.
 *
 * The files are those of the public guide "OAuth SMTP Configuration for Microsoft 365" (June 2026); only values are replaced, and the
 * emulator's certificate authority is named by EMAIL_SERVER_CA_FILE, as a private authority is.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Emulator, EmulatorSettings } from '@postbearer/emulator';
import { startCanaryEmulator } from '../setup/canary-emulator.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { canaryPassword } from '../setup/canaries.ts';
import { runCommand, type CommandEnd } from '../setup/run-command.ts';

let emulator: Emulator;
let folder = '';
let raw: Buffer;

beforeEach(async () => {
  emulator = await startCanaryEmulator();
  folder = await mkdtemp(join(tmpdir(), 'postbearer-forms-'));
  raw = Buffer.from(
    'From: notifications@contoso.example\r\nTo: user@example.com\r\nSubject: raw\r\n\r\n.\r\n..\r\nbytes \r\n\r\n',
  );
  await writeFile(join(folder, 'message.eml'), raw);
});

afterEach(async () => {
  await emulator.close();
  await rm(folder, { recursive: true });
});

async function sendRaw(config: string | undefined, environment: Record<string, string>): Promise<CommandEnd> {
  return await runCommand(
    ['send', ...(config === undefined ? [] : ['--config', config]), '--to', 'user@example.com', '--raw', 'message.eml'],
    {
      folder,
      environment: { EMAIL_SERVER_CA_FILE: emulator.certificateAuthorityFile, ...environment },
    },
  );
}

function expectDelivered(end: CommandEnd): void {
  expect(end).toMatchObject({ exitCode: 0 });
  expect(end.err).toContain('[Information] Successfully acquired OAuth token for SMTP authentication\n');
  expect(end.err).toContain('[Information] Email sent successfully to: user@example.com\n');
  expect(emulator.messages.map(({ bytes }) => Buffer.from(bytes).equals(raw))).toEqual([true]);
}

function guideJson({ smtp }: EmulatorSettings): string {
  return `{
"smtp": {
"enabled": true,
"server": "${smtp.server}",
"port": "${smtp.port}",
"enableSsl": true,
"username": "${smtp.username}",
"fromAddress": "${smtp.fromAddress}",
"password": "${canaryPassword}",
"oauth": {
"enabled": true,
"tokenEndpoint": "${smtp.oauth.tokenEndpoint}",
"clientId": "${smtp.oauth.clientId}",
"clientSecret": "${smtp.oauth.clientSecret}",
"scope": "https://outlook.office365.com/.default",
"tokenMethod": "POST",
"grantType": "client_credentials"
}
}
}`;
}

function guideTfvars({ smtp }: EmulatorSettings, names: 'guide' | 'module'): string {
  const basic =
    names === 'guide'
      ? {
          server: 'email_server',
          ssl: 'email_server_ssl',
          port: 'email_server_port',
          user: 'email_username',
          from: 'email_from_address',
        }
      : {
          server: 'smtp_server',
          ssl: 'smtp_enable_ssl',
          port: 'smtp_port',
          user: 'smtp_username',
          from: 'smtp_from_address',
        };
  return `# Enable email notifications (required - defaults to false)
enable_email_notification = true
# Enable OAuth SMTP authentication
enable_email_oauth = true
email_oauth_token_endpoint = "${smtp.oauth.tokenEndpoint}"
# Azure AD application credentials
email_oauth_token_client_id = "${smtp.oauth.clientId}"
email_oauth_token_client_secret = "${smtp.oauth.clientSecret.replaceAll('${', () => '$${')}"
# OAuth scope (use this exact value for Microsoft 365)
email_oauth_token_scope = "https://outlook.office365.com/.default"
# Basic SMTP settings (still required with OAuth)
${basic.server} = "${smtp.server}"
${basic.ssl} = true
${basic.port} = ${smtp.port}
${basic.user} = "${smtp.username}"
${basic.from} = "${smtp.fromAddress}"
# Note: email_password is not used when OAuth is enabled
`;
}

function guideEnvironment({ smtp }: EmulatorSettings): Record<string, string> {
  return {
    ENABLE_EMAIL: 'true',
    ENABLE_EMAIL_OAUTH: 'true',
    EMAIL_SERVER: smtp.server,
    EMAIL_SERVER_SSL: 'true',
    EMAIL_SERVER_PORT: smtp.port,
    EMAIL_USERNAME: smtp.username,
    EMAIL_FROM_ADDRESS: smtp.fromAddress,
    EMAIL_OAUTH_TOKEN_ENDPOINT: smtp.oauth.tokenEndpoint,
    EMAIL_OAUTH_TOKEN_CLIENT_ID: smtp.oauth.clientId,
    EMAIL_OAUTH_TOKEN_CLIENT_SECRET: smtp.oauth.clientSecret,
    EMAIL_OAUTH_TOKEN_SCOPE: smtp.oauth.scope,
  };
}

/** The variables of the App Designer container, which describe the token request as a form. */
function containerEnvironment({ smtp }: EmulatorSettings): Record<string, string> {
  const at = 'XMPRO__XMNOTIFICATION__EMAIL__';
  const form = `${at}OAUTHTOKENREQUEST__FORMDATA__`;
  return {
    [`${at}ENABLE`]: 'true',
    [`${at}SMTPSERVER`]: smtp.server,
    [`${at}PORT`]: smtp.port,
    [`${at}ENABLESSL`]: 'true',
    [`${at}USERNAME`]: smtp.username,
    [`${at}FROMADDRESS`]: smtp.fromAddress,
    [`${at}OAUTHTOKENREQUEST__ENDPOINT`]: smtp.oauth.tokenEndpoint,
    [`${at}OAUTHTOKENREQUEST__METHOD`]: 'POST',
    [`${form}grant_type`]: 'client_credentials',
    [`${form}client_id`]: smtp.oauth.clientId,
    [`${form}client_secret`]: smtp.oauth.clientSecret,
    [`${form}scope`]: smtp.oauth.scope,
  };
}

describe('mail goes out, byte for byte,', () => {
  test('from Global-variables.json as in the guide', async () => {
    await writeFile(join(folder, 'Global-variables.json'), guideJson(emulator.settings()));
    expectDelivered(await sendRaw('Global-variables.json', {}));
  });

  test('from Global-variables.json in the working folder, without a word', async () => {
    await writeFile(
      join(folder, 'Global-variables.json'),
      `\ufeff${guideJson(emulator.settings()).replaceAll('\n', '\r\n')}`,
    );
    expectDelivered(await sendRaw(undefined, {}));
  });

  test.each(['guide', 'module'] as const)('from tfvars with the names of the %s', async (names) => {
    await writeFile(join(folder, 'terraform.tfvars'), guideTfvars(emulator.settings(), names));
    expectDelivered(await sendRaw('terraform.tfvars', {}));
  });

  test('from environment variables alone', async () => {
    expectDelivered(await sendRaw(undefined, guideEnvironment(emulator.settings())));
  });

  test('from the container variables, where OAuth is switched on beside them', async () => {
    expectDelivered(
      await sendRaw(undefined, { ...containerEnvironment(emulator.settings()), ENABLE_EMAIL_OAUTH: 'true' }),
    );
  });

  test('with the secret in a file of its own, or as a systemd credential', async () => {
    const { EMAIL_OAUTH_TOKEN_CLIENT_SECRET: secret = '', ...rest } = guideEnvironment(emulator.settings());
    await writeFile(join(folder, 'secret'), `${secret}\n`, { mode: 0o600 });
    expectDelivered(
      await sendRaw(undefined, { ...rest, EMAIL_OAUTH_TOKEN_CLIENT_SECRET_FILE: join(folder, 'secret') }),
    );
    emulator.removeMessages();
    await writeFile(join(folder, 'EMAIL_OAUTH_TOKEN_CLIENT_SECRET'), secret, { mode: 0o600 });
    expectDelivered(await sendRaw(undefined, { ...rest, CREDENTIALS_DIRECTORY: folder }));
  });
});

test('Terraform settings without enable_email_notification say that mail is disabled', async () => {
  await writeFile(
    join(folder, 'terraform.tfvars'),
    guideTfvars(emulator.settings(), 'guide').replace('enable_email_notification = true', ''),
  );
  const end = await sendRaw('terraform.tfvars', {});
  expect(end.exitCode).toBe(78);
  expect(end.err).toContain('[Warning] Email is disabled: nothing was sent\n');
  expect(end.err + end.out).toContain('enable_email_notification');
  expect(emulator.messages).toHaveLength(0);
});
