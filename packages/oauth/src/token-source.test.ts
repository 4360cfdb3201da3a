/** The cache: what is asked when, with a clock that goes when it is told. */
import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { failure, Secret, success, type EventSink, type PostbearerEvent, type Result } from '@postbearer/core';
import { networkFaults, type HttpClient, type HttpReply, type HttpRequest } from '@postbearer/network';
import { createTokenSource, oauthFaults, type TokenRequest, type TokenSource } from './index.ts';
import { granted, handClock, reply, requestTo, valueOf, withSecret, type HandClock } from './testing/world.ts';

const MINUTE_MS = 60_000;
const request = requestTo('https://login.example.com/token', withSecret('secret'));

/** An endpoint in memory: each request waits until it is answered, or is answered by `answer` at once. */
interface Desk {
  readonly http: HttpClient;
  readonly asked: HttpRequest[];
  readonly source: TokenSource;
  readonly clock: HandClock;
  readonly events: PostbearerEvent[];
  /** Answers the oldest request that waits. */
  readonly answer: (with_: Result<HttpReply>) => void;
  /** Takes a token, with the endpoint answering at once with this one. */
  readonly take: (
    token: string,
    options?: { readonly fresh?: boolean; readonly expiresIn?: number },
  ) => Promise<string>;
}

function desk(options: { readonly random?: number } = {}): Desk {
  const clock = handClock();
  const asked: HttpRequest[] = [];
  const waiting: { resolve: (with_: Result<HttpReply>) => void }[] = [];
  const events: PostbearerEvent[] = [];
  let ready: Result<HttpReply> | undefined;
  const http: HttpClient = {
    request(outgoing) {
      asked.push(outgoing);
      if (ready !== undefined) return Promise.resolve(ready);
      const { promise, resolve, reject } = Promise.withResolvers<Result<HttpReply>>();
      waiting.push({ resolve });
      outgoing.signal?.addEventListener('abort', () => reject(outgoing.signal?.reason as Error));
      return promise;
    },
  };
  const unheard = createTokenSource({ http, clock, random: () => options.random ?? 0 });
  const onEvent: EventSink = (event) => void events.push(event);
  const source: TokenSource = { ...unheard, get: (wanted, need) => unheard.get(wanted, { onEvent, ...need }) };
  return {
    http,
    asked,
    source,
    clock,
    events,
    answer: (with_) => waiting.shift()?.resolve(with_),
    async take(token, { fresh = false, expiresIn = 3600 } = {}) {
      ready = granted(token, expiresIn);
      const result = await source.get(request, { fresh });
      await settled();
      ready = undefined;
      return result.ok ? result.value.value.reveal() : result.fault.code;
    },
  };
}

