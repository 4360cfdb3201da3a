import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { settingsReference } from './index.ts';
import { UPSTREAM_KEYS, UPSTREAM_SETTINGS } from './schema.ts';

describe('docs/reference/settings.md', () => {
  it('is what the table of settings says (node scripts/settings-reference.ts writes it)', () => {
    const page = readFileSync(new URL('../../../docs/reference/settings.md', import.meta.url), 'utf8');
    expect(page).toBe(settingsReference());
  });

  it('names every setting in every form', () => {
    const page = settingsReference();
    for (const key of UPSTREAM_KEYS) {
      const { environment, tfvars, xmpro = '' } = UPSTREAM_SETTINGS[key];
      for (const name of [key, ...environment, ...tfvars, xmpro]) expect(page).toContain(name);
    }
  });
});

describe('the table of settings', () => {
  it('gives no name to two settings', () => {
    const names = UPSTREAM_KEYS.flatMap((key) => {
      const { environment, tfvars, xmpro = key } = UPSTREAM_SETTINGS[key];
      return environment.concat(tfvars, xmpro);
    });
    expect(new Set(names).size).toBe(names.length);
  });
});
