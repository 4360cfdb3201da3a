/**
 * The import rules of ARCHITECTURE.md, held against every source.
 *
 * The table with a reason for each row is `architecture/import-table.ts`. Each rule has a control: a made-up source that
 * breaks it and must be caught.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkSources, type Manifest, type Rule, type SourceTree } from './architecture/check-sources.ts';
import { importTable } from './architecture/import-table.ts';
import { importsOf, tokensOf } from './architecture/read-source.ts';
import { filesMatching, readManifest, repositoryFolder, workspaces } from './setup/workspaces.ts';

function theRepository(): SourceTree {
  const files = filesMatching('packages/*/src/**/*.ts', 'apps/*/src/**/*.ts');
  return {
    files: new Map(files.map((path) => [path, readFileSync(join(repositoryFolder, path), 'utf8')])),
    manifests: new Map(workspaces.map(({ folder, manifest }) => [folder, manifest])),
    testTools: new Set(Object.keys(readManifest('.').devDependencies ?? {})),
  };
}

describe('the repository', () => {
  const tree = theRepository();

  it('keeps every rule', () => {
    expect(checkSources(tree).map(({ rule, where, why }) => `${where}  [${rule}] ${why}`)).toEqual([]);
  });

  it('was really read', () => {
    const imports = [...tree.files.values()].flatMap((text) => importsOf(tokensOf(text)));
    expect(tree.files.size).toBeGreaterThan(15);
    expect(imports.length).toBeGreaterThan(30);
  });

  it('has a row in the table for every workspace', () => {
    for (const folder of tree.manifests.keys()) expect(Object.keys(importTable)).toContain(folder.split('/')[1]);
  });
});

function manifestOf(name: string, ...needs: readonly string[]): Manifest {
  return {
    name: `@postbearer/${name}`,
    exports: { '.': './src/index.ts', ...(name === 'microsoft365' ? { './clouds': './src/clouds.ts' } : {}) },
    dependencies: Object.fromEntries(needs.map((need) => [`@postbearer/${need}`, '1.0.0'])),
  };
}

/** A world of a few packages in which `text` stands at `path`. */
function world(path: string, text: string, more: Readonly<Record<string, string>> = {}): SourceTree {
  return {
    files: new Map([[path, text], ...Object.entries(more)]),
    manifests: new Map([
      ['packages/core', manifestOf('core')],
      ['packages/oauth', manifestOf('oauth', ...(path.includes('oauth') ? ['core'] : []))],
      ['packages/queue', manifestOf('queue')],
      ['packages/microsoft365', manifestOf('microsoft365')],
      ['packages/settings', manifestOf('settings')],
      ['packages/emulator', manifestOf('emulator')],
      ['apps/server', manifestOf('server')],
    ]),
    testTools: new Set(['vitest']),
  };
}

function rulesBroken(path: string, text: string, more?: Readonly<Record<string, string>>): Set<Rule> {
  return new Set(checkSources(world(path, text, more)).map(({ rule }) => rule));
}

const USES_CORE = "import type { Fault } from '@postbearer/core';\n";

