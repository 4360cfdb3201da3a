/** The second line of defence for what servers say: a reply that echoes a token or password is blanked before anybody sees it. */
import type { Fault, PostbearerEvent, Scrubber } from '@postbearer/core';

/** The same value with every text in it scrubbed; used for plain data only. */
function scrubData(value: unknown, scrubber: Scrubber): unknown {
  if (typeof value === 'string') return scrubber.scrub(value);
  if (Array.isArray(value)) return value.map((item) => scrubData(item, scrubber));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, scrubData(item, scrubber)]));
}

/** The fault without any known secret. */
export function scrubFault(fault: Fault, scrubber: Scrubber): Fault {
  return scrubData(fault, scrubber) as Fault;
}

/** The event without any known secret. */
export function scrubEvent(event: PostbearerEvent, scrubber: Scrubber): PostbearerEvent {
  return scrubData(event, scrubber) as PostbearerEvent;
}
