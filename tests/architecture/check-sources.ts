/** Holds sources and manifests against the import table. Pure: what it gets is all it knows. */
import { builtinModules } from 'node:module';
import { basename, dirname, join, normalize } from 'node:path/posix';
import {
  drawerNames,
  guardedGlobals,
  guardedModules,
  importTable,
  LONGEST_CATALOGUE_LINES,
  LONGEST_FILE_LINES,
  platformWords,
  sharedServerRooms,
} from './import-table.ts';
import { globalsOf, importsOf, tokensOf } from './read-source.ts';

/** The parts of a package.json that count here. */
export interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** What is looked at. */
export interface SourceTree {
  /** Text by path from the root, such as `packages/core/src/index.ts`. */
  readonly files: ReadonlyMap<string, string>;
  /** Manifest by folder, such as `packages/core`. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  /** Packages that tests may use besides what their package declares. */
  readonly testTools: ReadonlySet<string>;
}

/** The names of the rules. */
export type Rule =
  | 'layers'
  | 'guarded-modules'
  | 'guarded-globals'
  | 'undeclared'
  | 'unused-dependency'
  | 'relative'
  | 'deep-import'
  | 'imports-tests'
  | 'computed-import'
  | 'server-rooms'
  | 'cycle'
  | 'platform-in-core'
  | 'long-file'
  | 'drawer';

/** One thing that is against a rule. */
export interface Violation {
  readonly rule: Rule;
  readonly where: string;
  readonly why: string;
}

const SCOPE = '@postbearer/';
const BUILTIN: ReadonlySet<string> = new Set(builtinModules);

/** `packages/smtp` of `packages/smtp/src/client/index.ts`; `undefined` outside of workspaces. */
function workspaceOf(path: string): string | undefined {
  return /^(?:packages|apps)\/[^/]+(?=\/)/.exec(path)?.[0];
}

function isTest(path: string): boolean {
  return /\.test\.ts$|\/testing\//.test(path);
}

/** The package of a specifier: `a` of `a/b`, `@s/a` of `@s/a/b`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** `net` and `node:net` are one module. */
function withNodePrefix(specifier: string): string {
  return BUILTIN.has(specifier) && !specifier.startsWith('node:') ? `node:${specifier}` : specifier;
}

interface Import {
  readonly file: string;
  readonly where: string;
  readonly workspace: string;
  readonly room: string;
  readonly specifier: string;
  readonly fromTest: boolean;
}

type Check = (found: Import, tree: SourceTree) => Omit<Violation, 'where'> | undefined;

const checkRelative: Check = ({ file, workspace, specifier, fromTest }) => {
  if (!specifier.startsWith('.')) return undefined;
  const target = normalize(join(dirname(file), specifier));
  if (target.startsWith(`${workspace}/`)) return checkServerRooms(file, workspace, target);
  if (fromTest && target.startsWith('tests/setup/')) return undefined;
  if (/^(?:tests|bench)\//.test(target)) {
    return { rule: 'imports-tests', why: `imports ${target}: the product must stand without its tests and benchmarks` };
  }
  return {
    rule: 'relative',
    why: `reaches into ${target}: between workspaces a name of its exports is used, never a path`,
  };
};

/** The room of the server that a path lies in; `undefined` for the files that join the rooms. */
function serverRoomOf(path: string): string | undefined {
  return /^apps\/server\/src\/([^/]+)\//.exec(path)?.[1];
}

function checkServerRooms(file: string, workspace: string, target: string): Omit<Violation, 'where'> | undefined {
  if (workspace !== 'apps/server') return undefined;
  const [from, to] = [serverRoomOf(file), serverRoomOf(target)];
  if (from === undefined || to === from || (to !== undefined && sharedServerRooms.includes(to))) return undefined;
  return { rule: 'server-rooms', why: `${from} imports ${target}: rooms of the server are joined in main.ts alone` };
}

const checkLayers: Check = ({ room, specifier }) => {
  if (!specifier.startsWith(SCOPE)) return undefined;
  const row = importTable[room];
  const wanted = specifier.slice(SCOPE.length);
  const isAllowed = (row?.may ?? []).some(
    (name) => wanted === name || (!name.includes('/') && wanted.startsWith(`${name}/`)),
  );
  if (isAllowed || wanted === room) return undefined;
  return {
    rule: 'layers',
    why: `${room} may not import ${wanted}: ${row?.because ?? 'the import table has no row for it'}`,
  };
};

const checkDeep: Check = ({ specifier }, { manifests }) => {
  if (!specifier.startsWith(SCOPE)) return undefined;
  const name = packageOf(specifier);
  const manifest = [...manifests.values()].find((candidate) => candidate.name === name);
  if (manifest?.exports?.[`.${specifier.slice(name.length)}`] !== undefined) return undefined;
  return { rule: 'deep-import', why: `imports ${specifier}, which the exports of ${name} do not name` };
};

const checkGuarded: Check = ({ room, specifier, fromTest }) => {
  const wanted = withNodePrefix(specifier);
  const guard = guardedModules.find(({ modules }) => modules.includes(wanted) || modules.includes(packageOf(wanted)));
  if (guard === undefined || guard.only.includes(room) || fromTest) return undefined;
  return {
    rule: 'guarded-modules',
    why: `imports ${wanted}, which only ${guard.only.join(' and ')} may: ${guard.because}`,
  };
};

