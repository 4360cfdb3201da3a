/**
 * Checks of files: the one that settings stand in, and those that they name.
 *
 * Rule: only what is in use is looked at. A file with a secret is read to see that it can be used, and forgotten: the secret is
 * read anew when it is used. The name of a file with a secret is told only where there is such a file: whoever puts the secret
 * itself in its place must not find it in a message.
 */
import { belongTogether, problemOfAuthorities, problemOfCertificate, problemOfKey } from './check-certificates.ts';
import type { ContentProblem } from './check-certificates.ts';
import { checkSecret } from './check-secret.ts';
import { codeOf, type FileReader, type FileFacts } from './file-access.ts';
import { mistake, remark, type Place } from './place.ts';
import { isPlaceholder } from './placeholder.ts';
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
  const { file, line } = evidence ?? {};
  return {
    key: evidence?.key ?? key,
    label: source,
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
  };
}

/** A setting that is in use and stands in a file, or is one. */
interface InUse {
  readonly key: UpstreamKey;
  /** The path of its upstream. */
  readonly upstream: string;
  readonly value: EffectiveValue;
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

function inUse(values: readonly EffectiveValue[]): InUse[] {
  const byKey = new Map(values.map((value) => [value.key, value.value]));
  return values.flatMap((value) => {
    const depth = value.path[0] === 'smtp' ? 1 : 3;
    const key = value.path.slice(depth).join('.');
    if (!Object.hasOwn(UPSTREAM_SETTINGS, key)) return [];
    const upstream = value.path.slice(0, depth).join('.');
    const known = key as UpstreamKey;
    return isInUse(value, known, (other) => byKey.get(`${upstream}.${other}`)) ? [{ key: known, upstream, value }] : [];
  });
}

/** A file or credential that a setting names. */
interface NamedFile {
  readonly path: string;
  /** For people: what the setting names. */
  readonly what: string;
  /** The same, and what is wrong, where there is no such file. */
  readonly absent: { readonly what: string; readonly problem: string };
  readonly mostBytes: number;
  readonly isSecret: boolean;
}

async function nameFile({ key, value }: InUse, credentials: string, files: FileReader): Promise<NamedFile | undefined> {
  const { value: text, secret } = value;
  if (UPSTREAM_SETTINGS[key].type === 'path') {
    const what = `the file ${text}`;
    const absent = { what, problem: 'there is nothing' };
    return { path: text, what, absent, mostBytes: LARGEST_CERTIFICATES_BYTES, isSecret: false };
  }
  const secretFile = { mostBytes: LARGEST_SECRET_BYTES, isSecret: true };
  if (secret?.kind === 'file') {
    const folder = files.paths.dirname(secret.path);
    const isFolderThere = await files.files.stat(folder).then(
      (facts) => facts !== undefined,
      () => false,
    );
    const absent = isFolderThere
      ? { what: `a file in ${folder}`, problem: 'there is none of that name' }
      : { what: 'a file', problem: 'neither it nor its folder is there' };
    return { path: secret.path, what: `the file ${secret.path}`, absent, ...secretFile };
  }
  if (secret?.kind !== 'systemd-credential') return undefined;
  const problem =
    credentials === ''
      ? 'CREDENTIALS_DIRECTORY is not set, so this program was not started by systemd with it'
      : 'there is none of that name in CREDENTIALS_DIRECTORY';
  const path = credentials === '' ? '' : files.join(credentials, secret.name);
  return {
    path,
    what: `the systemd credential ${secret.name}`,
    absent: { what: 'a systemd credential', problem },
    ...secretFile,
  };
}

type Content = { readonly text: string } | { readonly what: string; readonly problem: string };

function decode(bytes: Uint8Array, isSecret: boolean): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: isSecret }).decode(bytes);
    return isSecret && text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

async function readNamed({ path, what, absent, mostBytes, isSecret }: NamedFile, files: FileReader): Promise<Content> {
  const facts = path === '' ? undefined : await files.files.stat(path).catch((error: unknown) => codeOf(error));
  if (facts === undefined) return absent;
  if (typeof facts === 'string') return { what: absent.what, problem: `that cannot be looked at (${facts})` };
  if (!facts.isFile) return { what, problem: 'that is not an ordinary file' };
  if (facts.sizeBytes > mostBytes) return { what, problem: `that is larger than ${mostBytes} bytes` };
  try {
    const text = decode(await files.files.read(path), isSecret);
    if (text === undefined) return { what, problem: 'that is not UTF-8 text' };
    return text.trim() === '' ? { what, problem: 'that is empty' } : { text };
  } catch (error) {
    return { what, problem: `that cannot be read (${codeOf(error)})` };
  }
}

/** What was found in the settings of one upstream that are files or stand in one. */
type Contents = Map<UpstreamKey, { readonly value: EffectiveValue; readonly text: string; readonly names: string }>;

function wrongContent(value: EffectiveValue, names: string, content: ContentProblem | undefined): Finding[] {
  if (content === undefined) return [];
  const { problem, advice } = content;
  return [mistake('CONFIG_FILE_CONTENT', placeOf(value), { problem: `${names}${problem}`, advice })];
}

function checkContents(contents: Contents): Finding[] {
  const findings: Finding[] = [];
  for (const [key, { value, text, names }] of contents) {
    if (key === 'caFile') findings.push(...wrongContent(value, names, problemOfAuthorities(text)));
    else if (key === 'oauth.certificateFile') findings.push(...wrongContent(value, names, problemOfCertificate(text)));
    // A secret that stands in the settings themselves has been looked at there.
    else if (value.secret !== undefined && value.secret.kind !== 'value')
      findings.push(...checkSecret(placeOf(value), key, text.replace(/\r?\n$/, '')));
    if (key === 'oauth.privateKey' && !isPlaceholder(text))
      findings.push(...wrongContent(value, names, problemOfKey(text)));
  }
  if (findings.some(({ severity }) => severity === 'error')) return findings;
  const certificate = contents.get('oauth.certificateFile');
  const key = contents.get('oauth.privateKey');
  if (certificate !== undefined && key !== undefined && !belongTogether(certificate.text, key.text))
    findings.push(
      mistake('CONFIG_CERTIFICATE_KEY_MISMATCH', placeOf(key.value), { other: placeOf(certificate.value).key }),
    );
  return findings;
}

/** Looks at every file that a setting in use names, and at what is in it. `credentials` is `$CREDENTIALS_DIRECTORY` or empty. */
export async function checkNamedFiles(
  values: readonly EffectiveValue[],
  credentials: string,
  files: FileReader,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const byUpstream = new Map<string, Contents>();
  for (const one of inUse(values)) {
    const { key, upstream, value } = one;
    const contents: Contents = byUpstream.get(upstream) ?? new Map();
    byUpstream.set(upstream, contents);
    if (value.secret?.kind === 'value') contents.set(key, { value, text: value.secret.value.reveal(), names: '' });
    const named = await nameFile(one, credentials, files);
    if (named === undefined) continue;
    const content = await readNamed(named, files);
    if ('text' in content) contents.set(key, { value, text: content.text, names: `names ${named.what}, which ` });
    else findings.push(mistake('CONFIG_NAMED_FILE', placeOf(value), content));
  }
  return [...findings, ...[...byUpstream.values()].flatMap(checkContents)];
}
