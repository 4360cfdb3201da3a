import { once, EventEmitter } from 'node:events';
import type { PostbearerEvent } from '@postbearer/core';
import type { HttpClient } from '@postbearer/network';
import type { Upstream } from '@postbearer/settings';
import type { SpokenReply } from '@postbearer/smtp/server';
import { describe, expect, it } from 'vitest';
import {
  renderChain,
  verifyUpstream,
  type ChainReport,
  type CheckName,
  type CheckProgress,
  type VerifyOptions,
} from './index.ts';
import {
  address,
  CLIENT_SECRET,
  GOOD_CLAIMS,
  jsonReply,
  jwt,
  PASSWORD,
  PASSWORD_SIGN_IN,
  settingsFor,
  startWorld,
  TOKEN_CANARY,
  tokenEndpoint,
  tokenReply,
  type ServerPlan,
  type SmallWorld,
} from './testing/small-world.ts';

const goodTokens = tokenEndpoint(() => tokenReply(jwt(GOOD_CLAIMS)));

function tokensWith(claims: Readonly<Record<string, unknown>>): HttpClient {
  return tokenEndpoint(() => tokenReply(jwt({ ...GOOD_CLAIMS, ...claims })));
}

function expired(): HttpClient {
  const error_description = 'AADSTS7000222: The provided client secret keys are expired.';
  return tokenEndpoint(() => jsonReply(401, { error: 'invalid_client', error_description, error_codes: [7_000_222] }));
}

function refusal(code: number, enhanced: string, text: string): SpokenReply {
  return { code, enhanced, text };
}

interface Case {
  readonly plan?: ServerPlan;
  readonly upstream?: Partial<Upstream>;
  readonly http?: HttpClient;
  readonly options?: VerifyOptions;
}

async function verify({ plan, upstream, http = goodTokens, options }: Case = {}): Promise<{
  report: ChainReport;
  world: SmallWorld;
}> {
  await using world = await startWorld(plan);
  const report = await verifyUpstream(settingsFor(world, upstream), 'default', { environment: {}, http, ...options });
  // A server may take its time to notice that a client left its handshake; every other session has ended by now.
  if (!/CERTIFICATE|TIMEOUT/.test(report.firstBroken?.fault?.code ?? '')) await world.allEnded();
  return { report, world };
}

function statusOf(report: ChainReport): Record<CheckName, string> {
  return Object.fromEntries(report.results.map(({ name, status }) => [name, status])) as Record<CheckName, string>;
}

/** The names of the failed checks and the codes of their faults. */
function failuresOf(report: ChainReport): string[] {
  return report.results
    .filter(({ status }) => status === 'failed')
    .map(({ name, fault }) => `${name} ${fault?.code ?? ''}`);
}

