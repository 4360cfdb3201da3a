/** How many recipients each mailbox sent to in the last day, kept so that a restart does not forget it. */
import { success, type Result } from '@postbearer/core';
import {
  prepare,
  sqlBuilder,
  type Database,
  type MigrationSet,
  type Statement,
  type ValueNamed,
} from '@postbearer/database';

const HOUR_MS = 3_600_000;
const KEPT_HOURS = 25;

interface UsageTables {
  lane_usage: { lane: string; /** Hours since 1970. */ hour: number; recipients: number };
}

const db = sqlBuilder<UsageTables>();

/** The steps that make the table. A released step never changes. */
export const deliveryMigrations: MigrationSet = {
  owner: 'delivery',
  migrations: [
    {
      number: 1,
      name: 'usage of lanes',
      statements: [
        `create table lane_usage (lane text not null, hour bigint not null, recipients bigint not null, primary key (lane, hour))`,
      ],
    },
    {
      number: 2,
      name: 'which way messages went',
      statements: [
        `create table message_way (
          message_id text not null references message (id) on delete cascade,
          number bigint not null,
          way text not null,
          outcome text not null,
          fault_code text,
          at bigint not null,
          hour bigint not null,
          primary key (message_id, number)
        )`,
        `create index message_way_at on message_way (at)`,
      ],
    },
  ],
};

const addUsage = prepare((value: ValueNamed<{ lane: string; hour: number; recipients: number }>) =>
  db
    .insertInto('lane_usage')
    .values({ lane: value('lane'), hour: value('hour'), recipients: value('recipients') })
    .onConflict((conflict) =>
      conflict.columns(['lane', 'hour']).doUpdateSet((excluded) => ({
        recipients: excluded('lane_usage.recipients', '+', excluded.ref('excluded.recipients')),
      })),
    ),
);

const usageSince = prepare((value: ValueNamed<{ lane: string; hour: number }>) =>
  db
    .selectFrom('lane_usage')
    .select(['hour', 'recipients'])
    .where('lane', '=', value('lane'))
    .where('hour', '>=', value('hour'))
    .orderBy('hour'),
);

const deleteBefore = prepare((value: ValueNamed<{ hour: number }>) =>
  db.deleteFrom('lane_usage').where('hour', '<', value('hour')),
);

/** The statement that counts recipients of a lane at a time of the wall clock. */
export function usageStatement(lane: string, recipients: number, now: number): Statement {
  return addUsage({ lane, hour: Math.floor(now / HOUR_MS), recipients });
}

/** What lanes of one mailbox sent in the last day, by hour, the oldest first; older counts are removed. */
export async function readUsage(
  database: Database,
  lanes: readonly string[],
  now: number,
): Promise<Result<readonly { readonly ageMs: number; readonly recipients: number }[]>> {
  const oldest = Math.floor(now / HOUR_MS) - KEPT_HOURS;
  const removed = await database.batch([deleteBefore({ hour: oldest })]);
  if (!removed.ok) return removed;
  const hours: { readonly hour: number; readonly recipients: number }[] = [];
  for (const lane of lanes) {
    const found = await database.query(usageSince({ lane, hour: oldest }));
    if (!found.ok) return found;
    hours.push(...found.value);
  }
  const inOrder = hours.toSorted((a, b) => a.hour - b.hour);
  return success(inOrder.map(({ hour, recipients }) => ({ ageMs: now - hour * HOUR_MS, recipients })));
}
