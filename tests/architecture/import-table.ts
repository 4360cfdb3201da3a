/**
 * Who may import whom, and why. Imports run one way; a row that is not here is not allowed.
 *
 * Rows stand here also for rooms that are planned but not built, so that their rules hold from their first file.
 */

/** One row: what a workspace may import of the others. */
export interface ImportRow {
  /** Names without the scope; `name/entry` allows that one entry alone. */
  readonly may: readonly string[];
  readonly because: string;
}

const OAUTH_UP = ['core', 'network', 'oauth'] as const;
const DIAGNOSIS_UP = [...OAUTH_UP, 'smtp', 'microsoft365', 'settings', 'secrets'] as const;
const PACKAGES = [...DIAGNOSIS_UP, 'diagnosis', 'mailer', 'database', 'queue'] as const;

/** The table, by folder name. */
export const importTable: Readonly<Record<string, ImportRow>> = {
  core: { may: [], because: 'everybody speaks its words, so it may depend on nobody' },
  network: { may: ['core'], because: 'reaching a machine has nothing to do with why it is reached' },
  smtp: { may: ['core'], because: 'the protocol on the wire is the same whoever gave the token' },
  database: { may: ['core'], because: 'it stores for others and knows none of their tables' },
  oauth: { may: ['core', 'network'], because: 'a token endpoint is reached over the network and is no part of mail' },
  microsoft365: { may: OAUTH_UP, because: 'what is Microsoft’s builds on tokens and HTTP, and SMTP stays free of it' },
  settings: {
    may: ['core', 'microsoft365/clouds'],
    because: 'reading settings touches no network; only the names of clouds are needed to work out what is left out',
  },
  secrets: { may: OAUTH_UP, because: 'a remote store of secrets is reached with a token of its own' },
  queue: { may: ['core', 'database'], because: 'a queue decides when, never how, so it must run without a network' },
  diagnosis: { may: DIAGNOSIS_UP, because: 'it explains the faults of all of them, and they must not know it' },
  mailer: { may: [...DIAGNOSIS_UP, 'diagnosis'], because: 'it joins the parts to send one message and knows no queue' },
  emulator: {
    may: ['core', 'network', 'smtp/server'],
    because: 'the other side must not share the client code that it is there to test',
  },
  server: { may: PACKAGES, because: 'it joins every package; the emulator must be provably absent from it' },
  cli: { may: [...PACKAGES, 'emulator', 'server'], because: 'it is the top: everything may be reached from a command' },
  console: { may: [], because: 'the web pages speak to the HTTP API alone, as anybody’s program could' },
};

/** Modules that only some rooms may import. */
export const guardedModules: readonly {
  readonly modules: readonly string[];
  readonly only: readonly string[];
  readonly because: string;
}[] = [
  {
    modules: ['node:net', 'node:tls'],
    only: ['smtp', 'network'],
    because: 'every connection goes through one place that checks certificates and blanks credentials',
  },
  {
    modules: ['node:sqlite', 'pg'],
    only: ['database'],
    because: 'one narrow face over both databases, so that one suite can prove both',
  },
];

/** Globals that open connections, which only some rooms may use: they stand in no import list. */
export const guardedGlobals: {
  readonly names: ReadonlySet<string>;
  readonly only: readonly string[];
  readonly because: string;
} = {
  names: new Set(['fetch', 'WebSocket', 'EventSource']),
  only: ['smtp', 'network'],
  because:
    'every connection goes through one place that checks certificates and blanks credentials, and these follow redirects and use settings of their own',
};

/** Rooms of the server that its other rooms may import; the rest meet in `main.ts` alone. */
export const sharedServerRooms: readonly string[] = ['delivery', 'access', 'templates'];

/** Words that a package without any platform's types may not use. */
export const platformWords: ReadonlySet<string> = new Set([
  'Buffer',
  'NodeJS',
  '__dirname',
  '__filename',
  'global',
  'process',
  'require',
  'setImmediate',
]);

/** Names that say nothing about what is inside. */
export const drawerNames: ReadonlySet<string> = new Set([
  'common',
  'helper',
  'helpers',
  'misc',
  'shared',
  'stuff',
  'types',
  'util',
  'utils',
]);

/** A file beyond this many lines holds a second concern. */
export const LONGEST_FILE_LINES = 450;

/** A catalogue of faults is a table: it grows by rows and stays one concern. */
export const LONGEST_CATALOGUE_LINES = 700;