describe('a chain that holds', () => {
  it('passes every check, sends nothing and says QUIT', async () => {
    const { report, world } = await verify();
    expect(statusOf(report)).toEqual({
      settings: 'passed',
      'name-resolution': 'skipped',
      tcp: 'passed',
      'smtp-greeting': 'passed',
      starttls: 'passed',
      certificate: 'passed',
      capabilities: 'passed',
      token: 'passed',
      'token-claims': 'passed',
      auth: 'passed',
      sender: 'passed',
    });
    expect(report).toMatchObject({
      ok: true,
      upstream: 'default',
      mailbox: 'notifications@contoso.com',
      server: `127.0.0.1:${world.port}`,
    });
    expect(world.attempts).toHaveLength(1);
    expect(world.messages).toBe(0);
    expect(world.dialogue.filter((line) => line.startsWith('C: ')).map((line) => line.split(' ')[1])).toEqual([
      'EHLO',
      'STARTTLS',
      'EHLO',
      'AUTH',
      '[secret]',
      'MAIL',
      'RSET',
      'QUIT',
    ]);
  });

  it('says what it found', async () => {
    const { report } = await verify();
    const details = Object.fromEntries(report.results.map(({ name, detail }) => [name, detail]));
    expect(details['settings']).toMatch(/^127\.0\.0\.1:\d+, STARTTLS, OAuth with a client secret$/);
    expect(details['certificate']).toMatch(/^until \d{4}-\d\d-\d\d, by .+, for localhost, 127\.0\.0\.1$/);
    expect(details['starttls']).toMatch(/^TLSv1\.3, TLS_/);
    expect(details['capabilities']).toContain('XOAUTH2');
    expect(details['token']).toBe('from login.microsoftonline.com, valid for 60 minutes');
    expect(details['token-claims']).toMatch(/^roles SMTP\.SendAsApp, for https:\/\/outlook\.office365\.com, app 0a0b/);
    expect(details['auth']).toBe('XOAUTH2 as notifications@contoso.com');
  });

  it('holds with a password, without a sign-in, and with TLS from the first byte', async () => {
    const password = await verify({ upstream: PASSWORD_SIGN_IN });
    expect(password.report.ok).toBe(true);
    expect(statusOf(password.report)).toMatchObject({ token: 'skipped', 'token-claims': 'skipped', auth: 'passed' });

    const nobody = await verify({
      plan: { security: 'plain' },
      upstream: { authentication: 'none', security: 'none' },
    });
    expect(nobody.report.ok).toBe(true);
    expect(statusOf(nobody.report)).toMatchObject({
      starttls: 'skipped',
      certificate: 'skipped',
      auth: 'skipped',
      sender: 'passed',
    });

    const implicit = await verify({ plan: { security: 'tls' }, upstream: { security: 'tls' } });
    expect(implicit.report.ok).toBe(true);
    expect(statusOf(implicit.report)).toMatchObject({
      starttls: 'passed',
      certificate: 'passed',
      capabilities: 'passed',
    });
  });

  it('works with another provider, whose tokens need not be JWT', async () => {
    const { report } = await verify({
      http: tokenEndpoint(() => tokenReply('opaque-token')),
      upstream: {
        oauth: {
          enabled: true,
          tokenEndpoint: 'https://accounts.example.com/token',
          clientId: 'client',
          scope: 'smtp',
          clientAuthentication: { method: 'managed_identity' },
        },
      },
      options: { environment: { IDENTITY_ENDPOINT: 'http://127.0.0.1:1/token', IDENTITY_HEADER: 'header' } },
    });
    expect(report.ok).toBe(true);
    expect(statusOf(report)['token-claims']).toBe('skipped');
  });
});

describe('the two strands', () => {
  it('are walked side by side: each waits here until the other has begun', async () => {
    const bell = new EventEmitter();
    const connected = once(bell, 'connected');
    const asked = once(bell, 'asked');
    const { report } = await verify({
      plan: {
        handler: {
          async connect() {
            bell.emit('connected');
            await asked;
            return undefined;
          },
        },
      },
      http: tokenEndpoint(async () => {
        bell.emit('asked');
        await connected;
        return tokenReply(jwt(GOOD_CLAIMS));
      }),
    });
    expect(report.ok).toBe(true);
  });

  it('break independently, and both are told', async () => {
    await using world = await startWorld();
    await world.server.close({ graceMs: 0 });
    const report = await verifyUpstream(settingsFor(world), 'default', { environment: {}, http: expired() });
    expect(failuresOf(report)).toEqual(['tcp SMTP_CONNECTION_REFUSED', 'token M365_CLIENT_SECRET_EXPIRED']);
    expect(report.firstBroken?.name).toBe('tcp');
    expect(statusOf(report)).toMatchObject({
      'smtp-greeting': 'not-reached',
      'token-claims': 'not-reached',
      auth: 'not-reached',
      sender: 'not-reached',
    });
  });

  it('tell a token that did not come once, as precisely as the report', async () => {
    const events: PostbearerEvent[] = [];
    await verify({ http: expired(), options: { onEvent: (event) => void events.push(event) } });
    const told = events.filter((event) => event.name === 'token.failed');
    expect(told.map(({ fault }) => fault.code)).toEqual(['M365_CLIENT_SECRET_EXPIRED']);
  });

  it('do not hold each other up: without a token the server is still looked at, and no sign-in is tried', async () => {
    const { report, world } = await verify({ http: expired() });
    expect(failuresOf(report)).toEqual(['token M365_CLIENT_SECRET_EXPIRED']);
    expect(statusOf(report)['capabilities']).toBe('passed');
    expect(world.attempts).toHaveLength(0);
  });
});

