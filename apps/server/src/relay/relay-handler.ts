/**
 * What the relay does at each stage of a session.
 *
 * The rules of this file:
 * - nobody is let through who is not an app: by its password, or by a network that the app names; no app means nobody;
 * - a listener without encryption speaks with those networks alone, and never takes a password;
 * - the sender is checked at MAIL FROM already, so that a device is told before it sends megabytes;
 * - 250 is said after the message is on disk, and for nothing else.
 */
import { oneLine, type Clock, type EventSink, type Fault } from '@postbearer/core';
import { passPoint } from '@postbearer/database';
import type { SmtpServerHandler, SmtpSession, SpokenReply } from '@postbearer/smtp/server';
import type { AppRegistry } from '../access/app-registry.ts';
import type { App } from '../access/app.ts';
import { accessFaults } from '../access/faults.ts';
import type { Submitter } from '../delivery/submit.ts';
import { relayFaults } from './faults.ts';
import { replyFor } from './replies.ts';
import { SignInLimit } from './sign-in-limit.ts';
import { takeIn } from '../delivery/take-in.ts';

/** What a handler works with. */
export interface RelayHandlerOptions {
  readonly security: 'starttls' | 'tls' | 'plain';
  readonly hostname: string;
  readonly apps: Pick<AppRegistry, 'signIn' | 'byName' | 'byAddress'>;
  readonly submitter: Submitter;
  readonly clock: Clock;
  readonly onEvent: EventSink;
}

const WRONG_PASSWORD: SpokenReply = { code: 535, enhanced: '5.7.8', text: 'User name or password wrong' };
const SLOW_DOWN: SpokenReply = { code: 454, enhanced: '4.7.0', text: 'Too many failed sign-ins; try again later' };
const NOT_HERE: SpokenReply = { code: 554, enhanced: '5.7.1', text: 'This address may not send here' };
const SIGN_IN_FIRST: SpokenReply = { code: 530, enhanced: '5.7.0', text: 'Authentication required' };

function originOf({ remoteAddress }: SmtpSession): string {
  return `smtp ${remoteAddress.replace(/^::ffff:(?=\d)/i, '')}`;
}

/** How the message came, as RFC 3848 names it. */
function protocolOf({ tls, identity }: SmtpSession): string {
  return `ESMTP${tls === undefined ? '' : 'S'}${identity === undefined ? '' : 'A'}`;
}

/** The Received field (RFC 5321 section 4.4) up to the queue's name of the message. The client's own name may be anything. */
function receivedField(session: SmtpSession, hostname: string): string {
  const { heloName = '', remoteAddress } = session;
  const name = /^[A-Za-z0-9.:_[\]-]{1,255}$/.test(heloName) ? heloName : 'unknown';
  const ipv4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress)?.[1];
  const address = ipv4 ?? `IPv6:${remoteAddress.split('%', 1)[0] ?? ''}`;
  return `Received: from ${name} ([${address}])\r\n\tby ${hostname} with ${protocolOf(session)}`;
}

/** Makes the handler of one listener. */
export function createRelayHandler(options: RelayHandlerOptions): SmtpServerHandler {
  const { security, hostname, apps, submitter, clock, onEvent } = options;
  const limit = new SignInLimit(clock);

  const appOf = ({ identity, remoteAddress }: SmtpSession): App | undefined =>
    identity === undefined ? apps.byAddress(remoteAddress) : apps.byName(identity);

  const refuse = (session: SmtpSession, fault: Fault, reply: SpokenReply, app?: string): SpokenReply => {
    onEvent({ name: 'submission.refused', ...(app === undefined ? {} : { app }), origin: originOf(session), fault });
    return reply;
  };

  const refuseNobody = (session: SmtpSession, reply: SpokenReply): SpokenReply =>
    refuse(session, accessFaults.make('ACCESS_NOBODY', { address: session.remoteAddress }), reply);

  const handler: SmtpServerHandler = {
    connect(session) {
      if (security !== 'plain' || appOf(session) !== undefined) return undefined;
      return refuseNobody(session, NOT_HERE);
    },
    mail(session, { sender }) {
      const app = appOf(session);
      if (app === undefined) {
        // It was removed while it was signed in, or it never was.
        return refuseNobody(session, security === 'plain' ? NOT_HERE : SIGN_IN_FIRST);
      }
      const route = submitter.route({ app, sender, from: [] });
      return route.ok ? undefined : refuse(session, route.fault, replyFor(route.fault), app.name);
    },
    async message(session, { envelope, content }) {
      const app = appOf(session);
      if (app === undefined) return SIGN_IN_FIRST;
      const { sender, recipients } = envelope;
      const received = receivedField(session, hostname);
      const taken = await takeIn(
        { app, sender, recipients, content, origin: originOf(session), received, hostname, now: clock.now() },
        submitter,
      );
      if (!taken.ok) return refuse(session, taken.fault, replyFor(taken.fault), app.name);
      passPoint('confirm:before');
      return { code: 250, enhanced: '2.0.0', text: `Queued as ${taken.value.id}` };
    },
  };
  if (security === 'plain') return handler;
  return {
    ...handler,
    extensions: (_session, standard) => standard.map((line) => (/^AUTH\b/i.test(line) ? 'AUTH PLAIN LOGIN' : line)),
    authenticate(session, attempt) {
      const { remoteAddress } = session;
      const { username } = attempt;
      if (!('password' in attempt)) return { code: 504, enhanced: '5.5.4', text: 'Mechanism not offered' };
      if (limit.isReached(remoteAddress, username)) {
        return refuse(session, relayFaults.make('RELAY_TOO_MANY_SIGN_INS', { address: remoteAddress }), SLOW_DOWN);
      }
      const app = apps.signIn(username, attempt.password);
      if (app !== undefined) return { identity: app.name };
      limit.failed(remoteAddress, username);
      const fault = accessFaults.make('ACCESS_CREDENTIAL_WRONG', {
        app: oneLine(username, 64),
        address: remoteAddress,
      });
      return refuse(session, fault, WRONG_PASSWORD);
    },
  };
}
