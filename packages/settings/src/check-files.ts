/**
 * Checks of files: the one that settings stand in, and those that they name.
 *
 * Rule: only what is in use is looked at. A file with a secret is read to see that it can be, and forgotten: the secret is
 * read anew when it is used.
 */
import { codeOf, type FileReader, type FileFacts } from './file-access.ts';
import { mistake, remark, type Place } from './place.ts';
import { UPSTREAM_SETTINGS, type UpstreamKey } from './schema.ts';
import type { EffectiveValue, Finding } from './settings.ts';

const LARGEST_SECRET_BYTES = 65_536;
const LARGEST_CERTIFICATES_BYTES = 4 * 1024 * 1024;
const OTHERS_MAY_ACCESS_OR_GROUP_MAY_WRITE = 0o027;

/** Mode and owner of a settings file. Both matter on systems with such modes only. */
export function checkSettingsFile(place: Place, facts: FileFacts, holdsSecrets: boolean, account?: number): Finding[] {
  const file = place.file ?? place.label;
  const findings: Finding[] = [];
  if (account === undefined) return findings;
  if (holdsSecrets && (facts.mode & OTHERS_MAY_ACCESS_OR_GROUP_MAY_WRITE) !== 0)
    findings.push(remark('CONFIG_FILE_MODE', place, { file, mode: facts.mode.toString(8).padStart(4, '0') }));
  if (facts.owner !== 0 && facts.owner !== account)
    findings.push(remark('CONFIG_FILE_OWNER', place, { file, owner: facts.owner }));
  return findings;
}

function placeOf({ key, source, evidence }: EffectiveValue): Place {
  return { key, label: source, ...evidence };
}

interface NamedFile {
  readonly value: EffectiveValue;
  readonly path: string;
  /** For people: what the setting names. */
  readonly what: string;
  readonly mostBytes: number;
}

/** Whether the setting at a path counts, with the others as they are. */
function isInUse(value: EffectiveValue, key: UpstreamKey, valueOf: (key: UpstreamKey) => string | undefined): boolean {
  if (value.origin === 'default' || valueOf('enabled') === 'false') return false;
  const isOAuth = valueOf('oauth.enabled') === 'true';
  if (key === 'password') return !isOAuth;
  const method = valueOf('oauth.clientAuthentication') ?? '';
  if (key === 'oauth.clientSecret') return isOAuth && method.startsWith('client_secret');
  if (key === 'oauth.privateKey' || key === 'oauth.certificateFile') return isOAuth && method === 'private_key_jwt';
  if (key === 'oauth.federatedTokenFile') return isOAuth && method === 'federated_token_file';
  return true;
}

function nameFile(
  value: EffectiveValue,
  key: UpstreamKey,
  credentials: string,
  files: FileReader,
): NamedFile | undefined {
  const { value: text, secret } = value;
  if (UPSTREAM_SETTINGS[key].type === 'path')
    return { value, path: text, what: `the file ${text}`, mostBytes: LARGEST_CERTIFICATES_BYTES };
  const mostBytes = LARGEST_SECRET_BYTES;
  if (secret?.kind === 'file') return { value, path: secret.path, what: `the file ${secret.path}`, mostBytes };
  if (secret?.kind !== 'systemd-credential') return undefined;
  const path = credentials === '' ? '' : files.join(credentials, secret.name);
  return { value, path, what: `the systemd credential ${secret.name}`, mostBytes };
}

/** The files that the settings in use name. */
function namedFiles(values: readonly EffectiveValue[], credentials: string, files: FileReader): NamedFile[] {
  const byKey = new Map(values.map((value) => [value.key, value.value]));
  return values.flatMap((value) => {
    const depth = value.path[0] === 'smtp' ? 1 : 3;
    const key = value.path.slice(depth).join('.');
    if (!Object.hasOwn(UPSTREAM_SETTINGS, key)) return [];
    const upstream = value.path.slice(0, depth).join('.');
    if (!isInUse(value, key as UpstreamKey, (other) => byKey.get(`${upstream}.${other}`))) return [];
    return nameFile(value, key as UpstreamKey, credentials, files) ?? [];
  });
}

async function problemOf({ path, mostBytes }: NamedFile, files: FileReader): Promise<string | undefined> {
  if (path === '') return 'CREDENTIALS_DIRECTORY is not set, so this program was not started by systemd with it';
  try {
    const facts = await files.files.stat(path);
    if (facts === undefined) return 'there is nothing';
    if (!facts.isFile) return 'that is not an ordinary file';
    if (facts.sizeBytes > mostBytes) return `that is larger than ${mostBytes} bytes`;
    const text = new TextDecoder().decode(await files.files.read(path));
    return text.trim() === '' ? 'that is empty' : undefined;
  } catch (error) {
    return `that cannot be read (${codeOf(error)})`;
  }
}

/** Looks at every file that a setting in use names. `credentials` is `$CREDENTIALS_DIRECTORY` or empty. */
export async function checkNamedFiles(
  values: readonly EffectiveValue[],
  credentials: string,
  files: FileReader,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const named of namedFiles(values, credentials, files)) {
    const problem = await problemOf(named, files);
    if (problem !== undefined)
      findings.push(mistake('CONFIG_NAMED_FILE', placeOf(named.value), { what: named.what, problem }));
  }
  return findings;
}
