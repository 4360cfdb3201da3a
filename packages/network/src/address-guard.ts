/** Connects only to addresses that a rule allows: the rule is asked after names are resolved, of the very addresses that are then connected to. */
import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { lookup as lookupAll } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';

/** Whether an IP address may be connected to. */
export type AddressRule = (address: string) => boolean;

/** The code of the error where a name has no address that may be connected to. */
export const ADDRESS_REFUSED = 'ADDRESS_REFUSED';

/** The error where an address may not be connected to. */
export function addressRefused(): Error {
  return Object.assign(new Error('the address is not one that may be reached'), { code: ADDRESS_REFUSED });
}

/** Resolves names as the system does, and gives only what the rule allows. */
export function guardedLookup(allows: AddressRule): LookupFunction {
  return (name, options: LookupOptions, done) => {
    systemLookup(name, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error !== null) return done(error, '', 0);
      const allowed = found.filter(({ address }) => allows(address));
      const [first] = allowed;
      if (first === undefined) return done(addressRefused(), '', 0);
      return options.all === true ? done(null, allowed) : done(null, first.address, first.family);
    });
  };
}

/**
 * Whether a host is known to have an address that the rule refuses, for where somebody else connects (a proxy). A name that this
 * machine cannot resolve is left to the proxy.
 */
export async function leadsElsewhere(host: string, allows: AddressRule): Promise<boolean> {
  if (isIP(host) !== 0) return !allows(host);
  try {
    const found = await lookupAll(host, { all: true });
    return found.some(({ address }) => !allows(address));
  } catch {
    return false;
  }
}
