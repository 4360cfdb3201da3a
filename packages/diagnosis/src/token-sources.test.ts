/** One app, one token: however many upstreams and mailboxes need it at the same time. */
import type { PostbearerEvent } from '@postbearer/core';
import type { HttpClient, HttpRequest } from '@postbearer/network';
import { createSelfSignedCertificate } from '@postbearer/network/certificates';
import { STANDARD_SERVICE, type Settings, type Upstream } from '@postbearer/settings';
import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
  createTokenSources,
  upstreamAccess,
  verifyUpstream,
  type TokenSources,
  type UpstreamAccess,
  type UpstreamAccessOptions,
} from './index.ts';
import {
  GOOD_CLAIMS,
  jsonReply,
  jwt,
  settingsFor,
  startWorld,
  tokenEndpoint,
  tokenReply,
} from './testing/small-world.ts';

const MAILBOXES = Array.from({ length: 10 }, (_, index) => `mailbox-${index}@contoso.com`);
const OTHER_CLIENT = '0a0b0c0d-2222-4222-8222-333333333333';

/** Upstreams by name; none has certificate authorities of its own, unless it says so. */
function settingsWith(upstreams: Readonly<Record<string, Partial<Upstream>>>): Settings {
  const { caFile: _, ...plain } = settingsFor({ port: 587, caFile: '' }).upstreams['default'] ?? { caFile: '' };
  const all = Object.entries(upstreams).map(([name, changes]) => [name, { ...plain, name, ...changes }]);
  return { logLevel: 'Information', upstreams: Object.fromEntries(all), mailboxes: {}, service: STANDARD_SERVICE };
}

function withClient(clientId: string): Partial<Upstream> {
  const { oauth } = settingsFor({ port: 587, caFile: '' }).upstreams['default'] ?? {};
  return oauth === undefined ? {} : { oauth: { ...oauth, clientId } };
}

/** A token endpoint that answers when `release` says so. */
function slowEndpoint(): { http: HttpClient; asked: HttpRequest[]; release: () => void } {
  const asked: HttpRequest[] = [];
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const http = tokenEndpoint(async (request) => {
    asked.push(request);
    await promise;
    return tokenReply(jwt(GOOD_CLAIMS));
  });
  return { http, asked, release: () => resolve(undefined) };
}

function accessesOf(
  settings: Settings,
  options: Omit<UpstreamAccessOptions, 'mailbox' | 'environment'>,
): readonly UpstreamAccess[] {
  return Object.keys(settings.upstreams).flatMap((name) =>
    MAILBOXES.map((mailbox) => {
      const access = upstreamAccess(settings, name, { environment: {}, mailbox, ...options });
      if (!access.ok) throw new Error(access.fault.message);
      return access.value;
    }),
  );
}

interface Run {
  readonly requests: number;
  readonly usernames: ReadonlySet<string>;
  readonly events: readonly string[];
}

/** A thousand needs at once, spread over every mailbox of every upstream. */
async function thousandNeeds(settings: Settings, tokens: TokenSources | undefined): Promise<Run> {
  const { http, asked, release } = slowEndpoint();
  const events: PostbearerEvent[] = [];
  const onEvent = (event: PostbearerEvent): void => void events.push(event);
  const accesses = accessesOf(settings, { http, onEvent, ...(tokens === undefined ? {} : { tokens }) });
  const needs = Array.from({ length: 1000 }, async (_, index) =>
    accesses[index % accesses.length]?.credentials?.({ fresh: false }),
  );
  release();
  const usernames = new Set<string>();
  for (const given of await Promise.all(needs)) if (given?.ok === true) usernames.add(given.value.username);
  for (const access of accesses) access.close();
  return { requests: asked.length, usernames, events: events.map(({ name }) => name) };
}

