/**
 * The two ways out of the default upstream while mail moves from the password to OAuth.
 *
 * The rules of this file:
 * - both ways stand beside each other only while the settings name a migration, OAuth is on, and there is a password;
 * - a message gets its way when it is handed in, and its lane says which: `default/MAILBOX` is the password,
 *   `default+oauth/MAILBOX` is OAuth. It stays in its lane, so each retry goes the way of the first attempt;
 * - what waited in the lane of the mailbox before the migration began goes with the password, as it would have;
 * - nothing here goes from one way to the other by itself. Where a person switches OAuth off, both lanes go with the password;
 *   where a person takes the password away, both go with OAuth;
 * - a mailbox has no more connections than before: the way on which little goes gets one of them.
 */
import { createHash } from 'node:crypto';
import type { MailboxSettings, MigrationSettings, Pace, Settings, Upstream } from '@postbearer/settings';

/** How a message is signed in for. */
export type Way = 'password' | 'oauth';

/** What came of an attempt, as far as it says something about its way. */
export type WayResult = 'delivered' | 'failed' | 'refused';

/** What decides the way of a message. */
export interface WayRequest {
  readonly app: string;
  /** The Message-ID, with its brackets. */
  readonly messageId: string;
}

const MIGRATING = 'default';
/** No name of an upstream in the settings holds a plus sign. */
const OAUTH_SUFFIX = '+oauth';
/** The upstream of the lanes that go with OAuth during a migration. */
export const OAUTH_LANES: string = `${MIGRATING}${OAUTH_SUFFIX}`;
/** Exchange Online's limit, which holds where the settings name none. */
const USUAL_CONNECTIONS = 3;
const HUNDRED = 100;

/** The upstream of the settings to which that of a lane belongs. */
export function settingsUpstreamOf(upstream: string): string {
  return upstream.endsWith(OAUTH_SUFFIX) ? upstream.slice(0, -OAUTH_SUFFIX.length) : upstream;
}

/** The lane of the other way of a mailbox; `undefined` of an upstream that has one way. */
export function otherLaneOf(upstream: string, mailbox: string): string | undefined {
  if (upstream === OAUTH_LANES) return `${MIGRATING}/${mailbox}`;
  return upstream === MIGRATING ? `${OAUTH_LANES}/${mailbox}` : undefined;
}

/** Every lane of the mailbox of a lane. */
export function lanesOfMailbox(lane: string): readonly string[] {
  const cut = lane.indexOf('/');
  const other = otherLaneOf(lane.slice(0, cut), lane.slice(cut + 1));
  return other === undefined ? [lane] : [lane, other];
}

/** The migration that is under way; none where there is but one way to go. */
export function migrationOf({ service, upstreams }: Settings): MigrationSettings | undefined {
  const upstream = upstreams[MIGRATING];
  return upstream?.authentication === 'oauth' && upstream.password !== undefined ? service.migration : undefined;
}

/**
 * Where in 0 to 99 a message stands, by its Message-ID alone: the same on each node and whenever it is handed in again.
 *
 * @example
 * A share of 10 % is the messages that stand below 10.
 */
function standingOf(messageId: string): number {
  return createHash('sha256').update(messageId).digest().readUInt32BE() % HUNDRED;
}

/** The way of a message under a migration. */
function wayOf({ canaryApp, sharePercent = HUNDRED }: MigrationSettings, { app, messageId }: WayRequest): Way {
  const isChosen =
    canaryApp === undefined ? standingOf(messageId) < sharePercent : app.toLowerCase() === canaryApp.toLowerCase();
  return isChosen ? 'oauth' : 'password';
}

/** The upstream of the lane of a message, from that of its mailbox. */
export function laneUpstreamFor(upstream: string, settings: Settings, request: WayRequest): string {
  const migration = upstream === MIGRATING ? migrationOf(settings) : undefined;
  return migration !== undefined && wayOf(migration, request) === 'oauth' ? OAUTH_LANES : upstream;
}

/** One way of signing in at the default upstream, and the settings of a mailer that knows no other. */
export interface WaySettings {
  readonly way: Way | undefined;
  readonly settings: Settings;
}

function withPassword(upstream: Upstream): Upstream {
  const { oauth: _, ...rest } = upstream;
  return { ...rest, authentication: 'password' };
}

/** The mailboxes of the default upstream with so many of their connections. */
function withConnections(settings: Settings, part: (connections: number) => number): Settings['mailboxes'] {
  const { username } = settings.upstreams[MIGRATING] ?? {};
  const named = Object.entries(settings.mailboxes);
  const isNamed = named.some(([mailbox]) => mailbox.toLowerCase() === username?.toLowerCase());
  const all: [string, MailboxSettings][] =
    isNamed || username === undefined ? named : [...named, [username, { upstream: MIGRATING, from: [] }]];
  const paceOf = (pace: Pace = {}): Pace => ({ ...pace, connections: part(pace.connections ?? USUAL_CONNECTIONS) });
  return Object.fromEntries(
    all.map(([mailbox, entry]) => [
      mailbox,
      entry.upstream === MIGRATING ? { ...entry, pace: paceOf(entry.pace) } : entry,
    ]),
  );
}

const allButOne = (connections: number): number => Math.max(1, connections - 1);
const justOne = (): number => 1;

/** The ways of a migration: `lanes` is what the lanes of the mailboxes go, `oauth` what the lanes of OAuth go. */
export function waysOf(settings: Settings): { readonly lanes: WaySettings; readonly oauth?: WaySettings } {
  const upstream = settings.upstreams[MIGRATING];
  const migration = migrationOf(settings);
  const { authentication } = upstream ?? {};
  if (upstream === undefined || migration === undefined)
    return { lanes: { way: authentication === 'none' ? undefined : authentication, settings } };
  const isCanary = migration.canaryApp !== undefined || (migration.sharePercent ?? HUNDRED) < HUNDRED / 2;
  return {
    lanes: {
      way: 'password',
      settings: {
        ...settings,
        upstreams: { ...settings.upstreams, [MIGRATING]: withPassword(upstream) },
        mailboxes: withConnections(settings, isCanary ? allButOne : justOne),
      },
    },
    oauth: {
      way: 'oauth',
      settings: { ...settings, mailboxes: withConnections(settings, isCanary ? justOne : allButOne) },
    },
  };
}
