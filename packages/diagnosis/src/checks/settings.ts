/** The settings of the upstream can be used: it is there, mail is switched on, its certificate authorities can be read. */
import { basicAuthOutlook } from '@postbearer/microsoft365';
import { cloudOfSmtpHost } from '@postbearer/microsoft365/clouds';
import { mailDisabledFault, settingsFaults, type Upstream } from '@postbearer/settings';
import { upstreamAccess } from '../upstream-access.ts';
import { failed, passed, warned, type Check, type CheckOutcome } from './check.ts';

const SECURITY: Readonly<Record<Upstream['security'], string>> = {
  starttls: 'STARTTLS',
  tls: 'TLS from the first byte',
  none: 'not encrypted',
};

const CREDENTIALS = {
  client_secret_post: 'a client secret',
  client_secret_basic: 'a client secret',
  private_key_jwt: 'a certificate',
  federated_token_file: 'a federated token',
  managed_identity: 'a managed identity',
} as const;

function signInWords({ authentication, oauth }: Upstream): string {
  if (authentication === 'password') return 'a password';
  if (oauth === undefined || authentication === 'none') return 'no sign-in';
  return `OAuth with ${CREDENTIALS[oauth.clientAuthentication.method]}`;
}

function describe(upstream: Upstream, file: string | undefined): string {
  const where = file === undefined ? '' : ` (${file})`;
  return `${upstream.server}:${upstream.port}, ${SECURITY[upstream.security]}, ${signInWords(upstream)}${where}`;
}

/** Passwords at Microsoft's own servers have an end. */
function warnOfPassword(upstream: Upstream, detail: string, now: number): CheckOutcome | undefined {
  if (upstream.authentication !== 'password' || cloudOfSmtpHost(upstream.server) === undefined) return undefined;
  const { next } = basicAuthOutlook(now);
  const fault = settingsFaults.make('CONFIG_BASIC_AUTHENTICATION', {
    server: upstream.server,
    key: `${upstream.name === 'default' ? 'smtp' : `postbearer.upstreams.${upstream.name}`}.oauth.enabled`,
  });
  return warned(next === undefined ? detail : `${detail}; ${next.when}: ${next.what}`, fault);
}

/** The check. */
export const settingsCheck: Check = {
  name: 'settings',
  needs: [],
  run(state) {
    const { settings, upstreamName, options } = state;
    const access = upstreamAccess(settings, upstreamName, { ...options, onEvent: (event) => state.tell(event) });
    if (!access.ok) return Promise.resolve(failed(access.fault));
    const { upstream } = access.value;
    state.access = access.value;
    if (!upstream.enabled) return Promise.resolve(failed(mailDisabledFault(upstream)));
    const detail = describe(upstream, settings.file);
    return Promise.resolve(warnOfPassword(upstream, detail, state.clock.now()) ?? passed(detail));
  },
};
