import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EVENT_CATALOGUE, eventsReference, renderText } from './index.ts';

const rows = Object.entries(EVENT_CATALOGUE);

describe('the catalogue of events', () => {
  it('has each row under the name of its example', () => {
    for (const [name, { example }] of rows) expect(example.name).toBe(name);
  });

  it('says in one sentence what each means, and renders each in one line', () => {
    for (const [, { meaning, example }] of rows) {
      expect(meaning).toMatch(/\.$/);
      expect(renderText(example).split('\n')[0]).toMatch(/^\[[A-Z][a-z]+\] \S/);
    }
  });

  it('is the page that stands in the documentation', () => {
    const page = readFileSync(new URL('../../../docs/reference/events.md', import.meta.url), 'utf8');
    expect(page).toBe(eventsReference());
  });
});
