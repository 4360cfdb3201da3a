/** How a migration from the password to OAuth goes, and who hands in mail how. */
import { z } from 'zod';
import type { AppUse } from '../../access/app-usage.ts';
import type { MigrationReport } from '../../delivery/migration-report.ts';
import { timeOf, timeSchema } from './message-output.ts';
import type { ApiParts } from './parts.ts';
import { failed, json, route, type Route } from './route.ts';

const NOTHING = z.strictObject({});

const waySchema = z.enum(['password', 'oauth']).meta({ id: 'Way', description: 'How a message is signed in for.' });

const totalsSchema = z
  .strictObject({
    delivered: z.int(),
    failed: z.int(),
    refused: z
      .int()
      .meta({ description: 'Messages and addresses that were wrong in themselves; they say nothing about the way.' }),
    waiting: z.int().meta({ description: 'What waits in its lanes now.' }),
  })
  .meta({ id: 'WayTotals', description: 'What came of the messages of one way, each by its latest attempt on it.' });

const reportSchema = z
  .strictObject({
    at: timeSchema,
    since: timeSchema.meta({ description: 'What is counted was tried since then: at most 48 hours.' }),
    migration: z
      .strictObject({
        startedAt: timeSchema,
        canaryApp: z.string().exactOptional(),
        sharePercent: z.int().exactOptional(),
      })
      .exactOptional()
      .meta({ description: 'What the settings in force say; left out where no migration is under way.' }),
    ways: z.strictObject({ password: totalsSchema, oauth: totalsSchema }),
    hours: z.array(
      z.strictObject({
        at: timeSchema.meta({ description: 'When the hour began.' }),
        way: waySchema,
        outcome: z.enum(['delivered', 'failed', 'refused']),
        count: z.int(),
      }),
    ),
    faults: z.array(z.strictObject({ way: waySchema, code: z.string(), count: z.int() })),
    verdict: z.enum(['safe', 'failing', 'inconclusive']).meta({
      description: '`inconclusive` while there were too few messages to tell.',
    }),
    reason: z.string().meta({ description: 'Why, in a sentence.' }),
    needed: z
      .int()
      .exactOptional()
      .meta({ description: 'How many more messages, if all are delivered, would show that it is safe.' }),
  })
  .meta({ id: 'MigrationReport', description: 'How a migration from the password to OAuth goes.' });

const useSchema = z
  .strictObject({
    app: z.string(),
    kind: z.enum(['PLAIN', 'LOGIN', 'address', 'account', 'key']).meta({
      description: 'A mechanism of SMTP AUTH, an address that is allowed, an account of the machine, or an API key.',
    }),
    security: z
      .enum(['starttls', 'tls', 'plain', ''])
      .meta({ description: 'The kind of listener it came to; empty where it came otherwise.' }),
    address: z.string().meta({ description: 'From where it came last.' }),
    firstAt: timeSchema,
    lastAt: timeSchema,
    count: z.int().meta({ description: 'Messages.' }),
  })
  .meta({ id: 'AppUse', description: 'How an app hands in mail.' });

function reportOutput({ at, since, migration, hours, ...rest }: MigrationReport): Record<string, unknown> {
  return {
    at: timeOf(at),
    since: timeOf(since),
    ...(migration === undefined ? {} : { migration: { ...migration, startedAt: timeOf(migration.startedAt) } }),
    hours: hours.map((hour) => ({ ...hour, at: timeOf(hour.at) })),
    ...rest,
  };
}

function useOutput({ firstAt, lastAt, ...use }: AppUse): Record<string, unknown> {
  return { ...use, firstAt: timeOf(firstAt), lastAt: timeOf(lastAt) };
}

/** The routes about moving from the password to OAuth. */
export function migrationRoutes({ control }: ApiParts): readonly Route[] {
  const same = { method: 'get', group: 'Migration', access: ['admin'], query: NOTHING } as const;
  const useList = z.strictObject({ uses: z.array(useSchema) }).meta({ id: 'AppUseList', description: 'Who hands in.' });
  return [
    route(
      {
        ...same,
        path: '/v1/migration',
        name: 'getMigration',
        summary: 'See how the migration to OAuth goes',
        description: 'Both ways side by side, and whether OAuth does as well as the password did.',
        answers: { 200: { description: 'How it goes.', schema: reportSchema } },
      },
      async () => {
        const found = await control.migrationStatus({});
        return found.ok ? json(reportOutput(found.value)) : failed(found);
      },
    ),
    route(
      {
        ...same,
        path: '/v1/inventory',
        name: 'listUsage',
        summary: 'List who hands in mail, and with which kind of sign-in',
        answers: { 200: { description: 'Everybody who handed in within 400 days.', schema: useList } },
      },
      async () => {
        const found = await control.listUsage({});
        return found.ok ? json({ uses: found.value.map(useOutput) }) : failed(found);
      },
    ),
  ];
}
