/** R28: one message for each idempotency key, whoever asks how often, over kills and restarts. */
import { expect, test } from 'vitest';
import { submitByHttp } from './harness/http-client.ts';
import { testMessage, type TestMessage } from './harness/messages.ts';
import { report, size } from './harness/rows.ts';
import type { Service } from './harness/service.ts';
import { submitOnce, World } from './harness/world.ts';

const PARALLEL = size(100, 1000);
const MANY = { connections: { connections: 2000, connectionsPerClient: 2000 } };

/** Over SMTP the key stands in the header, which it does not leave by. */
function withKey(message: TestMessage, key: string): TestMessage {
  return { ...message, bytes: Buffer.concat([Buffer.from(`Postbearer-Idempotency-Key: ${key}\r\n`), message.bytes]) };
}

async function answers(ask: (number: number) => Promise<number | undefined>): Promise<Map<number | undefined, number>> {
  const given = await Promise.all(Array.from({ length: PARALLEL }, async (_, number) => await ask(number)));
  const counts = new Map<number | undefined, number>();
  for (const each of given) counts.set(each, (counts.get(each) ?? 0) + 1);
  return counts;
}

async function smtp(service: Service, message: TestMessage, world: World): Promise<number | undefined> {
  return (await submitOnce(service.smtpPort, message, world.ledger))?.code;
}

test(
  'one message for a key: in parallel, after a kill between commit and answer, and after a restart',
  { timeout: 360_000 },
  async () => {
    await using world = await World.make();
    const service = world.service({ service: MANY });
    await service.start();
    const [bySmtp, byHttp, killed] = [testMessage('key-smtp'), testMessage('key-http'), testMessage('key-killed')];

    const smtpCodes = await answers(async () => await smtp(service, withKey(bySmtp, 'k1'), world));
    expect([...smtpCodes]).toEqual([[250, PARALLEL]]);
    const httpCodes = await answers(
      async () => (await submitByHttp(service, byHttp, world.ledger, { key: 'k2' }))?.status,
    );
    // Whoever asks while the first is being worked on is told so.
    expect([...httpCodes.keys()].filter((status) => status !== 202 && status !== 409)).toEqual([]);

    service.killAt('accept:after');
    expect(await smtp(service, withKey(killed, 'k3'), world)).toBeUndefined();
    await service.ended();
    service.killAt();
    await service.start();
    expect(await smtp(service, withKey(killed, 'k3'), world)).toBe(250);
    expect(await smtp(service, withKey(bySmtp, 'k1'), world)).toBe(250);
    expect((await submitByHttp(service, byHttp, world.ledger, { key: 'k2' }))?.status).toBe(202);

    // The same key for something else.
    const other = testMessage('key-other');
    expect(await smtp(service, withKey(other, 'k1'), world)).toBe(550);
    expect([409, 422]).toContain((await submitByHttp(service, other, world.ledger, { key: 'k2' }))?.status);

    expect(await service.drain()).toEqual([]);
    const { accepted, lost, doubled, altered } = world.ledger.verdict();
    report({
      row: 'R28',
      what: 'the same idempotency key, in parallel, over a kill and a restart',
      n: PARALLEL * 2 + 5,
      accepted,
      lost: lost.length,
      doubled: doubled.size,
      altered: altered.length,
    });
    expect(accepted).toBe(3);
    expect([lost, altered, [...doubled]]).toEqual([[], [], []]);
  },
);

test('control: a service that forgets keys takes the same request again', { timeout: 180_000 }, async () => {
  await using world = await World.make();
  const service = world.service({ mutant: 'forgets keys' });
  await service.start();
  const message = withKey(testMessage('key-twice'), 'k');
  expect([await smtp(service, message, world), await smtp(service, message, world)]).toEqual([250, 250]);
  await service.drain();
  expect(world.ledger.verdict().doubled.size).toBe(1);
});
