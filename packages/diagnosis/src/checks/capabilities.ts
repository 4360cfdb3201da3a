/** What the server offers, once encrypted. */
import type { SmtpCapabilities } from '@postbearer/smtp/client';
import type { Check } from './check.ts';

const MEGABYTE = 1024 * 1024;

function describe(offered: SmtpCapabilities): string {
  const size = offered.sizeLimitBytes === undefined ? undefined : `${Math.floor(offered.sizeLimitBytes / MEGABYTE)} MB`;
  const parts = [
    offered.authMechanisms.length === 0 ? 'no AUTH' : `AUTH ${offered.authMechanisms.join(' ')}`,
    size === undefined ? undefined : `messages up to ${size}`,
    offered.pipelining ? 'PIPELINING' : undefined,
    offered.chunking ? 'CHUNKING' : undefined,
    offered.eightBitMime ? '8BITMIME' : undefined,
    offered.smtpUtf8 ? 'SMTPUTF8' : undefined,
    offered.dsn ? 'DSN' : undefined,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

/** The check. */
export const capabilitiesCheck: Check = {
  name: 'capabilities',
  needs: ['name-resolution'],
  async run(state) {
    const session = await state.session();
    return session.outcomeOf('capabilities', ({ capabilities }) => describe(capabilities));
  },
};
