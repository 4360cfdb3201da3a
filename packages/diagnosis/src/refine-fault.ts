/** The one place where a reported fault becomes a more precise one. */
import type { Fault } from '@postbearer/core';
import { explainFault, type Microsoft365Context } from '@postbearer/microsoft365';

/**
 * The more precise fault behind a reported one, or the same object where nothing more is known. Every face shows the result
 * of this function and of no other.
 */
export function refineFault(fault: Fault, context: Microsoft365Context): Fault {
  return explainFault(fault, context);
}
