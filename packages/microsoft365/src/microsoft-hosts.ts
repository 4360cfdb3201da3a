/**
 * Whose words are they: replies are read as Microsoft's only where Microsoft (or an emulator on this machine) gave them.
 *
 * Another server may use the same numbers with another meaning, so a foreign host is never explained from these tables.
 */
import { isLoopbackHost } from '@postbearer/network';
import { cloudOfSmtpHost, parseTokenEndpoint } from './clouds.ts';
import type { Microsoft365Context } from './context.ts';

const EXCHANGE_DOMAINS = ['office365.com', 'office365.us', 'outlook.com', 'partner.outlook.cn'];

/** Azure Communication Services, which speaks XOAUTH2 as well and has no mailboxes. */
export function isCommunicationServices(host: string): boolean {
  return host.toLowerCase() === 'smtp.azurecomm.net';
}

function isOfDomain(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`);
}

/**
 * Whether an SMTP host speaks as Exchange Online: by its name, by being on this machine, or because the upstream takes its
 * tokens from Entra (which covers an emulator under a name of its own and a host given as an address).
 */
export function isExchangeOnline(host: string, context: Microsoft365Context): boolean {
  const name = host.toLowerCase();
  if (isCommunicationServices(name)) return false;
  return (
    cloudOfSmtpHost(name) !== undefined ||
    EXCHANGE_DOMAINS.some((domain) => isOfDomain(name, domain)) ||
    isLoopbackHost(name) ||
    context.tenant !== undefined ||
    context.cloud !== undefined
  );
}

/** Whether a token endpoint is Entra: by its host, by the form of its path, or by being on this machine. */
export function isEntra(endpoint: string): boolean {
  const parsed = parseTokenEndpoint(endpoint);
  return parsed !== undefined && (parsed.cloud !== undefined || parsed.tenant !== undefined || parsed.isLoopback);
}
