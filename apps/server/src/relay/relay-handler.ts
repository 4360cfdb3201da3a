/**
 * What the relay does at each stage of a session.
 *
 * The rules of this file:
 * - nobody is let through who is not an app: by its password, or by a network that the app names; no app means nobody;
 * - a listener without encryption speaks with those networks alone, and never takes a password;
 * - the sender is checked at MAIL FROM already, so that a device is told before it sends megabytes;
 * - 250 is said after the message is on disk, and for nothing else.
 */
import type { Clock, EventSink, Fault } from '@postbearer/core';
import { passPoint } from '@postbearer/database';
import type { SmtpServerHandler, SmtpSession, SpokenReply } from '@postbearer/smtp/server';
import type { AppRegistry } from '../access/app-registry.ts';
import type { App } from '../access/app.ts';
import type { AppUsage, SignInKind } from '../access/app-usage.ts';
import { accessFaults } from '../access/faults.ts';
import type { Learning } from '../access/learning.ts';
import { shownAddress } from '../access/network-range.ts';
import type { Refusals } from '../access/refusals.ts';
import type { Submitter } from '../delivery/submit.ts';
import { dsnRequestOf } from './dsn-request.ts';
import { replyFor } from './replies.ts';
import { signIn, type Enrol, type SignInOptions } from './sign-in.ts';
import type { SignInLimit } from './sign-in-limit.ts';
import { takeIn } from '../delivery/take-in.ts';

/** What a handler works with. */
export interface RelayHandlerOptions {
  readonly security: 'starttls' | 'tls' | 'plain';
  /** Looked up for each message, because settings change. */
  readonly hostname: string;
  readonly apps: Pick<AppRegistry, 'signIn' | 'byName' | 'byAddress' | 'isKnownAddress' | 'digest'>;
  readonly learning: Pick<Learning, 'isLearning' | 'enrol'>;
  readonly refusals: Pick<Refusals, 'note'>;
  readonly usage: Pick<AppUsage, 'note'>;
  /** One for all listeners. */
  readonly limit: SignInLimit;
  readonly submitter: Submitter;
  readonly clock: Clock;
  readonly onEvent: EventSink;
}

const NOT_HERE: SpokenReply = { code: 554, enhanced: '5.7.1', text: 'This address may not send here' };
const SIGN_IN_FIRST: SpokenReply = { code: 530, enhanced: '5.7.0', text: 'Authentication required' };

function originOf({ remoteAddress }: SmtpSession): string {
  return `smtp ${shownAddress(remoteAddress)}`;
}

/** What is known of somebody who is turned away. */
interface Who {
  readonly app?: string;
  readonly username?: string;
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
  const { security, apps, learning, refusals, usage, submitter, clock, onEvent } = options;
  const { admission } = submitter;

  /** How each session that is open signed in; it goes with the session. */
  const mechanisms = new WeakMap<SmtpSession, SignInKind>();

  const appOf = ({ identity, remoteAddress }: SmtpSession): App | undefined =>
    identity === undefined ? apps.byAddress(remoteAddress) : apps.byName(identity);

  const refuse = (session: SmtpSession, fault: Fault, reply: SpokenReply, who: Who = {}): SpokenReply => {
    const { app } = who;
    onEvent({ name: 'submission.refused', ...(app === undefined ? {} : { app }), origin: originOf(session), fault });
    if (fault.next !== 'retry' || who.username !== undefined)
      refusals.note({ ...who, address: session.remoteAddress, fault });
    return reply;
  };

  const refuseApp = (session: SmtpSession, fault: Fault, app: App): SpokenReply =>
    refuse(session, fault, replyFor(fault), { app: app.name });

  const refuseNobody = (session: SmtpSession, reply: SpokenReply): SpokenReply => {
    const address = shownAddress(session.remoteAddress);
    return refuse(session, accessFaults.make('ACCESS_NOBODY', { address }), reply);
  };

  const enrol: Enrol = async ({ remoteAddress: address }, credentials) => {
    const enrolled = await learning.enrol({ address, ...(credentials === undefined ? {} : { credentials }) });
    if (enrolled?.network !== undefined) {
      const { app, network } = enrolled;
      onEvent({ name: 'app.enrolled', app: app.name, address: shownAddress(address), network });
    }
    return enrolled?.app;
  };

  const handler: SmtpServerHandler = {
    extensions: (_session, standard) => [...standard.filter((line) => !/^AUTH\b/i.test(line)), 'DSN'],
    connect(session) {
      if (security !== 'plain' || appOf(session) !== undefined || learning.isLearning(session.remoteAddress))
        return undefined;
      return refuseNobody(session, NOT_HERE);
    },
    async mail(session, { sender }) {
      const app = appOf(session) ?? (session.identity === undefined ? await enrol(session) : undefined);
      // It was removed while it was signed in, or it never was.
      if (app === undefined) return refuseNobody(session, security === 'plain' ? NOT_HERE : SIGN_IN_FIRST);
      const route = submitter.route({ app, sender, from: [] });
      if (!route.ok) return refuseApp(session, route.fault, app);
      const admitted = await admission.message(app);
      return admitted.ok ? undefined : refuseApp(session, admitted.fault, app);
    },
    recipient(session) {
      const app = appOf(session);
      const admitted = app === undefined ? undefined : admission.recipients(app, 1);
      return app === undefined || admitted?.ok !== false ? undefined : refuseApp(session, admitted.fault, app);
    },
    async message(session, { envelope, content }) {
      const app = appOf(session);
      if (app === undefined) return SIGN_IN_FIRST;
      const { sender, recipients } = envelope;
      const { hostname } = options;
      const received = receivedField(session, hostname);
      const dsn = dsnRequestOf(envelope);
      const taken = await takeIn(
        {
          app,
          sender,
          recipients,
          content,
          origin: originOf(session),
          received,
          hostname,
          now: clock.now(),
          ...(dsn === undefined ? {} : { dsn }),
        },
        submitter,
      );
      if (!taken.ok) return refuseApp(session, taken.fault, app);
      const kind = session.identity === undefined ? 'address' : (mechanisms.get(session) ?? 'PLAIN');
      usage.note({ app: app.name, kind, security, address: shownAddress(session.remoteAddress) });
      passPoint('confirm:before');
      return { code: 250, enhanced: '2.0.0', text: `Queued as ${taken.value.id}` };
    },
  };
  if (security === 'plain') return handler;
  const signInOptions: SignInOptions = {
    ...options,
    enrol,
    refuse: (session, fault, reply, username) => refuse(session, fault, reply, { username }),
  };
  return {
    ...handler,
    extensions: (_session, standard) => [
      ...standard.map((line) => (/^AUTH\b/i.test(line) ? 'AUTH PLAIN LOGIN' : line)),
      'DSN',
    ],
    authenticate(session, attempt) {
      // The relay offers no other; whoever asks for one is refused.
      mechanisms.set(session, attempt.mechanism === 'LOGIN' ? 'LOGIN' : 'PLAIN');
      return signIn(session, attempt, signInOptions);
    },
  };
}
