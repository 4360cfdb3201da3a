/**
 * R01 on SQLite: `kill -9` at each named point of the work loses nothing, alters nothing, and doubles only where that cannot be helped.
 */
import { expect, test } from 'vitest';
import { byHttp, bySmtp, complaintsOf, KillMatrix, runMatrix, type Cell } from './harness/kill-matrix.ts';
import { World } from './harness/world.ts';

test('SMTP intake, SQLite', { timeout: 900_000 }, async () => {
  expect(await runMatrix({ intake: 'SMTP', handIn: bySmtp, database: 'sqlite' })).toEqual([]);
});

test('HTTP intake, SQLite', { timeout: 900_000 }, async () => {
  expect(await runMatrix({ intake: 'HTTP', handIn: byHttp, database: 'sqlite' })).toEqual([]);
});

test.each([
  ['SMTP', bySmtp],
  ['HTTP', byHttp],
])(
  'control: a service that answers over %s before its commit is caught losing',
  { timeout: 60_000 },
  async (_, handIn) => {
    await using world = await World.make();
    const service = world.service({ mutant: 'answers before the commit' });
    await service.start();
    const matrix = new KillMatrix(world, service, handIn, 'early-');
    const cell: Cell = { point: 'the client heard it confirmed', when: 'outside', window: 'W2' };
    const ends = [await matrix.run(cell), await matrix.run(cell), await matrix.run(cell)];
    expect(complaintsOf(ends).filter((complaint) => complaint.endsWith('lost'))).toHaveLength(3);
  },
);