/** Lets everything run that waits for nothing outside. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1)
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
}

const unreachable = (): Result<HttpReply> => failure(networkFaults.make('NETWORK_CONNECTION_REFUSED', {}));
const codesIn = (events: readonly PostbearerEvent[]): readonly string[] =>
  events.map((event) => (event.name === 'token.failed' ? event.fault.code : event.name.replace('token.', '')));
const codeOf = (result: Awaited<ReturnType<TokenSource['get']>>): string =>
  result.ok ? result.value.value.reveal() : result.fault.code;

describe('a token', () => {
  it('is kept and says so', async () => {
    const { source, take, asked, clock, events } = desk();
    const start = clock.now();
    expect(await take('one')).toBe('one');
    clock.pass(10 * MINUTE_MS);
    const again = valueOf(await source.get(request));
    expect([again.value.reveal(), again.fromCache, again.obtainedAt, again.expiresAt]).toEqual([
      'one',
      true,
      start,
      start + 3_600_000,
    ]);
    expect(asked.length).toBe(1);
    expect(events).toEqual([
      {
        name: 'token.acquired',
        endpoint: request.endpoint,
        clientId: request.clientId,
        scope: request.scope,
        expiresAt: start + 3_600_000,
      },
    ]);
  });

  it('is kept for each endpoint, client, scope and way to authenticate', async () => {
    const { source, asked, answer } = desk();
    const others: readonly TokenRequest[] = [
      request,
      { ...request, endpoint: 'https://login.example.com/other' },
      { ...request, clientId: 'other' },
      { ...request, scope: 'other' },
      { ...request, authentication: withSecret('secret', 'client_secret_basic') },
      { ...request, authentication: { method: 'managed_identity' } },
      { ...request, authentication: { method: 'managed_identity', clientId: 'one' } },
    ];
    const tokens = others.map((other) => source.get(other));
    await settled();
    expect(asked.length).toBe(others.length);
    for (const [index] of others.entries()) answer(granted(String(index)));
    expect(new Set((await Promise.all(tokens)).map(codeOf)).size).toBe(others.length);
    source.close();
  });

  it('is renewed behind the scenes from two thirds of its life on, before it is needed', async () => {
    const { source, asked, answer, take, clock } = desk();
    await take('one');
    clock.pass(40 * MINUTE_MS - 1);
    expect(codeOf(await source.get(request))).toBe('one');
    expect(asked.length).toBe(1);
    clock.pass(1);
    expect(codeOf(await source.get(request))).toBe('one');
    expect(codeOf(await source.get(request))).toBe('one');
    await settled();
    expect(asked.length).toBe(2);
    answer(granted('two'));
    await settled();
    expect(codeOf(await source.get(request))).toBe('two');
    expect(asked.length).toBe(2);
  });

  it('is renewed at a moment that chance decides, so that nodes do not ask together', async () => {
    const { source, asked, take, clock } = desk({ random: 0.999 });
    await take('one');
    clock.pass(44 * MINUTE_MS);
    await source.get(request);
    await settled();
    expect(asked.length).toBe(1);
    clock.pass(MINUTE_MS);
    await source.get(request);
    await settled();
    expect(asked.length).toBe(2);
    source.close();
  });

  it('is not given out in its last minute', async () => {
    const { source, asked, answer, take, clock } = desk();
    await take('one');
    clock.pass(59 * MINUTE_MS - 1);
    expect(codeOf(await source.get(request))).toBe('one');
    await settled();
    answer(unreachable());
    await settled();
    clock.pass(MINUTE_MS);
    const next = source.get(request);
    await settled();
    answer(granted('two'));
    expect(codeOf(await next)).toBe('two');
    expect(asked.length).toBe(3);
  });

  it('with a short life is used for nine tenths of it', async () => {
    const { take, asked, clock } = desk();
    expect(await take('one', { expiresIn: 100 })).toBe('one');
    clock.pass(89_999);
    expect(await take('two', { expiresIn: 100 })).toBe('one');
    clock.pass(90_000);
    expect(await take('three', { expiresIn: 100 })).toBe('three');
    expect(asked.length).toBe(3);
  });

  it('that nobody uses is not renewed', async () => {
    const { take, asked, clock } = desk();
    await take('one');
    clock.pass(600 * MINUTE_MS);
    await settled();
    expect(asked.length).toBe(1);
  });
});

describe('one request in flight', () => {
  it('serves everyone, and a caller that cancels leaves the others alone', async () => {
    const { source, asked, answer } = desk();
    const controller = new AbortController();
    const left = source.get(request, { signal: controller.signal });
    const { signal } = new AbortController();
    const stayed = source.get(request, { signal });
    await settled();
    const reason = new Error('no longer');
    controller.abort(reason);
    expect(await left.catch((error: unknown) => error)).toBe(reason);
    expect(asked[0]?.signal?.aborted).toBe(false);
    answer(granted('one'));
    expect(codeOf(await stayed)).toBe('one');
    expect(asked.length).toBe(1);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('ends when nobody waits for it any more, and the next need starts anew', async () => {
    const { source, asked, answer } = desk();
    const controller = new AbortController();
    const left = source.get(request, { signal: controller.signal });
    await settled();
    controller.abort();
    await expect(left).rejects.toThrow('aborted');
    const next = source.get(request);
    await settled();
    expect([asked.length, asked[0]?.signal?.aborted]).toEqual([2, true]);
    answer(granted('too late'));
    answer(granted('one'));
    expect(codeOf(await next)).toBe('one');
  });

  it('is not started for a caller that has cancelled already', async () => {
    const { source, asked } = desk();
    await expect(source.get(request, { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
    expect(asked.length).toBe(0);
  });

  it('that renews in the background is not ended by a caller that leaves', async () => {
    const { source, asked, answer, take, clock } = desk();
    await take('one');
    clock.pass(45 * MINUTE_MS);
    await source.get(request);
    const controller = new AbortController();
    const joined = source.get(request, { fresh: true, signal: controller.signal });
    await settled();
    controller.abort();
    await expect(joined).rejects.toThrow('aborted');
    expect([asked.length, asked[1]?.signal?.aborted]).toEqual([2, false]);
    answer(granted('two'));
    await settled();
    expect(codeOf(await source.get(request))).toBe('two');
  });
});

describe('what is told of requests', () => {
  it('is told once, to who started the request, however many share it', async () => {
    const { source, answer, clock } = desk();
    const heard: string[] = [];
    const ask = (who: string): ReturnType<TokenSource['get']> =>
      source.get(request, { onEvent: ({ name }) => void heard.push(`${who} ${name}`) });
    const failing = [ask('first'), ask('second'), ask('third')];
    await settled();
    answer(unreachable());
    await Promise.all(failing);
    // The same fault is given again at once, and not told again.
    expect(codeOf(await ask('fourth'))).toBe('NETWORK_CONNECTION_REFUSED');
    clock.pass(MINUTE_MS);
    const granting = [ask('fifth'), ask('sixth')];
    await settled();
    answer(granted('one'));
    await Promise.all([...granting, ask('seventh')]);
    expect(heard).toEqual(['first token.failed', 'fifth token.acquired']);
  });
});

describe('a request that failed', () => {
  /** A need every second for ten minutes, a third of them for a fresh token; the seconds in which a request went out. */
  async function secondsOfRequests(answering: () => Result<HttpReply>): Promise<readonly number[]> {
    const { source, asked, answer, clock } = desk();
    const seconds: number[] = [];
    for (let second = 0; second < 600; second += 1) {
      const need = source.get(request, { fresh: second % 3 === 0 });
      await settled();
      if (asked.length > seconds.length) seconds.push(second);
      answer(answering());
      expect((await need).ok).toBe(false);
      clock.pass(1000);
    }
    source.close();
    return seconds;
  }

  const everyMinute = (from: number): readonly number[] =>
    Array.from({ length: 20 }, (_, index) => from + index * 60).filter((second) => second < 600);

  it('and may pass is repeated soon, then ever later, and from then on once a minute, whoever asks', async () => {
    const growing = [0, 1, 3, 8, 18, ...everyMinute(48)];
    expect(await secondsOfRequests(unreachable)).toEqual(growing);
    expect(await secondsOfRequests(() => reply('', 503))).toEqual(growing);
    expect(await secondsOfRequests(() => reply('<html>'))).toEqual(growing);
    expect(await secondsOfRequests(() => reply('', 503, { 'retry-after': '0' }))).toEqual(growing);
  });

  it('for good, or because we ask too often, is repeated once a minute at most', async () => {
    expect(await secondsOfRequests(() => reply({ error: 'invalid_client' }, 401))).toEqual(everyMinute(0));
    expect(await secondsOfRequests(() => reply('', 429))).toEqual(everyMinute(0));
    let count = 0;
    const turning = (): Result<HttpReply> =>
      (count += 1) > 1 ? reply({ error: 'invalid_client' }, 401) : unreachable();
    expect(await secondsOfRequests(turning)).toEqual([0, ...everyMinute(1)]);
  });

  it('is forgotten with the first token', async () => {
    const { source, asked, answer, take, clock } = desk();
    const fail = async (): Promise<void> => {
      const need = source.get(request, { fresh: true });
      await settled();
      answer(unreachable());
      await need;
    };
    for (const pauseMs of [1000, 2000, 5000]) {
      await fail();
      clock.pass(pauseMs);
    }
    expect(await take('one')).toBe('one');
    clock.pass(MINUTE_MS);
    await fail();
    clock.pass(1000);
    expect(await take('two', { fresh: true })).toBe('two');
    expect(asked.length).toBe(6);
  });

  it('waits as long as Retry-After says, and tells how long is left', async () => {
    const { source, asked, answer, clock } = desk();
    const first = source.get(request);
    await settled();
    answer(reply({ error: 'x' }, 429, { 'retry-after': '600' }));
    expect(codeOf(await first)).toBe('OAUTH_THROTTLED');
    clock.pass(9 * MINUTE_MS);
    const early = await source.get(request);
    expect(!early.ok && [early.fault.code, early.fault.retryAfterMs]).toEqual(['OAUTH_THROTTLED', MINUTE_MS]);
    expect(asked.length).toBe(1);
    clock.pass(MINUTE_MS);
    const next = source.get(request);
    await settled();
    expect(asked.length).toBe(2);
    answer(granted('one'));
    await next;
  });

  it('on our own side costs nothing and is tried again at once', async () => {
    const { source, asked, answer } = desk();
    let secret: Result<Secret> = failure(oauthFaults.make('OAUTH_CREDENTIAL_UNUSABLE', {}));
    const authentication = { method: 'client_secret_post', secret: () => Promise.resolve(secret) } as const;
    const own = { ...request, authentication };
    expect(codeOf(await source.get(own))).toBe('OAUTH_CREDENTIAL_UNUSABLE');
    secret = success(Secret.of('mended'));
    const next = source.get(own);
    await settled();
    answer(granted('one'));
    expect(codeOf(await next)).toBe('one');
    expect(asked.length).toBe(1);
  });

  it('in the background is told, and the token that is there goes on', async () => {
    const { source, asked, answer, take, clock, events } = desk();
    await take('one');
    clock.pass(40 * MINUTE_MS);
    // A need every 10 s, for the 19 minutes that the token is still given out.
    for (let need = 0; need < 19 * 6; need += 1) {
      expect(codeOf(await source.get(request))).toBe('one');
      await settled();
      answer(reply('', 503));
      await settled();
      clock.pass(10_000);
    }
    const renewals = asked.length - 1;
    expect(codesIn(events)).toEqual([
      'acquired',
      ...Array.from({ length: renewals }, () => 'OAUTH_SERVER_UNAVAILABLE'),
    ]);
    // At 0, 10, 20, 30, 40, 70 s, and then every minute.
    expect(renewals).toBe(6 + 17);
    clock.pass(MINUTE_MS);
    const last = source.get(request);
    await settled();
    answer(reply('', 503));
    expect(codeOf(await last)).toBe('OAUTH_SERVER_UNAVAILABLE');
  });

  it('by a bug is thrown to all who wait, and kills nothing', async () => {
    const { source } = desk();
    const bug = new Error('bug');
    const broken = {
      ...request,
      authentication: { method: 'federated', assertion: () => Promise.reject(bug) },
    } as const;
    const outcomes = await Promise.allSettled([source.get(broken), source.get(broken)]);
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason === bug)).toEqual([true, true]);
  });
});

