/** `npm run bench [-- what] [--quick]`: runs the benchmarks, or the one that is named. */

const benchmarks: Readonly<Record<string, () => Promise<unknown>>> = {
  'smtp-client': async () => await import('./smtp-client.ts'),
  explain: async () => await import('./explain.ts'),
  service: async () => await import('./service.ts'),
  'start-up': async () => await import('./start-up.ts'),
};

const named = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const unknown = named.find((name) => !Object.hasOwn(benchmarks, name));
if (unknown === undefined) {
  for (const name of named.length > 0 ? named : Object.keys(benchmarks)) await benchmarks[name]?.();
} else {
  console.error(`There is no benchmark "${unknown}"; there are ${Object.keys(benchmarks).join(', ')}.`);
  process.exitCode = 64;
}