describe('where the way to the server breaks', () => {
  it.each<[string, Case, string[], string[]]>([
    [
      'the greeting is a refusal',
      { plan: { handler: { connect: () => refusal(554, '5.7.1', 'no') } } },
      ['smtp-greeting SMTP_GREETING_REFUSED'],
      ['tcp'],
    ],
    [
      'EHLO is refused',
      { plan: { handler: { ehlo: () => refusal(502, '5.5.1', 'no') } } },
      ['smtp-greeting SMTP_EHLO_REFUSED'],
      ['tcp'],
    ],
    [
      'STARTTLS is not offered',
      { plan: { security: 'plain' } },
      ['starttls SMTP_STARTTLS_NOT_OFFERED'],
      ['tcp', 'smtp-greeting'],
    ],
    [
      'STARTTLS is refused',
      { plan: { handler: { startTls: () => refusal(454, '4.7.0', 'no') } } },
      ['starttls SMTP_STARTTLS_UNAVAILABLE'],
      ['smtp-greeting'],
    ],
    [
      'the certificate is for another name',
      { plan: { certificate: { dnsNames: ['other.example'] } } },
      ['certificate SMTP_CERTIFICATE_WRONG_HOST'],
      ['starttls'],
    ],
    [
      'the certificate has ended',
      { plan: { certificate: { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'], notAfter: Date.now() - 1000 } } },
      ['certificate SMTP_CERTIFICATE_EXPIRED'],
      ['starttls'],
    ],
  ])('%s', async (_, given, failures, passedBefore) => {
    const { report, world } = await verify(given);
    expect(failuresOf(report)).toEqual(failures);
    for (const name of passedBefore)
      expect(report.results.find((result) => result.name === name)?.status).toBe('passed');
    expect(statusOf(report)).toMatchObject({ token: 'passed', auth: 'not-reached', sender: 'not-reached' });
    expect(world.attempts).toHaveLength(0);
  });

  it('names a server that never greets, and waits no longer than a person would', async () => {
    const hold = Promise.withResolvers<undefined>();
    try {
      const { report } = await verify({
        plan: { handler: { connect: async () => hold.promise } },
        options: { timeouts: { greeting: 300 } },
      });
      expect(failuresOf(report)).toEqual(['smtp-greeting SMTP_GREETING_TIMEOUT']);
      expect(statusOf(report)['tcp']).toBe('passed');
    } finally {
      hold.resolve(undefined);
    }
  });

  it('names an authority that nobody trusts', async () => {
    await using other = await startWorld();
    const { report } = await verify({ upstream: { caFile: other.caFile } });
    expect(failuresOf(report)).toEqual(['certificate SMTP_CERTIFICATE_UNKNOWN_AUTHORITY']);
  });

  it('tells a name that does not exist from a resolver that does not answer', async () => {
    const lookup = (code: string) => ({ resolve: () => Promise.reject(Object.assign(new Error('no'), { code })) });
    const absent = await verify({ upstream: { server: 'smtp.ofice365.com' }, options: lookup('ENOTFOUND') });
    expect(failuresOf(absent.report)).toEqual(['name-resolution SMTP_HOST_NOT_FOUND']);
    const silent = await verify({ upstream: { server: 'smtp.office365.com' }, options: lookup('EAI_AGAIN') });
    expect(failuresOf(silent.report)).toEqual(['name-resolution SMTP_NAME_LOOKUP_FAILED']);
    expect(statusOf(silent.report)).toMatchObject({ tcp: 'not-reached', token: 'passed' });
  });

  it('shows the addresses of a name', async () => {
    const { report } = await verify({
      upstream: { server: 'localhost' },
      options: { resolve: async () => ['127.0.0.1', '::1', '127.0.0.2'] },
    });
    expect(report.results[1]).toMatchObject({ status: 'passed', detail: '127.0.0.1 and 2 more' });
  });
});

describe('where the sign-in breaks', () => {
  const refusing = (reply: SpokenReply): ServerPlan => ({ handler: { authenticate: () => reply } });
  const silent = refusing(refusal(535, '5.7.3', 'Authentication unsuccessful [HOST.prod.outlook.com]'));

  it('explains what Exchange Online said, with the command to run', async () => {
    const { report } = await verify({
      plan: refusing(
        refusal(535, '5.7.139', 'Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.'),
      ),
    });
    expect(failuresOf(report)).toEqual(['auth M365_SMTP_AUTH_DISABLED_MAILBOX']);
    expect(report.firstBroken?.fault).toMatchObject({
      reported: 'SMTP_AUTH_REFUSED',
      remedy: {
        command: 'Set-CASMailbox -Identity notifications@contoso.com -SmtpClientAuthenticationDisabled $false',
      },
    });
    expect(report.firstBroken?.detail).toBe('SMTP AUTH off for the mailbox');
  });

  it.each([
    ['nothing is wrong with the token', {}, 'passed', 'M365_MAILBOX_NOT_GRANTED'],
    ['the token has no role', { roles: undefined }, 'warning', 'M365_TOKEN_WITHOUT_ROLE'],
    ['the token is for Graph', { aud: 'https://graph.microsoft.com' }, 'warning', 'M365_TOKEN_AUDIENCE_WRONG'],
  ])('asks the token where the server gives no reason: %s', async (_, claims, claimsStatus, code) => {
    const { report } = await verify({ plan: silent, http: tokensWith(claims) });
    expect(statusOf(report)['token-claims']).toBe(claimsStatus);
    expect(failuresOf(report)).toEqual([`auth ${code}`]);
  });

  it('lets a token without roles pass where the server takes it, as under RBAC for Applications', async () => {
    const { report } = await verify({ http: tokensWith({ roles: undefined }) });
    expect(report.ok).toBe(true);
    expect(report.results.find(({ name }) => name === 'token-claims')).toMatchObject({
      status: 'warning',
      fault: { code: 'M365_TOKEN_WITHOUT_ROLE' },
    });
  });

  it('does not read the tokens of another provider as those of Entra', async () => {
    const { report } = await verify({
      http: tokensWith({ aud: 'https://mail.example.com' }),
      upstream: {
        oauth: {
          enabled: true,
          tokenEndpoint: 'https://accounts.example.com/token',
          clientId: 'client',
          scope: 'smtp',
          clientAuthentication: { method: 'federated_token_file', path: '/token' },
        },
      },
      options: { readFile: async () => Buffer.from('federated') },
    });
    expect(statusOf(report)['token-claims']).toBe('passed');
  });

  it('names a sender that is refused', async () => {
    const { report } = await verify({
      plan: {
        handler: {
          mail: () => refusal(550, '5.7.60', 'SMTP; Client does not have permissions to send as this sender'),
        },
      },
    });
    expect(failuresOf(report)).toEqual(['sender M365_SEND_AS_DENIED']);
  });

  it('does not claim that another sender than the mailbox is proven', async () => {
    const { report } = await verify({ upstream: { fromAddress: address('sales@contoso.com') } });
    expect(report.results.at(-1)?.detail).toBe(
      'sales@contoso.com taken; whether notifications@contoso.com may send as it shows only with a message',
    );
  });

  it('sends no password and no token over a connection that is not encrypted', async () => {
    const { report, world } = await verify({
      plan: { security: 'plain' },
      upstream: { security: 'none', ...PASSWORD_SIGN_IN },
    });
    expect(failuresOf(report)).toEqual(['auth SMTP_AUTH_NEEDS_TLS']);
    expect(world.attempts).toHaveLength(0);
  });
});

describe('where the settings break', () => {
  it.each<[string, string, Partial<Upstream>, VerifyOptions, string]>([
    ['an upstream that is not there', 'reports', {}, {}, 'CONFIG_UPSTREAM_UNKNOWN'],
    ['a name that every object has', 'constructor', {}, {}, 'CONFIG_UPSTREAM_UNKNOWN'],
    ['mail switched off', 'default', { enabled: false }, {}, 'CONFIG_MAIL_DISABLED'],
    ['a CA file that is not there', 'default', { caFile: '/nowhere/ca.pem' }, {}, 'NETWORK_CA_FILE_MISSING'],
    [
      'checks switched off by the environment',
      'default',
      {},
      { environment: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } },
      'NETWORK_VERIFICATION_DISABLED',
    ],
  ])('%s', async (_, name, upstream, options, code) => {
    await using world = await startWorld();
    const report = await verifyUpstream(settingsFor(world, upstream), name, {
      environment: {},
      http: goodTokens,
      ...options,
    });
    expect(failuresOf(report)).toEqual([`settings ${code}`]);
    expect(report.results.slice(1).every(({ status }) => status === 'not-reached')).toBe(true);
    expect(world.dialogue).toEqual([]);
  });

  it('warns of a password at Microsoft with the next date of its end', async () => {
    const { report } = await verify({
      upstream: { ...PASSWORD_SIGN_IN, server: 'smtp.office365.com' },
      options: { resolve: () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })) },
    });
    expect(report.results[0]).toMatchObject({ status: 'warning', fault: { code: 'CONFIG_BASIC_AUTHENTICATION' } });
  });
});

