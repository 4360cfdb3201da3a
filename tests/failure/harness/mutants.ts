/**
 * Mutants: the service with one sentence of its source changed while it is loaded.
 *
 * They are the negative controls. Each breaks one promise in the way in which a programmer might, and the row that guards
 * the promise has to catch it. A sentence that is no longer in the source, or there twice, fails the test.
 */

/** One change of one file. */
export interface Change {
  /** From the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** Every mutant, by what it does wrong. */
export const mutants = {
  'does not wait for the disk of PostgreSQL': [
    {
      file: 'packages/database/src/dialect.ts',
      find: `then 'remote_apply' else 'on' end`,
      put: `then 'remote_apply' else 'off' end`,
    },
    {
      file: 'packages/database/src/dialect.ts',
      find: `values: ['on', 'remote_apply']`,
      put: `values: ['off']`,
    },
  ],
  'takes back what living nodes have in hand': [
    {
      file: 'packages/queue/src/recover.ts',
      find: `
      .where('lane.owner', '=', value('node')),`,
      put: `,`,
    },
  ],
  'answers before the commit': [
    {
      file: 'packages/queue/src/intake.ts',
      find: `      const outcome = await this.#context.database.batch(statements);
      passPoint('accept:after');`,
      put: `      const { promise: later, resolve } = Promise.withResolvers<void>();
      setTimeout(() => void this.#context.database.batch(statements).then(() => { this.#context.wake(submission.lane); resolve(); }), 60);
      void later;
      const outcome = { ok: true, value: { done: true, results: [] } } as any;
      passPoint('accept:after');`,
    },
  ],
  'flushes now and then': [
    {
      file: 'packages/database/src/dialect.ts',
      find: `'pragma synchronous = full'`,
      put: `'pragma synchronous = normal'`,
    },
    {
      file: 'packages/database/src/dialect.ts',
      find: `column: 'synchronous', value: 2`,
      put: `column: 'synchronous', value: 1`,
    },
  ],
  'takes a failed commit for done': [
    {
      file: 'packages/database/src/sqlite/sqlite-file.ts',
      find: `      this.#run(sqliteDialect.commit);
      passPoint('commit:after');`,
      put: `      try { this.#run(sqliteDialect.commit); } catch { this.#abandon(); }
      passPoint('commit:after');`,
    },
  ],
  'does not look at the disk': [
    {
      file: 'apps/server/src/delivery/admission.ts',
      find: 'if (freeBytes === undefined || clock',
      put: 'if (true || freeBytes === undefined || clock',
    },
  ],
  'forgets keys': [
    {
      file: 'packages/queue/src/intake.ts',
      find: 'return [mustChange(claimKey({ app, ...idempotency, message: this.id, now, expired }), 1)];',
      put: 'return [];',
    },
  ],
  'takes a broken line for an end': [
    {
      file: 'packages/smtp/src/client/transaction.ts',
      find: 'this.#settle(this.#isEndWritten ? this.#uncertain(fault) : fault);',
      put: `const reply = this.#wire.evidence('final', { code: 250, lines: ['2.0.0 OK'] } as any);
    this.#end({ kind: 'settled', needsReset: false, verdicts: this.#plan.recipients.map((recipient) => ({ outcome: 'accepted', recipient, reply })) });`,
    },
  ],
  'sends everything twice': [
    {
      file: 'apps/server/src/delivery/lane-worker.ts',
      find: `    const outcome = await this.#tryToSend(leased, mailer, lane);`,
      put: `    await this.#tryToSend(leased, mailer, lane);
    const outcome = await this.#tryToSend(leased, mailer, lane);`,
    },
  ],
  'takes a refusal for a delivery': [
    {
      file: 'packages/queue/src/decide.ts',
      find: `if (verdict.outcome === 'refused') return { number, address, state: 'refused', fault };`,
      put: `if (verdict.outcome === 'refused') return { number, address, state: 'delivered', fault };`,
    },
  ],
  'takes a delay for a refusal': [
    {
      file: 'packages/queue/src/decide.ts',
      find: `return { number, address, state: isOver ? 'expired' : 'deferred', fault };`,
      put: `return { number, address, state: isOver ? 'expired' : 'refused', fault };`,
    },
  ],
  'waits too long': [
    { file: 'packages/smtp/src/client/timeouts.ts', find: '  mail: 5 * MINUTE_MS,', put: '  mail: 10 * MINUTE_MS,' },
  ],
  'notes a step before it is done': [
    {
      file: 'packages/database/src/migrations.ts',
      find: `      ...statements.map((text) => statement(sql.raw(text))),
    ]);`,
      put: `    ]);
    passPoint('migration:half');
    await database.batch(statements.map((text) => statement(sql.raw(text))));`,
    },
  ],
  'tells of notices too': [
    {
      file: 'packages/queue/src/decide.ts',
      find: `  if (leased.isNotice) return [];`,
      put: ``,
    },
  ],
  'tells without end': [
    {
      file: 'apps/server/src/delivery/notices.ts',
      find: `if (recent.length >= MOST_IN_AN_HOUR) return false;`,
      put: ``,
    },
  ],
  'counts no crashes': [
    { file: 'packages/queue/src/recover.ts', find: 'const MOST_CRASHES = 3;', put: 'const MOST_CRASHES = 1e9;' },
  ],
  'counts ages by the wall clock': [
    {
      file: 'packages/queue/src/decide.ts',
      find: 'const isOver = leased.ageMs >= retryTimes.lifetimeMs && leased.attempts + 1 >= FEWEST_ATTEMPTS;',
      put: 'const isOver = leased.ageMs >= retryTimes.lifetimeMs || Date.now() < 0;',
    },
    {
      file: 'packages/queue/src/lease.ts',
      find: 'ageMs: context.watch.cautiousNow() - row.lifetime_from,',
      put: 'ageMs: context.clock.now() - row.lifetime_from,',
    },
  ],
} as const satisfies Readonly<Record<string, readonly Change[]>>;

/** The name of a mutant. */
export type MutantName = keyof typeof mutants;