describe('fresh', () => {
  it('takes one new token for all connections that were refused, once a minute', async () => {
    const { source, asked, answer, take, clock } = desk();
    await take('revoked');
    clock.pass(10 * MINUTE_MS);
    const refused = Array.from({ length: 20 }, () => source.get(request, { fresh: true }));
    await settled();
    expect(asked.length).toBe(2);
    answer(granted('two'));
    expect(new Set((await Promise.all(refused)).map(codeOf))).toEqual(new Set(['two']));
    // Those that come late get the token that the others were given, and it is not asked for again.
    clock.pass(30_000);
    const late = valueOf(await source.get(request, { fresh: true }));
    expect([late.value.reveal(), late.fromCache, asked.length]).toEqual(['two', true, 2]);
    clock.pass(30_000);
    expect(await take('three', { fresh: true })).toBe('three');
  });

  it('does not give back the refused token when the endpoint fails, whoever asks', async () => {
    const { source, answer, take } = desk();
    await take('revoked');
    const need = source.get(request, { fresh: true });
    await settled();
    answer(unreachable());
    expect(codeOf(await need)).toBe('NETWORK_CONNECTION_REFUSED');
    expect(codeOf(await source.get(request, { fresh: true }))).toBe('NETWORK_CONNECTION_REFUSED');
    expect(codeOf(await source.get(request))).toBe('revoked');
  });
});

