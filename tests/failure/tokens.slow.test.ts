/** R14: whatever the token endpoint does, no message is bounced, it is not asked too often, and mail goes on by itself afterwards. */
import type { InjectedFault } from '@postbearer/emulator';
import { expect, test } from 'vitest';
import { testMessage } from './harness/messages.ts';
import { report } from './harness/rows.ts';
import { eventually, submitOnce, World } from './harness/world.ts';

const MINUTE_MS = 60_000;
const WATCHED_MINUTES = 20;
/** Times of the first attempts, which are nearer together. */
const FIRST_REQUESTS = 6;

type Action = InjectedFault['action'];

function http(status: number, body = '', headers: Readonly<Record<string, string>> = {}): Action {
  return { kind: 'http', status, body, headers: { 'content-type': 'application/json', ...headers } };
}

const token = (members: object): Action =>
  http(200, JSON.stringify({ token_type: 'Bearer', access_token: 'e30.e30.x', ...members }));

/** What the endpoint does, by name. */
const SHAPES: Readonly<Record<string, Action>> = {
  'breaks off': { kind: 'cut' },
  'says nothing': { kind: 'hang' },
  '500': http(500, '{}'),
  '502 as a page': http(502, '<html>Bad Gateway</html>', { 'content-type': 'text/html' }),
  '503 with Retry-After': http(503, '', { 'retry-after': '30' }),
  '504': http(504),
  '429 with Retry-After': http(429, '', { 'retry-after': '60' }),
  '429': http(429),
  'a page with 200': http(200, '<html>Sign in</html>', { 'content-type': 'text/html' }),
  'nothing with 200': http(200),
  'JSON without a token': http(200, '{}'),
  'cut JSON': http(200, '{"access_token":"e30'),
  'a list': http(200, '[]'),
  'no lifetime': token({}),
  'a lifetime of 0': token({ expires_in: 0 }),
  'a lifetime of -1': token({ expires_in: -1 }),
  'a lifetime that is a word': token({ expires_in: 'soon' }),
  'CR LF in the token': http(200, JSON.stringify({ token_type: 'Bearer', expires_in: 3600, access_token: 'a\r\nb' })),
  'NUL in the token': http(200, JSON.stringify({ token_type: 'Bearer', expires_in: 3600, access_token: 'a\0b' })),
  'a redirect to another host': http(302, '', { location: 'https://127.0.0.2:9/elsewhere' }),
  '1 MB of nothing': http(200, ' '.repeat(1024 * 1024)),
  'secret expired (7000222)': { kind: 'aadsts', code: 7_000_222 },
  'secret wrong (7000215)': { kind: 'aadsts', code: 7_000_215 },
  'app unknown (700016)': { kind: 'aadsts', code: 700_016 },
};

const FAULTS: readonly (readonly [string, InjectedFault])[] = [
  ...Object.entries(SHAPES).map(([name, action]) => [name, { stage: 'token', action }] as const),
  // The token is given, and revoked before it is used.
  [
    'a token that is refused',
    { stage: 'auth', action: { kind: 'reply', text: '535 5.7.3 Authentication unsuccessful' } },
  ],
];

test(`R14: ${FAULTS.length} shapes of the token endpoint`, { timeout: 300_000 }, async () => {
  await using world = await World.make();
  const service = world.service({ hasMovableClock: true });
  const wrong: string[] = [];
  let most = 0;
  for (const [name, fault] of FAULTS) {
    await world.sink.fault(fault);
    const before = (await world.sink.counters()).tokenRequests;
    // A service that was just started has no token.
    await service.start();
    const ids = [`${name} 1`, `${name} 2`].map((each) => each.replaceAll(/[^\w]+/g, '-'));
    for (const id of ids) await submitOnce(service.smtpPort, testMessage(id, 300), world.ledger);
    const isAsked = await eventually(async () => (await world.sink.counters()).tokenRequests > before);
    for (let passed = 0; passed < WATCHED_MINUTES; passed += 5) await service.pass(5 * MINUTE_MS);
    const requests = (await world.sink.counters()).tokenRequests - before;
    most = Math.max(most, requests);
    const delivered = new Set(world.ledger.delivered.flatMap(({ id, about }) => [id, about ?? '']));
    if (!isAsked) wrong.push(`${name}: never asked`);
    if (requests > WATCHED_MINUTES + FIRST_REQUESTS)
      wrong.push(`${name}: ${requests} requests in ${WATCHED_MINUTES} minutes`);
    if (ids.some((id) => delivered.has(id))) wrong.push(`${name}: sent or told of`);
    await world.sink.clear();
    const open = await service.drain(60_000, 6 * MINUTE_MS);
    if (open.length > 0) wrong.push(`${name}: ${open.map(({ state }) => state).join(', ')} afterwards`);
    await service.stop();
  }
  const { accepted, lost, doubled, altered, told } = world.ledger.verdict();
  report({
    row: 'R14',
    what: 'shapes of the token endpoint',
    n: FAULTS.length,
    accepted,
    lost: lost.length,
    doubled: doubled.size,
    altered: altered.length,
    note: `${told.length} bounced; at most ${most} requests in ${WATCHED_MINUTES} minutes`,
  });
  expect(wrong).toEqual([]);
  expect([lost, altered, [...doubled], told]).toEqual([[], [], [], []]);
});

test('R14: control: a service that takes a delay for a refusal is caught bouncing', { timeout: 60_000 }, async () => {
  await using world = await World.make();
  const service = world.service({ mutant: 'takes a delay for a refusal', hasMovableClock: true });
  await world.sink.fault({ stage: 'token', action: http(500, '{}') });
  await service.start();
  await submitOnce(service.smtpPort, testMessage('bounced', 300), world.ledger);
  await eventually(async () => (await service.list()).some(({ state }) => state === 'refused'));
  await world.sink.clear();
  await service.drain(60_000, 6 * MINUTE_MS);
  expect(world.ledger.verdict().told).toEqual(['bounced']);
});
