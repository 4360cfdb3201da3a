import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';
import { CountReporter } from './tests/setup/count-reporter.ts';
import { isQuick } from './tests/setup/quick.ts';

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tests/**/*.test.ts'],
    exclude: [...configDefaults.exclude, '.cache/**', ...(isQuick ? ['**/*.slow.test.ts'] : [])],
    setupFiles: ['tests/setup/leaks.ts'],
    reporters: ['default', new CountReporter()],
    // Each file in a process of its own: what it leaves open is seen, and nothing it changes reaches another.
    pool: 'forks',
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
