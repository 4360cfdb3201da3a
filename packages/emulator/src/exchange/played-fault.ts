/** Faults on demand at an SMTP stage: turns an action into what the server half understands. */
import type { Clock } from '@postbearer/core';
import type { ServerReply, SmtpSession, SpokenReply } from '@postbearer/smtp/server';
import type { FaultAction } from '../injected-fault.ts';
import { pause } from '../pause.ts';

const CUT: ServerReply = { drop: true };

/** A reply from its one-line text. */
export function spoken(text: string): SpokenReply {
  const [, code = '451', enhanced, words = ''] = /^(\d{3}) (?:(\d\.\d{1,3}\.\d{1,3}) )?(.*)$/.exec(text) ?? [];
  return {
    code: Number(code),
    ...(enhanced === undefined ? {} : { enhanced }),
    text: words,
    // oxlint-disable-next-line unicorn/no-thenable -- a word of the server half; it is no function, so nothing can call it
    ...(code === '421' ? { then: 'close' as const } : {}),
  };
}

/** Until the connection is gone. */
async function untilGone(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}

/** Plays a fault. @returns the reply in place of the usual one, or `undefined` where that is to follow. */
export async function playFault<State>(
  action: FaultAction | undefined,
  session: SmtpSession<State>,
  clock: Clock,
): Promise<ServerReply | undefined> {
  switch (action?.kind) {
    case 'reply':
      return spoken(action.text);
    case 'delay':
      await pause(clock, action.ms, session.signal);
      return undefined;
    case 'hang':
      await untilGone(session.signal);
      return CUT;
    case 'cut':
      return CUT;
    case 'aadsts':
    case 'http':
    case undefined:
      return undefined;
  }
}