describe('the check', () => {
  it.each<[Rule, string, string, string]>([
    ['layers', 'core imports a package', 'packages/core/src/a.ts', "import { x } from '@postbearer/oauth';"],
    [
      'layers',
      'a type is imported upwards',
      'packages/oauth/src/a.ts',
      "import type { X } from '@postbearer/settings';",
    ],
    ['layers', 'a type is named inline', 'packages/oauth/src/a.ts', "let x: import('@postbearer/settings').X;"],
    [
      'layers',
      'settings takes more than the clouds',
      'packages/settings/src/a.ts',
      "export * from '@postbearer/microsoft365';",
    ],
    ['layers', 'the server imports the emulator', 'apps/server/src/main.ts', "await import('@postbearer/emulator');"],
    ['layers', 'the queue reaches for a token', 'packages/queue/src/a.ts', "import '@postbearer/oauth';"],
    ['layers', 'a test goes around the table', 'packages/oauth/src/a.test.ts', "import '@postbearer/settings';"],
    [
      'guarded-modules',
      'a socket outside smtp and network',
      'packages/oauth/src/a.ts',
      "import { connect } from 'node:net';",
    ],
    ['guarded-modules', 'a socket without the prefix', 'packages/oauth/src/a.ts', "import tls from 'tls';"],
    ['guarded-modules', 'a database outside database', 'packages/queue/src/a.ts', "import { Pool } from 'pg';"],
    ['guarded-modules', 'SQLite outside database', 'packages/queue/src/a.ts', "const s = require('node:sqlite');"],
    [
      'guarded-modules',
      'a socket by the loader of Node',
      'packages/oauth/src/a.ts',
      "process.getBuiltinModule('node:net').connect(25);",
    ],
    [
      'guarded-modules',
      'a socket by the loader, taken apart',
      'packages/oauth/src/a.ts',
      "const { getBuiltinModule } = process; getBuiltinModule('tls');",
    ],
    [
      'computed-import',
      'the loader under another name',
      'packages/oauth/src/a.ts',
      "const load = process['getBuiltinModule'];",
    ],
    [
      'computed-import',
      'a require of its own',
      'packages/oauth/src/a.ts',
      "const tls = createRequire(import.meta.url)('node:tls');",
    ],
    [
      'computed-import',
      'a require under another name',
      'packages/oauth/src/a.ts',
      "import { createRequire as make } from 'node:module'; const load = make(import.meta.url); load('node:tls');",
    ],
    ['guarded-globals', 'fetch outside network', 'packages/oauth/src/a.ts', "await fetch('https://example.org/');"],
    ['guarded-globals', 'fetch under another name', 'packages/oauth/src/a.ts', 'const { fetch: get } = globalThis;'],
    ['guarded-globals', 'fetch of the global object', 'apps/server/src/a.ts', 'globalThis?.fetch(address);'],
    ['guarded-globals', 'fetch by its text', 'apps/server/src/a.ts', "globalThis['fetch'](address);"],
    ['guarded-globals', 'a web socket', 'packages/queue/src/a.ts', 'new WebSocket(address);'],
    ['guarded-globals', 'a stream of events', 'packages/core/src/a.ts', 'new globalThis.EventSource(address);'],
    ['undeclared', 'a package nobody declared', 'packages/oauth/src/a.ts', "import { z } from 'zod';"],
    ['undeclared', 'a test tool in a source', 'packages/oauth/src/a.ts', "import { vi } from 'vitest';"],
    ['unused-dependency', 'a declared package is not used', 'packages/oauth/src/a.ts', 'export const x = 1;'],
    ['unused-dependency', 'only a test uses it', 'packages/oauth/src/a.test.ts', USES_CORE],
    [
      'relative',
      'a path into another package',
      'packages/oauth/src/a.ts',
      "import { x } from '../../core/src/fault.ts';",
    ],
    [
      'deep-import',
      'an entry that is not exported',
      'packages/oauth/src/a.ts',
      "import '@postbearer/core/src/fault.ts';",
    ],
    [
      'imports-tests',
      'a source uses the test set-up',
      'packages/oauth/src/a.ts',
      "import '../../../tests/setup/canaries.ts';",
    ],
    ['imports-tests', 'a source uses the bench', 'packages/oauth/src/a.ts', "import '../../../bench/run.ts';"],
    ['computed-import', 'what is imported cannot be read', 'packages/oauth/src/a.ts', 'await import(`./${name}.ts`);'],
    ['server-rooms', 'two rooms of the server', 'apps/server/src/relay/a.ts', "import { x } from '../api/b.ts';"],
    ['platform-in-core', 'core imports Node', 'packages/core/src/a.ts', "import { join } from 'node:path';"],
    ['platform-in-core', 'core uses a global of Node', 'packages/core/src/a.ts', "const b = Buffer.from('x');"],
    ['platform-in-core', 'core asks for types', 'packages/core/src/a.ts', '/// <reference types="node" />\n'],
    ['long-file', 'a file with two concerns', 'packages/oauth/src/a.ts', 'x;\n'.repeat(451)],
    ['drawer', 'a drawer', 'packages/oauth/src/utils.ts', USES_CORE],
    ['drawer', 'a drawer as a folder', 'packages/oauth/src/common/a.ts', USES_CORE],
  ])('catches %s: %s', (rule, _what, path, text) => {
    expect(rulesBroken(path, text)).toContain(rule);
  });

  it('catches a cycle between packages', () => {
    const more = { 'packages/settings/src/b.ts': "import '@postbearer/oauth';" };
    expect(rulesBroken('packages/oauth/src/a.ts', "import '@postbearer/settings';", more)).toContain('cycle');
  });

  it.each([
    ['a sample in a comment', "/** ```ts\n * import { x } from '@postbearer/settings';\n * ``` */\n// import 'zod'\n"],
    ['words of a message', "const text = `take it from '@postbearer/settings' or import 'zod'`;\n"],
    ['a regular expression', "const isQuote = /['\"`/*]/.test(x); // from 'zod'\n"],
    ['a method called from', "const list = Array.from('zod'); const half = total / 2 / (from / 'x');\n"],
    ['a method called fetch', "await mailbox.fetch(1); const what = 'fetch'; /** fetch() */\n"],
    ['a file of the same package', "import { a } from './deeper/a.ts';\n"],
    ['the test set-up in a test', ''],
  ])('lets pass: %s', (what, text) => {
    const path = what.includes('test set-up') ? 'packages/oauth/src/a.test.ts' : 'packages/oauth/src/deep.ts';
    const more = { 'packages/oauth/src/uses-core.ts': USES_CORE };
    const source = path.includes('.test.') ? "import '../../../tests/setup/canaries.ts';" : text;
    expect(rulesBroken(path, source, more)).toEqual(new Set());
  });
});
