/** The row by which a node says that it is there. */
import { failure, success, type Result } from '@postbearer/core';
import { passPoint, prepare, type Database, type ValueNamed } from '@postbearer/database';
import { db } from './schema.ts';

const upsertNode = prepare((value: ValueNamed<{ node: string }>) =>
  db
    .insertInto('node')
    .values({ id: value('node'), incarnation: 1, counter: 0, lanes: '[]' })
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet((row) => ({
        incarnation: row('node.incarnation', '+', 1),
        counter: 0,
        lanes: '[]',
      })),
    )
    .returning('incarnation'),
);

/** Registers a run of a node, and gives the number of that run; an older run of the same name is replaced by it. */
export async function registerNode(database: Database, node: string): Promise<Result<number>> {
  passPoint('register:before');
  const outcome = await database.batch([upsertNode({ node })]);
  passPoint('register:after');
  if (!outcome.ok) return failure(outcome.fault);
  const incarnation = outcome.value.done ? outcome.value.results[0].rows[0]?.incarnation : undefined;
  if (incarnation === undefined) throw new Error(`The node ${node} could not be registered.`);
  return success(incarnation);
}