const checkDeclared: Check = ({ workspace, specifier, fromTest }, { manifests, testTools }) => {
  if (specifier.startsWith('.') || withNodePrefix(specifier).startsWith('node:')) return undefined;
  const name = packageOf(specifier);
  const manifest = manifests.get(workspace);
  const declared = { ...manifest?.dependencies, ...manifest?.peerDependencies };
  if (name in declared || name === manifest?.name || (fromTest && testTools.has(name))) return undefined;
  return { rule: 'undeclared', why: `imports ${name}, which ${workspace}/package.json does not declare` };
};

const checkCore: Check = ({ room, specifier, fromTest }) =>
  room === 'core' && !fromTest && withNodePrefix(specifier).startsWith('node:')
    ? { rule: 'platform-in-core', why: `imports ${specifier}: core does no input or output and runs on any platform` }
    : undefined;

const CHECKS: readonly Check[] = [checkRelative, checkLayers, checkDeep, checkGuarded, checkDeclared, checkCore];

function isFaultCatalogue(path: string): boolean {
  return /\/faults(?:\.ts|\/)/.test(path);
}

function checkFileItself(path: string, text: string): Violation[] {
  const found: Violation[] = [];
  const lines = text.split('\n').length - 1;
  const longest = isFaultCatalogue(path) ? LONGEST_CATALOGUE_LINES : LONGEST_FILE_LINES;
  if (lines > longest && !isTest(path)) {
    found.push({ rule: 'long-file', where: path, why: `has ${lines} lines: look for its second concern` });
  }
  for (const part of path.split('/')) {
    const name = basename(part, '.ts');
    if (drawerNames.has(name)) found.push({ rule: 'drawer', where: path, why: `"${name}" does not say what is in it` });
  }
  return found;
}

function checkPlatformWords(path: string, text: string): Violation[] {
  if (!path.startsWith('packages/core/') || isTest(path)) return [];
  const tokens = tokensOf(text);
  const words = tokens
    .filter(
      ({ kind, text: word }, index) => kind === 'word' && platformWords.has(word) && tokens[index - 1]?.text !== '.',
    )
    .map(({ text: word, line }) => ({ where: `${path}:${line}`, what: word }));
  const references = /^\/\/\/\s*<reference/m.test(text) ? [{ where: path, what: 'a reference to types' }] : [];
  return [...words, ...references].map(({ where, what }) => ({
    rule: 'platform-in-core',
    where,
    why: `uses ${what}: core sees no platform’s types`,
  }));
}

function checkGlobals(path: string, text: string): Violation[] {
  const { names, only, because } = guardedGlobals;
  if (only.includes(basename(workspaceOf(path) ?? '')) || isTest(path)) return [];
  return globalsOf(tokensOf(text), names).map(({ text: name, line }) => ({
    rule: 'guarded-globals',
    where: `${path}:${line}`,
    why: `uses ${name}, which only ${only.join(' and ')} may: ${because}`,
  }));
}

function readImports(path: string, text: string): { imports: Import[]; violations: Violation[] } {
  const workspace = workspaceOf(path) ?? '';
  const imports: Import[] = [];
  const violations: Violation[] = [];
  for (const { specifier, line } of importsOf(tokensOf(text))) {
    const where = `${path}:${line}`;
    if (specifier === undefined) {
      violations.push({ rule: 'computed-import', where, why: 'an import must be readable off the source' });
    } else {
      imports.push({ file: path, where, workspace, room: basename(workspace), specifier, fromTest: isTest(path) });
    }
  }
  return { imports, violations };
}

function unusedDependencies(tree: SourceTree, imports: readonly Import[]): Violation[] {
  return [...tree.manifests].flatMap(([workspace, manifest]) => {
    const used = new Set(
      imports
        .filter((found) => found.workspace === workspace && !found.fromTest)
        .map((found) => packageOf(found.specifier)),
    );
    return Object.keys(manifest.dependencies ?? {})
      .filter((name) => !used.has(name))
      .map((name) => ({
        rule: 'unused-dependency' as const,
        where: `${workspace}/package.json`,
        why: `declares ${name}, which no source of it imports`,
      }));
  });
}

function cycles(imports: readonly Import[]): Violation[] {
  const next = new Map<string, Set<string>>();
  for (const { room, specifier, fromTest } of imports) {
    if (fromTest || !specifier.startsWith(SCOPE)) continue;
    const to = packageOf(specifier).slice(SCOPE.length);
    if (to !== room) next.set(room, (next.get(room) ?? new Set()).add(to));
  }
  const found: Violation[] = [];
  const done = new Set<string>();
  const visit = (room: string, path: readonly string[]): void => {
    if (path.includes(room)) {
      const ring = [...path.slice(path.indexOf(room)), room].join(' -> ');
      found.push({ rule: 'cycle', where: ring, why: 'packages that need each other are one package' });
    } else if (!done.has(room)) {
      for (const to of next.get(room) ?? []) visit(to, [...path, room]);
      done.add(room);
    }
  };
  for (const room of next.keys()) visit(room, []);
  return found;
}

/** Everything in `tree` that is against a rule. */
export function checkSources(tree: SourceTree): Violation[] {
  const violations: Violation[] = [];
  const imports: Import[] = [];
  for (const [path, text] of tree.files) {
    violations.push(...checkFileItself(path, text), ...checkPlatformWords(path, text), ...checkGlobals(path, text));
    const read = readImports(path, text);
    violations.push(...read.violations);
    imports.push(...read.imports);
  }
  for (const found of imports) {
    for (const check of CHECKS) {
      const violation = check(found, tree);
      if (violation !== undefined) violations.push({ ...violation, where: found.where });
    }
  }
  return [...violations, ...unusedDependencies(tree, imports), ...cycles(imports)];
}
