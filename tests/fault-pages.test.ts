/** Every fault has its page and every page its fault; none is without a way out. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { everyFault, FAULT_PAGES, faultPages } from '../scripts/fault-pages.ts';
import { repositoryFolder } from './setup/workspaces.ts';

const folder = join(repositoryFolder, FAULT_PAGES);
const faults = await everyFault();
const pages = await faultPages();

describe('the pages of faults', () => {
  it('are those of the catalogues; node scripts/fault-pages.ts writes them anew', () => {
    expect(readdirSync(folder).toSorted()).toEqual([...pages.keys()].toSorted());
    const stale = [...pages]
      .filter(([name, text]) => readFileSync(join(folder, name), 'utf8') !== text)
      .map(([name]) => name);
    expect(stale).toEqual([]);
  });

  it('cover every package that reports faults', () => {
    expect(faults.length).toBeGreaterThan(200);
    expect(new Set(faults.map(({ owner }) => owner))).toEqual(
      new Set([
        'core',
        'network',
        'oauth',
        'smtp',
        'microsoft365',
        'settings',
        'secrets',
        'diagnosis',
        'mailer',
        'database',
        'queue',
        'emulator',
        'server',
        'cli',
      ]),
    );
  });

  it('each say what to do', () => {
    const without = faults.filter(
      ({ definition }) =>
        definition.remedy.steps.length === 0 || definition.remedy.steps.some((step) => step.trim() === ''),
    );
    expect(without.map(({ code }) => code)).toEqual([]);
  });

  it('of Microsoft name their source and the day it was read', () => {
    const without = faults.filter(
      ({ owner, definition }) =>
        owner === 'microsoft365' &&
        (definition.source === undefined || !/^\d{4}-\d\d-\d\d$/.test(definition.read ?? '')),
    );
    expect(without.map(({ code }) => code)).toEqual([]);
  });
});