describe('shared tokens', () => {
  const oneApp = settingsWith({ default: {}, reports: {} });

  it('make one request of a thousand needs of many mailboxes and upstreams, and tell of it once', async () => {
    const tokens = createTokenSources();
    const { requests, usernames, events } = await thousandNeeds(oneApp, tokens);
    expect([requests, usernames.size, events]).toEqual([1, MAILBOXES.length, ['token.acquired']]);
    tokens.close();
    // The control: accesses with tokens of their own ask one by one.
    expect((await thousandNeeds(oneApp, undefined)).requests).toBe(2 * MAILBOXES.length);
  });

  it('are two for two apps', async () => {
    const tokens = createTokenSources();
    const { requests } = await thousandNeeds(settingsWith({ default: {}, reports: withClient(OTHER_CLIENT) }), tokens);
    expect(requests).toBe(2);
    tokens.close();
  });

  it('tell a failure once, and give it to everyone', async () => {
    const tokens = createTokenSources();
    const events: PostbearerEvent[] = [];
    const http = tokenEndpoint(() => jsonReply(401, { error: 'invalid_client' }));
    const accesses = accessesOf(oneApp, { http, tokens, onEvent: (event) => void events.push(event) });
    const given = await Promise.all(accesses.map(async (access) => access.credentials?.({ fresh: false })));
    expect(given.every((result) => result?.ok === false && result.fault.code === 'OAUTH_CLIENT_REFUSED')).toBe(true);
    expect(events.map(({ name }) => name)).toEqual(['token.failed']);
    tokens.close();
  });

  it('outlive an access that is closed, and end when they are closed themselves', async () => {
    const tokens = createTokenSources();
    let count = 0;
    const http = tokenEndpoint(() => {
      count += 1;
      return tokenReply(jwt(GOOD_CLAIMS));
    });
    const [first, second] = accessesOf(oneApp, { http, tokens });
    await first?.credentials?.({ fresh: false });
    first?.close();
    expect(await second?.credentials?.({ fresh: false })).toMatchObject({ ok: true, value: { fromCache: true } });
    expect(count).toBe(1);
    tokens.close();
    for (const access of [second, ...accessesOf(settingsWith({ late: {} }), { http, tokens })])
      await expect(access?.credentials?.({ fresh: false })).rejects.toMatchObject({ name: 'AbortError' });
    expect(count).toBe(1);
  });

  it('are not shared by upstreams that trust other authorities', async () => {
    await using world = await startWorld();
    const { certificatePem } = await createSelfSignedCertificate({ commonName: 'another authority' });
    const otherFile = `${world.caFile}.other`;
    await writeFile(otherFile, certificatePem);
    const tokens = createTokenSources();
    const settings = settingsWith({ default: {}, one: { caFile: world.caFile }, two: { caFile: otherFile } });
    expect((await thousandNeeds(settings, tokens)).requests).toBe(3);
    tokens.close();
  });

  it('are renewed by a check, and everyone uses the token that it proved', async () => {
    await using world = await startWorld();
    const tokens = createTokenSources();
    const events: PostbearerEvent[] = [];
    let count = 0;
    const http = tokenEndpoint(() => tokenReply(jwt({ ...GOOD_CLAIMS, uti: String((count += 1)) })));
    const options = { http, tokens, environment: {}, onEvent: (event: PostbearerEvent) => void events.push(event) };
    const settings = settingsFor(world);
    const access = upstreamAccess(settings, 'default', options);
    if (!access.ok) throw new Error(access.fault.message);
    await access.value.credentials?.({ fresh: false });
    const report = await verifyUpstream(settings, 'default', options);
    expect(report.ok).toBe(true);
    const afterwards = await access.value.credentials?.({ fresh: false });
    const used = afterwards?.ok === true && afterwards.value.kind === 'bearer' ? afterwards.value.token.reveal() : '';
    expect(world.attempts.map((attempt) => ('token' in attempt ? attempt.token.reveal() : ''))).toEqual([used]);
    // A check a moment later proves nothing anew: a minute lies between two of its requests.
    expect((await verifyUpstream(settings, 'default', options)).ok).toBe(true);
    expect(count).toBe(2);
    expect(events.filter(({ name }) => name === 'token.acquired')).toHaveLength(2);
    tokens.close();
  });
});
