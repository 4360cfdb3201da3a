/** The name of the server leads to addresses. */
import { lookup } from 'node:dns/promises';
import { oneLine, type Fault } from '@postbearer/core';
import { clientFaults } from '@postbearer/smtp/client';
import type { ChainState } from '../chain-state.ts';
import { unlessAborted } from '../unless-aborted.ts';
import { failed, passed, skipped, type Check } from './check.ts';

async function systemAddresses(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

function lookupFault(error: unknown, { access }: ChainState): Fault {
  const { host, port } = access.connect;
  const errorCode =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
  // ENOTFOUND and ENODATA are answers; everything else is the lack of one (RFC 8499, "NODATA").
  const isAnswer = errorCode === 'ENOTFOUND' || errorCode === 'ENODATA';
  const detail = error instanceof Error ? oneLine(error.message, 200) : errorCode;
  return clientFaults.make(
    isAnswer ? 'SMTP_HOST_NOT_FOUND' : 'SMTP_NAME_LOOKUP_FAILED',
    { host, port, detail },
    { evidence: { kind: 'network', host, port, errorCode, detail } },
  );
}

function describe(addresses: readonly string[]): string {
  const [first = '', ...others] = addresses;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

/** The check. */
export const nameResolutionCheck: Check = {
  name: 'name-resolution',
  needs: ['settings'],
  async run(state) {
    const { host } = state.access.connect;
    const { resolve = systemAddresses, signal } = state.options;
    try {
      const addresses = await unlessAborted(resolve(host), signal);
      // An address resolves to itself.
      if (addresses.length === 1 && addresses[0] === host) return skipped(`${host} is an address`);
      return passed(describe(addresses));
    } catch (error) {
      signal?.throwIfAborted();
      return failed(lookupFault(error, state));
    }
  },
};
