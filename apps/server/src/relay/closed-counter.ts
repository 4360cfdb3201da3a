/**
 * The relay while there is no database: it listens, and asks everybody to come again.
 *
 * A device that is told 451 keeps its message and tries again; one that finds nobody may give up.
 */
import type { Result } from '@postbearer/core';
import { createSmtpServer, type SmtpServer, type SmtpServerHandler, type SpokenReply } from '@postbearer/smtp/server';
import { readCertificate } from '../access/certificate.ts';
import { certificateFilesOf, type ListenerSettings, type RelayOptions, type RelaySettings } from './relay-listener.ts';

const COME_AGAIN: SpokenReply = {
  code: 451,
  enhanced: '4.3.0',
  text: 'The message could not be stored now; try again later',
};
const NO_SIGN_IN: SpokenReply = { code: 454, enhanced: '4.7.0', text: 'Nobody can sign in now; try again later' };

/** Listens at a place until it is closed. Fails as `openRelayListener` does. */
export async function openClosedCounter(
  options: Pick<RelayOptions, 'dataFolder' | 'clock' | 'onError'>,
  { host = '127.0.0.1', port, security }: ListenerSettings,
  settings: RelaySettings,
): Promise<Result<SmtpServer>> {
  const { clock, onError } = options;
  const files = security === 'plain' ? undefined : await certificateFilesOf(options, settings);
  const certificate = files === undefined ? undefined : await readCertificate(files);
  if (certificate?.ok === false) return certificate;
  const signIn: SmtpServerHandler = {
    extensions: (_session, standard) => standard.map((line) => (/^AUTH\b/i.test(line) ? 'AUTH PLAIN LOGIN' : line)),
    authenticate: () => NO_SIGN_IN,
  };
  const server = createSmtpServer({
    hostname: settings.hostname,
    security,
    ...(certificate === undefined ? {} : { certificate: certificate.value }),
    handler: { ...(security === 'plain' ? {} : signIn), mail: () => COME_AGAIN, message: () => COME_AGAIN },
    limits: settings.limits,
    clock,
    onError,
  });
  const listening = await server.listen({ host, port });
  return listening.ok ? { ok: true, value: server } : listening;
}
