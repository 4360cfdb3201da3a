/**
 * Postfix of the system with a configuration of its own, AUTH PLAIN over STARTTLS to the sink.
 *
 * `default` opens a connection for each message, as Postfix does; `tuned` keeps connections and takes in mail without its usual pause.
 * Needs root, since Postfix changes users, and the packages postfix and libsasl2-modules.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { freePort } from '../../sink/sink.ts';
import { SERVER_NAME, USERNAME } from '../../workload.ts';
import { runToEnd, untilAnswering, type Relay, type RelayWorld } from './relay.ts';

/** How it is set up. */
export type PostfixVariant = 'tuned' | 'default';

/** The services that a relay needs: name, type, unprivileged columns, most processes, program. */
const SERVICES = `cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsproxy unix - - n - 0 tlsproxy
postlog unix-dgram n - n - 1 postlogd
`;

function mainSettings(folder: string, { sink, connections }: RelayWorld, variant: PostfixVariant): string {
  const next = `[${SERVER_NAME}]:${sink.port}`;
  const settings = {
    compatibility_level: '3.6',
    queue_directory: join(folder, 'spool'),
    command_directory: '/usr/sbin',
    daemon_directory: '/usr/lib/postfix/sbin',
    data_directory: join(folder, 'data'),
    mail_owner: 'postfix',
    setgid_group: 'postdrop',
    myhostname: 'relay.example.com',
    mydestination: '',
    mynetworks: '127.0.0.0/8',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    smtp_host_lookup: 'native',
    local_recipient_maps: '',
    alias_maps: '',
    local_transport: 'error:no local mail',
    smtpd_relay_restrictions: 'permit_mynetworks, reject',
    smtpd_peername_lookup: 'no',
    maillog_file: join(folder, 'maillog'),
    maillog_file_prefixes: folder,
    relayhost: next,
    smtp_tls_security_level: 'secure',
    smtp_tls_CAfile: join(folder, 'ca.pem'),
    smtp_sasl_auth_enable: 'yes',
    smtp_sasl_password_maps: `texthash:${join(folder, 'etc', 'passwords')}`,
    smtp_sasl_security_options: '',
    smtp_sasl_mechanism_filter: 'plain',
    default_destination_concurrency_limit: connections,
    initial_destination_concurrency: connections,
    default_process_limit: 100,
    ...(variant === 'default'
      ? {}
      : {
          in_flow_delay: 0,
          smtp_tls_connection_reuse: 'yes',
          smtp_connection_cache_destinations: next,
          smtp_connection_reuse_time_limit: '300s',
          smtp_tls_session_cache_database: 'btree:${data_directory}/smtp_scache',
        }),
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');
}

function idOf(option: '-u' | '-g'): number {
  return Number(execFileSync('id', [option, 'postfix']).toString());
}

/** Starts it. */
export async function startPostfix(world: RelayWorld, variant: PostfixVariant): Promise<Relay> {
  const { folder, caPem, sink } = world;
  const etc = join(folder, 'etc');
  for (const name of ['etc', 'spool', 'data']) mkdirSync(join(folder, name), { recursive: true });
  // Its user has to reach its folders.
  for (let each = folder; each !== dirname(each); each = dirname(each)) chmodSync(each, statSync(each).mode | 0o011);
  chownSync(join(folder, 'data'), idOf('-u'), idOf('-g'));
  writeFileSync(join(folder, 'maillog'), '', { mode: 0o666 });
  writeFileSync(join(folder, 'ca.pem'), caPem);
  const port = await freePort();
  writeFileSync(join(etc, 'passwords'), `[${SERVER_NAME}]:${sink.port} ${USERNAME}:secret\n`);
  writeFileSync(join(etc, 'main.cf'), mainSettings(folder, world, variant));
  writeFileSync(join(etc, 'master.cf'), `127.0.0.1:${port} inet n - n - - smtpd\n${SERVICES}`);
  const command = async (verb: string): Promise<void> => await runToEnd('/usr/sbin/postfix', ['-c', etc, verb]);
  await command('start');
  await untilAnswering(port);
  const pid = Number(readFileSync(join(folder, 'spool', 'pid', 'master.pid'), 'utf8'));
  return { port, pid, stop: async () => await command('stop') };
}
