/** Sends each message the way of its lane, and says which way that was. */
import type { CallOptions, Mailer, SendMessageOptions, SendOutcome } from '@postbearer/mailer';
import type { Message } from '@postbearer/core';
import type { Settings } from '@postbearer/settings';
import { OAUTH_LANES, settingsUpstreamOf, waysOf, type Way } from './ways.ts';

/** What became of a message, and how it was signed in for where it is the default upstream's. */
export interface WayOutcome extends SendOutcome {
  readonly way?: Way;
}

/** What is asked of a mailer here. */
export interface SendingMailer {
  sendMessage(message: Message, options?: SendMessageOptions & CallOptions): Promise<WayOutcome>;
  close(): Promise<void>;
}

/** Makes a mailer for each way that there is; `make` makes one from settings that know one way. */
export function createWayMailer(settings: Settings, make: (settings: Settings) => Mailer): SendingMailer {
  const ways = waysOf(settings);
  const lanes = { way: ways.lanes.way, mailer: make(ways.lanes.settings) };
  const oauth = ways.oauth === undefined ? lanes : { way: ways.oauth.way, mailer: make(ways.oauth.settings) };
  return {
    async sendMessage(message, options = {}) {
      const { upstream = 'default' } = options;
      const { way, mailer } = upstream === OAUTH_LANES ? oauth : lanes;
      const named = settingsUpstreamOf(upstream);
      const outcome = await mailer.sendMessage(message, { ...options, upstream: named });
      return way === undefined || named !== 'default' ? outcome : { ...outcome, way };
    },
    async close() {
      await Promise.all([...new Set([lanes.mailer, oauth.mailer])].map(async (mailer) => await mailer.close()));
    },
  };
}
