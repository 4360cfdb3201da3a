/** Preloaded into the service: loads it as the mutant that `POSTBEARER_MUTANT` names. */
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { mutants, type Change } from './mutants.ts';

const root = new URL('../../../', import.meta.url);
const name = process.env['POSTBEARER_MUTANT'];

function changed(source: string, { file, find, put }: Change): string {
  if (source.split(find).length !== 2) throw new Error(`The sentence of mutant "${name}" is not once in ${file}.`);
  return source.replace(find, () => put);
}

function mutate(changes: readonly Change[]): void {
  const byUrl = Map.groupBy(changes, ({ file }) => fileURLToPath(new URL(file, root)));
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const own = url.startsWith('file:') ? byUrl.get(fileURLToPath(url)) : undefined;
      if (own === undefined) return loaded;
      const source = Buffer.from(loaded.source as Uint8Array).toString('utf8');
      return { ...loaded, source: own.reduce(changed, source) };
    },
  });
}

if (name !== undefined) {
  const own = Object.entries(mutants).find(([each]) => each === name)?.[1];
  if (own === undefined) throw new Error(`There is no mutant "${name}".`);
  mutate(own);
}
