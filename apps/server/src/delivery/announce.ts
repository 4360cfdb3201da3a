/**
 * A set-up fault is told once.
 *
 * While a fault stands, messages in flight and probes meet it again and again. The first event that carries it passes; those
 * after it do not, until the same thing works again. What is said of a single message that met a set-up fault does not pass
 * at all: the hold of its lane says it.
 */
import type { EventSink, Fault, PostbearerEvent } from '@postbearer/core';

function isSetUpFault({ next }: Fault): boolean {
  return next === 'needs-person' || next === 'fix-configuration';
}

/** What an event is about: the same key works again, or fails again. */
function subjectOf(event: PostbearerEvent): string | undefined {
  if (event.name === 'token.failed' || event.name === 'token.acquired')
    return `token ${event.endpoint} ${event.clientId}`;
  if (event.name === 'smtp.authentication-failed' || event.name === 'smtp.authenticated') {
    return `sign-in ${event.host} ${event.mailbox}`;
  }
  if (event.name === 'lane.held' || event.name === 'lane.released') return `lane ${event.lane} ${event.sender}`;
  return undefined;
}

/** A listener that passes each standing set-up fault on once. */
export function announceOnce(onEvent: EventSink): EventSink {
  const standing = new Map<string, string>();
  return (event) => {
    if (event.name === 'message.not-accepted' && event.outcome !== 'uncertain' && isSetUpFault(event.fault)) return;
    const subject = subjectOf(event);
    if (subject !== undefined) {
      const code = 'fault' in event && isSetUpFault(event.fault) ? event.fault.code : undefined;
      if (code !== undefined && standing.get(subject) === code) return;
      if (code === undefined) standing.delete(subject);
      else standing.set(subject, code);
    }
    onEvent(event);
  };
}
