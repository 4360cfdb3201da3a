/** The pages: their links lead somewhere, and the commands they name exist. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesMatching, readManifest, repositoryFolder } from './setup/workspaces.ts';

const pages = filesMatching('*.md', 'docs/**/*.md', 'packages/*/*.md', 'apps/*/*.md', 'bench/*.md');
const read = (file: string): string => readFileSync(join(repositoryFolder, file), 'utf8');

/** The headings of a page as a browser names them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Links of a page that lead nowhere. */
function brokenLinks(file: string, text: string): string[] {
  const links = [...text.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = '']) => target);
  return links.filter((link) => {
    if (link.startsWith('https://')) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? file : join(dirname(file), path);
    if (path !== '' && !existsSync(join(repositoryFolder, target))) return true;
    return (
      anchor !== undefined &&
      target.endsWith('.md') &&
      !anchorsOf(target === file ? text : read(target)).includes(anchor)
    );
  });
}

describe.each(pages)('%s', (file) => {
  it('has links that lead somewhere', () => {
    expect(brokenLinks(file, read(file))).toEqual([]);
  });

  it('names npm scripts that exist', () => {
    const named = [...read(file).matchAll(/npm run ([a-z:-]+)/g)].map(([, name]) => name);
    const scripts = Object.keys(readManifest('.').scripts ?? {});
    expect(named.filter((name) => name !== undefined && !scripts.includes(name))).toEqual([]);
  });

  it('names no machine of ours', () => {
    expect(read(file)).not.toMatch(/\/(?:root|home|work)\/|registry\.npmjs/);
  });
});

describe('the check of links', () => {
  it.each([
    ['[x](no-such-file.md)', ['no-such-file.md']],
    ['[x](README.md#no-such-heading)', ['README.md#no-such-heading']],
    ['[x](#here)', ['#here']],
    ['# Here\n\n[x](#here), [y](package.json), [z](https://example.com/#x)', []],
  ])('%j', (text, expected) => {
    expect(brokenLinks('README.md', text)).toEqual(expected);
  });
});
