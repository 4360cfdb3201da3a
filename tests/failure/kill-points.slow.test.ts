/** R01: `kill -9` at each named point of the work loses nothing, alters nothing, and doubles only where that cannot be helped. */
import { expect, test } from 'vitest';
import { cellsFor, KillMatrix, nameOfCell, type Cell, type CellEnd, type HandIn } from './harness/kill-matrix.ts';
import { report } from './harness/rows.ts';
import { submitOnce, World } from './harness/world.ts';

const bySmtp: HandIn = async (service, message, ledger, afterPieces) => {
  const reply = await submitOnce(service.smtpPort, message, ledger, afterPieces);
  return reply?.code === 250;
};

function complaintsOf(ends: readonly CellEnd[]): string[] {
  return ends.flatMap(({ cell, complaints }) =>
    complaints.length === 0 ? [] : [`${nameOfCell(cell)}: ${complaints.join(', ')}`],
  );
}

test('SMTP intake, SQLite', { timeout: 400_000 }, async () => {
  await using world = await World.make();
  const service = world.service({ service: { queue: { retention: { bodyDays: 0 } } } });
  await service.start();
  const matrix = new KillMatrix(world, service, bySmtp, 'smtp-sqlite-');
  const ends: CellEnd[] = [];
  for (const cell of cellsFor('sqlite')) ends.push(await matrix.run(cell));
  await service.stop();
  const { accepted, lost, doubled, altered } = world.ledger.verdict();
  report({
    row: 'R01',
    what: 'kill -9 at named points, SMTP intake, SQLite',
    n: ends.length,
    accepted,
    lost: lost.length,
    doubled: doubled.size,
    altered: altered.length,
  });
  expect(complaintsOf(ends)).toEqual([]);
  expect([lost, altered]).toEqual([[], []]);
});

test('control: a service that answers before its commit is caught losing', { timeout: 60_000 }, async () => {
  await using world = await World.make();
  const service = world.service({ mutant: 'answers before the commit' });
  await service.start();
  const matrix = new KillMatrix(world, service, bySmtp, 'early-');
  const cell: Cell = { point: 'the client heard 250', when: 'outside', window: 'W2' };
  const ends = [await matrix.run(cell), await matrix.run(cell), await matrix.run(cell)];
  expect(complaintsOf(ends).filter((complaint) => complaint.endsWith('lost'))).toHaveLength(3);
});
