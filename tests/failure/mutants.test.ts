/** Every mutant changes a sentence that is in the source, once: a control that changes nothing would show nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mutants } from './harness/mutants.ts';

const root = join(import.meta.dirname, '..', '..');

test.each(Object.entries(mutants))('%s', (_name, changes) => {
  for (const { file, find } of changes) {
    expect(readFileSync(join(root, file), 'utf8').split(find).length - 1, `${file}: ${find}`).toBe(1);
  }
});
