/** The catalogue of every fault that the packages up to here can report. */
import { coreFaults, type FaultCode, type FaultDefinition } from '@postbearer/core';
import { exchangeScriptFaults, microsoft365Faults } from '@postbearer/microsoft365';
import { networkFaults } from '@postbearer/network';
import { oauthFaults } from '@postbearer/oauth';
import { secretFaults } from '@postbearer/secrets';
import { settingsFaults } from '@postbearer/settings';
import { explainFaults } from './explain/faults.ts';
import { clientFaults } from '@postbearer/smtp/client';
import { replyFaults } from '@postbearer/smtp/reply';
import { smtpServerFaults } from '@postbearer/smtp/server';

/** A fault with the package that reports it. */
export interface OwnedFault {
  readonly code: FaultCode;
  /** Name of the package without its scope; `smtp/client` for one entry of a package. */
  readonly owner: string;
  readonly definition: FaultDefinition;
}

const CATALOGUES: Readonly<Record<string, Readonly<Record<string, FaultDefinition>>>> = {
  core: coreFaults.definitions,
  settings: settingsFaults.definitions,
  secrets: secretFaults.definitions,
  network: networkFaults.definitions,
  oauth: oauthFaults.definitions,
  'smtp/reply': replyFaults.definitions,
  'smtp/client': clientFaults.definitions,
  'smtp/server': smtpServerFaults.definitions,
  microsoft365: { ...microsoft365Faults.definitions, ...exchangeScriptFaults.definitions },
  diagnosis: explainFaults.definitions,
};

/**
 * Every fault, in the order of the packages. A code stands here once: codes are never shared.
 *
 * @example
 * ```ts
 * import { allFaults } from '@postbearer/diagnosis';
 *
 * allFaults.find(({ code }) => code === 'M365_CLIENT_SECRET_WRONG')?.definition.title; // => 'Invalid client secret'
 * ```
 */
export const allFaults: readonly OwnedFault[] = Object.entries(CATALOGUES).flatMap(([owner, definitions]) =>
  Object.entries(definitions).map(([code, definition]) => ({ code: code as FaultCode, owner, definition })),
);
