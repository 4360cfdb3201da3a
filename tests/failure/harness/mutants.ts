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
} as const satisfies Readonly<Record<string, readonly Change[]>>;

/** The name of a mutant. */
export type MutantName = keyof typeof mutants;