describe('while it is walked', () => {
  it('tells of each check once when it starts and once when it ends, and of none that is not reached', async () => {
    const progress: CheckProgress[] = [];
    const { report } = await verify({ http: expired(), options: { onProgress: (step) => progress.push(step) } });
    const started = progress.flatMap((step) => (step.kind === 'started' ? [step.name] : []));
    const finished = progress.flatMap((step) => (step.kind === 'finished' ? [step.result.name] : []));
    const walked = report.results.filter(({ status }) => status !== 'not-reached').map(({ name }) => name);
    expect(started.toSorted()).toEqual(walked.toSorted());
    expect(finished.toSorted()).toEqual(walked.toSorted());
    expect(progress[0]).toEqual({ kind: 'started', name: 'settings', title: 'Settings' });
  });

  it.each(['token', 'greeting'])('stops with the reason of the caller while it waits for the %s', async (place) => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const hold = Promise.withResolvers<undefined>();
    await using world = await startWorld({
      handler: {
        connect: async () => {
          if (place !== 'greeting') return undefined;
          controller.abort(reason);
          return hold.promise;
        },
      },
    });
    const http: HttpClient = {
      async request({ signal }) {
        if (place !== 'token') return tokenReply(jwt(GOOD_CLAIMS));
        const aborted = Promise.withResolvers<never>();
        signal?.addEventListener('abort', () => aborted.reject(signal.reason));
        controller.abort(reason);
        return aborted.promise;
      },
    };
    const walk = verifyUpstream(settingsFor(world), 'default', { environment: {}, http, signal: controller.signal });
    await expect(walk).rejects.toBe(reason);
    hold.resolve(undefined);
    expect(world.messages).toBe(0);
  });

  it('tells events with their faults explained, and the dialogue only where it is asked for', async () => {
    const heard = async (dialogue: boolean): Promise<PostbearerEvent[]> => {
      const events: PostbearerEvent[] = [];
      const reply = refusal(535, '5.7.139', 'Authentication unsuccessful, basic authentication is disabled.');
      await verify({
        plan: { handler: { authenticate: () => reply } },
        options: { dialogue, onEvent: (event) => events.push(event) },
      });
      return events;
    };
    const quiet = await heard(false);
    expect(quiet.map(({ name }) => name).toSorted()).toEqual([
      'smtp.authentication-failed',
      'smtp.closed',
      'smtp.connected',
      'token.acquired',
    ]);
    expect(quiet.find(({ name }) => name === 'smtp.authentication-failed')).toMatchObject({
      fault: { code: 'M365_BASIC_AUTH_DISABLED' },
    });
    expect((await heard(true)).some(({ name }) => name === 'smtp.dialogue')).toBe(true);
  });

  it('shows no secret anywhere: not in the report, its picture, the progress or the events', async () => {
    const said: unknown[] = [];
    const options: VerifyOptions = {
      dialogue: true,
      onEvent: (event) => said.push(event),
      onProgress: (step) => said.push(step),
    };
    const token = jwt(GOOD_CLAIMS);
    const echo: ServerPlan = {
      handler: {
        authenticate: (_, attempt) =>
          refusal(535, '5.7.8', `no: ${'token' in attempt ? attempt.token.reveal() : attempt.password.reveal()}`),
      },
    };
    for (const given of [{}, { plan: echo }, { plan: echo, upstream: PASSWORD_SIGN_IN }, { http: expired() }]) {
      const { report } = await verify({ ...given, options });
      said.push(report, renderChain(report, { color: false, width: 400, unicode: true }));
    }
    const text = JSON.stringify(said);
    for (const secret of [CLIENT_SECRET, PASSWORD, TOKEN_CANARY, token]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(Buffer.from(secret).toString('base64').slice(2, -4));
    }
    // The control: the names are all there, so something was said.
    expect(text).toContain('notifications@contoso.com');
  });
});
