/**
 * Which file settings are read from.
 *
 * Rule: the one that is named (option, then `POSTBEARER_CONFIG`), and then it has to be there; else `Global-variables.json` in
 * the working folder; else in the places of the system. None at all is no mistake: the environment alone will do.
 */
import type { Environment } from './environment-form.ts';
import type { FileReader } from './file-access.ts';
import { mistake } from './place.ts';
import type { Finding } from './settings.ts';

/** The name that is looked for. */
export const FILE_NAME = 'Global-variables.json';

/** What was found. */
export type FoundFile =
  | { readonly kind: 'found'; readonly path: string }
  | { readonly kind: 'none'; readonly looked: readonly string[] }
  | { readonly kind: 'missing'; readonly path: string; readonly finding: Finding };

function systemFolders(environment: Environment, platform: string): string[] {
  if (platform !== 'win32') return ['/etc/postbearer'];
  const data = environment['ProgramData'] ?? environment['PROGRAMDATA'] ?? String.raw`C:\ProgramData`;
  return [`${data}\\Postbearer`, String.raw`C:\XMPro`];
}

/** Finds the file; `configFile` is the option. */
export async function findFile(
  configFile: string | undefined,
  environment: Environment,
  files: FileReader,
  platform: string,
): Promise<FoundFile> {
  const variable = environment['POSTBEARER_CONFIG']?.trim();
  const named = configFile ?? (variable === '' ? undefined : variable);
  if (named !== undefined) {
    const path = files.resolvePath(named);
    if (await files.exists(path)) return { kind: 'found', path };
    const by = configFile === undefined ? 'POSTBEARER_CONFIG' : 'the option --config';
    const place = { key: configFile === undefined ? 'POSTBEARER_CONFIG' : '--config', label: by, file: path };
    return { kind: 'missing', path, finding: mistake('CONFIG_FILE_MISSING', place, { file: path, named: by }) };
  }
  const looked = [files.folder, ...systemFolders(environment, platform)].map((folder) => files.join(folder, FILE_NAME));
  for (const path of looked) if (await files.exists(path)) return { kind: 'found', path };
  return { kind: 'none', looked };
}