describe('clocks', () => {
  it('that jump forward cost one request, and back none', async () => {
    const { take, asked, clock } = desk();
    await take('one');
    clock.jump(40 * 24 * 60 * MINUTE_MS);
    expect(await take('two')).toBe('two');
    expect(await take('three')).toBe('two');
    clock.jump(-42 * 24 * 60 * MINUTE_MS);
    expect(await take('four')).toBe('two');
    expect(asked.length).toBe(2);
  });

  it('that jump back keep no expired token alive', async () => {
    const { take, clock } = desk();
    await take('one');
    clock.jump(-48 * 60 * MINUTE_MS);
    clock.pass(60 * MINUTE_MS);
    expect(await take('two')).toBe('two');
  });

  it('of a computer that slept count as its wall says', async () => {
    const { take, clock } = desk();
    await take('one');
    // Asleep the monotonic clock stands still.
    clock.jump(60 * MINUTE_MS);
    expect(await take('two')).toBe('two');
  });

  it('that step to and fro a thousand times cause no storm', async () => {
    const { take, asked, clock } = desk();
    await take('one');
    for (let step = 0; step < 1000; step += 1) {
      clock.jump(step % 2 === 0 ? 5000 : -5000);
      clock.pass(5000);
      await take('other');
    }
    // 5,000 s of use: what a clock without steps needs as well.
    expect(asked.length).toBe(3);
  });

  it('that jump do not shorten the pause after a failure', async () => {
    const { source, asked, answer, clock } = desk();
    const first = source.get(request);
    await settled();
    answer(unreachable());
    await first;
    for (const jump of [1, -1, 40, -40]) {
      clock.jump(jump * 24 * 60 * MINUTE_MS);
      expect(codeOf(await source.get(request))).toBe('NETWORK_CONNECTION_REFUSED');
    }
    expect(asked.length).toBe(1);
  });
});

describe('dropping and closing', () => {
  it('forgets a token and a failure', async () => {
    const { source, asked, answer, take } = desk();
    await take('one');
    source.drop(request);
    const need = source.get(request);
    await settled();
    answer(unreachable());
    await need;
    source.drop(request);
    expect(await take('two')).toBe('two');
    expect(asked.length).toBe(3);
  });

  it('lets a request in flight serve those who wait for it, and no one after', async () => {
    const { source, answer } = desk();
    const old = source.get(request);
    await settled();
    source.drop(request);
    const next = source.get(request);
    await settled();
    answer(granted('old'));
    answer(granted('next'));
    expect([codeOf(await old), codeOf(await next), codeOf(await source.get(request))]).toEqual(['old', 'next', 'next']);
  });

  it('ends what is in flight, also what was dropped, and gives nothing afterwards', async () => {
    const { source, asked } = desk();
    const dropped = source.get(request);
    source.drop(request);
    const waiting = source.get(request);
    await settled();
    source.close();
    source.close();
    for (const need of [dropped, waiting, source.get(request)])
      expect(await need.catch((error: unknown) => error)).toMatchObject({ name: 'AbortError' });
    expect(asked.map(({ signal }) => signal?.aborted)).toEqual([true, true]);
  });
});
