/**
 * Every sample in docstrings and pages: it compiles, it runs, and the values it states are the values it gives.
 *
 * A sample is a complete module in a block fenced as `ts`; one fenced as `ts no-run` is only compiled. Blocks fenced as
 * `json` must parse.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { samplesInPage, samplesInSource, type Sample } from './samples/read-samples.ts';
import { rewriteSample } from './samples/rewrite-sample.ts';
import { keepOutput } from './setup/run-record.ts';
import { cacheFolder } from './setup/tool-table.ts';
import { filesMatching, repositoryFolder } from './setup/workspaces.ts';

const read = (file: string): string => readFileSync(join(repositoryFolder, file), 'utf8');
const sources = filesMatching('packages/*/src/**/*.ts', 'apps/*/src/**/*.ts').filter(
  (file) => !file.endsWith('.test.ts'),
);
const pages = filesMatching('*.md', 'docs/**/*.md', 'packages/*/*.md', 'apps/*/*.md');
const blocks = [
  ...sources.flatMap((file) => samplesInSource(file, read(file))),
  ...pages.flatMap((file) => samplesInPage(file, read(file))),
];
const placeOf = ({ file, line }: Sample): string => `${file}:${line}`;
const named = (wanted: string) =>
  blocks.filter(({ language }) => language === wanted).map((sample) => ({ place: placeOf(sample), sample }));
const samples = named('ts').map(({ sample }) => sample);
const made = (sample: string): Sample => ({ file: 'made-up.ts', line: 1, language: 'ts', isRun: true, text: sample });
const controls = {
  right: made("const x: string = 'a';\nx.repeat(2); // => 'aa'"),
  'wrong value': made("'a'.repeat(2); // => 'ab'"),
  'wrong value on the next line': made('[1, 2].map((x) => ({\n  x,\n}));\n// => [{ x: 1 },\n//     { x: 3 }]'),
  'wrong value of a name': made('const sum = 1 +\n  1; // => 3'),
  throws: made("throw new Error('no');"),
  'does not compile': made('const x: number = true;'),
};

let folder = '';
const problems = new Map<string, readonly string[]>();
const compilerSaid = new Map<string, string[]>();

/** The samples as modules, each padded so that its lines have the numbers that they have where they stand. */
async function writeModules(all: readonly Sample[]): Promise<string[]> {
  await mkdir(join(folder, 'run'));
  await mkdir(join(folder, 'types'));
  const names = all.map((sample, index) => `${index}-${sample.file.replaceAll(/[^a-z0-9]+/gi, '-')}.ts`);
  for (const [index, sample] of all.entries()) {
    const padding = '\n'.repeat(sample.line - 1);
    await writeFile(join(folder, 'types', names[index] ?? ''), `${padding}${sample.text}\nexport {};\n`);
    if (sample.isRun)
      await writeFile(
        join(folder, 'run', names[index] ?? ''),
        `${padding}${rewriteSample(sample.text, sample.line).text}\nexport {};\n`,
      );
  }
  const compilerOptions = {
    noEmit: true,
    composite: false,
    declaration: false,
    isolatedDeclarations: false,
    noUnusedLocals: false,
  };
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: join(repositoryFolder, 'tsconfig.base.json'), compilerOptions, include: ['types'] }),
  );
  return names;
}

async function outputOf(...args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, args, { cwd: repositoryFolder, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  keepOutput(err);
  return out;
}

beforeAll(async () => {
  await mkdir(cacheFolder, { recursive: true });
  folder = await mkdtemp(join(cacheFolder, 'samples-'));
  const all = [...samples, ...Object.values(controls)];
  const names = await writeModules(all);
  const isRun = names.filter((_, index) => all[index]?.isRun);
  const results = JSON.parse(
    await outputOf(
      join(import.meta.dirname, 'samples/run-samples.ts'),
      ...isRun.map((name) => join(folder, 'run', name)),
    ),
  ) as string[][];
  const said = await outputOf(
    join(repositoryFolder, 'node_modules/typescript/bin/tsc'),
    '-p',
    folder,
    '--pretty',
    'false',
  );
  for (const [index, name] of names.entries()) {
    const sample = all[index];
    if (sample === undefined) continue;
    const place = Object.keys(controls)[index - samples.length] ?? placeOf(sample);
    problems.set(place, results[isRun.indexOf(name)] ?? []);
    compilerSaid.set(
      place,
      said.split('\n').filter((line) => line.includes(`types/${name}`)),
    );
  }
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('samples', () => {
  it('are found', () => {
    expect(samples.length).toBeGreaterThan(10);
    expect(samples.map((sample) => rewriteSample(sample.text).values).reduce((a, b) => a + b, 0)).toBeGreaterThan(10);
  });

  it.each(named('ts'))('$place holds', ({ place }) => {
    expect(compilerSaid.get(place)).toEqual([]);
    expect(problems.get(place)).toEqual([]);
  });

  it.each(named('json'))('$place parses', ({ sample }) => {
    expect(() => JSON.parse(sample.text) as unknown).not.toThrow();
  });
});

describe('the check of samples', () => {
  it('lets a right one pass', () => {
    expect(compilerSaid.get('right')).toEqual([]);
    expect(problems.get('right')).toEqual([]);
  });

  it.each([
    ['wrong value', "line 1 states 'ab' and the value is 'aa'"],
    ['wrong value on the next line', 'line 4 states [ { x: 1 }, { x: 3 } ] and the value is [ { x: 1 }, { x: 2 } ]'],
    ['wrong value of a name', 'line 2 states 3 and the value is 2'],
    ['throws', 'Error: no'],
  ])('catches: %s', (control, words) => {
    expect(problems.get(control)?.join('\n')).toContain(words);
  });

  it('catches what does not compile', () => {
    expect(compilerSaid.get('does not compile')?.join('\n')).toContain("not assignable to type 'number'");
  });

  it('reads the fences of a docstring and of a list in a page', () => {
    const source = '/**\n * Says.\n *\n * ```ts\n * a; // => 1\n * ```\n */\n/** ```ts no-run\n * b\n * ```\n */';
    expect(samplesInSource('a.ts', source)).toEqual([
      { file: 'a.ts', line: 5, language: 'ts', isRun: true, text: 'a; // => 1' },
      { file: 'a.ts', line: 9, language: 'ts', isRun: false, text: 'b' },
    ]);
    expect(samplesInPage('a.md', '1. step\n\n   ```ts no-run\n   if (x)\n     y();\n   ```\n')).toEqual([
      { file: 'a.md', line: 4, language: 'ts', isRun: false, text: 'if (x)\n  y();' },
    ]);
  });
});
