import { describe, expect, it } from 'vitest';
import type { SettingsReading } from './index.ts';
import { LOG_LEVEL_KEY, UPSTREAM_KEYS, UPSTREAM_SETTINGS, type UpstreamKey } from './schema.ts';
import { SOME_CERTIFICATE } from './testing/certificate.ts';
import type { MemoryFile } from './testing/memory-files.ts';
import { JSON_FILE, readIn, RIGHT, rightSmtp } from './testing/worlds.ts';

const CANARY = 'Cnry8~damagedvalueX5c6v7';

/** Values with which a key is right; a secret is a canary. */
const RIGHT_VALUES: Readonly<Record<UpstreamKey, unknown>> = {
  enabled: true,
  server: 'smtp.office365.com',
  port: '587',
  enableSsl: true,
  username: RIGHT.mailbox,
  fromAddress: RIGHT.mailbox,
  password: RIGHT.password,
  caFile: 'file.pem',
  'oauth.enabled': true,
  'oauth.tokenEndpoint': RIGHT.endpoint,
  'oauth.tenant': RIGHT.tenant,
  'oauth.cloud': 'global',
  'oauth.clientId': RIGHT.clientId,
  'oauth.clientSecret': RIGHT.clientSecret,
  'oauth.scope': RIGHT.scope,
  'oauth.tokenMethod': 'POST',
  'oauth.grantType': 'client_credentials',
  'oauth.clientAuthentication': 'client_secret_post',
  'oauth.certificateFile': 'file.pem',
  'oauth.privateKey': 'Cnry8~privatekeyL2k3j4',
  'oauth.federatedTokenFile': 'file.pem',
  'oauth.managedIdentityClientId': RIGHT.clientId,
};

const KEYS = [...UPSTREAM_KEYS.map((key) => `smtp.${key}`), LOG_LEVEL_KEY];

function rightFile(): Record<string, unknown> {
  const root: Record<string, unknown> = { smtp: rightSmtp(), [LOG_LEVEL_KEY]: 'Information', CollectionId: 'x' };
  for (const key of UPSTREAM_KEYS) set(root, `smtp.${key}`, RIGHT_VALUES[key]);
  return root;
}

function parentOf(root: Record<string, unknown>, path: string): [Record<string, unknown>, string] {
  const names = path.split('.');
  let node = root;
  for (const name of names.slice(0, -1)) node = node[name] as Record<string, unknown>;
  return [node, names.at(-1) ?? ''];
}

function set(root: Record<string, unknown>, path: string, value: unknown): void {
  const [parent, name] = parentOf(root, path);
  parent[name] = value;
}

/** The file with one value changed. */
function withValue(path: string, value: unknown): string {
  const root = rightFile();
  set(root, path, value);
  return JSON.stringify(root, undefined, 2);
}

/** The file with the line of a key changed. */
function withLine(path: string, change: (line: string, name: string) => string): string {
  const name = path.split('.').at(-1) ?? '';
  const text = JSON.stringify(rightFile(), undefined, 2);
  const isInOAuth = path.startsWith('smtp.oauth.');
  const from = isInOAuth ? text.indexOf('"oauth"') : 0;
  const at = text.indexOf(`"${name}":`, name === 'enabled' || isInOAuth ? from : 0);
  const end = text.indexOf('\n', at);
  return text.slice(0, at) + change(text.slice(at, end), name) + text.slice(end);
}

/** What has to come of a damage: it is refused, or told (refused where the key is needed, a remark otherwise), or makes no difference. */
type Outcome = 'refused' | 'told' | 'harmless';

interface Damage {
  readonly name: string;
  readonly file: (path: string) => MemoryFile;
  readonly outcome: (path: string) => Outcome;
  /** Whether the finding names the key; otherwise it is about the file. */
  readonly namesKey: boolean;
}

/** null is as good as no line: most keys follow from the others or have a default. */
function withoutKey(path: string): Outcome {
  if (path === 'smtp.oauth.enabled') return 'told';
  const needed = ['clientId', 'clientSecret', 'clientAuthentication'].map((name) => `smtp.oauth.${name}`);
  return needed.includes(path) ? 'refused' : 'harmless';
}

const always = (outcome: Outcome) => (): Outcome => outcome;

const DAMAGES: readonly Damage[] = [
  {
    name: 'a value of another type',
    file: (path) => withValue(path, [CANARY]),
    outcome: always('refused'),
    namesKey: true,
  },
  {
    name: 'an unknown key in its place',
    file: (path) => withLine(path, (line, name) => line.replace(name, `${name}x`)),
    outcome: (path) => (path === LOG_LEVEL_KEY ? 'harmless' : 'told'),
    namesKey: true,
  },
  { name: 'null', file: (path) => withValue(path, null), outcome: withoutKey, namesKey: true },
  {
    name: 'a value out of range',
    file: (path) => withValue(path, outOfRange(path)),
    outcome: always('refused'),
    namesKey: true,
  },
  {
    name: 'the key twice',
    file: (path) => withLine(path, (line) => `${line.replace(/,?$/, ',')}\n${line}`),
    outcome: always('refused'),
    namesKey: true,
  },
  {
    name: 'a byte order mark',
    file: () => `\ufeff${JSON.stringify(rightFile())}`,
    outcome: always('harmless'),
    namesKey: false,
  },
  {
    name: '__proto__ in its place',
    file: (path) => withLine(path, (line, name) => line.replace(name, '__proto__')),
    outcome: (path) => (path === LOG_LEVEL_KEY ? 'harmless' : 'told'),
    namesKey: false,
  },
  {
    name: '11 MB',
    file: (path) => ({ text: withValue(path, CANARY), sizeBytes: 11_000_000 }),
    outcome: always('refused'),
    namesKey: false,
  },
  {
    name: 'a link that leads to itself',
    file: (path) => ({ text: withValue(path, CANARY), readError: 'ELOOP' }),
    outcome: always('refused'),
    namesKey: false,
  },
  {
    name: 'mode 0644',
    file: () => ({ text: JSON.stringify(rightFile()), mode: 0o644 }),
    outcome: always('told'),
    namesKey: false,
  },
  {
    name: 'another owner',
    file: () => ({ text: JSON.stringify(rightFile()), owner: 4711 }),
    outcome: always('told'),
    namesKey: false,
  },
  { name: 'the file cut within the line', file: (path) => cut(path), outcome: always('refused'), namesKey: false },
];

/** A text that is far too long, and no flag, port, host, address, URL, level or cloud either. */
function outOfRange(path: string): unknown {
  const type = path === LOG_LEVEL_KEY ? 'level' : UPSTREAM_SETTINGS[path.slice('smtp.'.length) as UpstreamKey].type;
  return type === 'port' ? 65_536 : `${CANARY} `.repeat(4000);
}

function cut(path: string): string {
  const marked = withLine(path, (line) => `${line.slice(0, -3)}\u0001`);
  return marked.slice(0, marked.indexOf('\u0001'));
}

/** The right file holds every key at once, of which a password beside OAuth is the one remark. */
const BASELINE = 'CONFIG_PASSWORD_BESIDE_OAUTH';

function hasOutcome(reading: SettingsReading, outcome: Outcome): boolean {
  if (outcome === 'refused') return reading.settings === undefined;
  const told = reading.findings.some(({ fault }) => fault.code !== BASELINE);
  return outcome === 'told' ? told : !told && reading.settings !== undefined;
}

describe('every key with every damage', () => {
  it('has a file to start from that can be used', async () => {
    const reading = await readIn({ [JSON_FILE]: JSON.stringify(rightFile()), '/home/mail/file.pem': SOME_CERTIFICATE });
    expect(reading.findings.map(({ fault }) => fault.code)).toEqual([BASELINE]);
    expect(reading.settings).toBeDefined();
  });

  for (const damage of DAMAGES) {
    it(`${damage.name}: is refused, told or harmless, with the key named and no value shown`, async () => {
      for (const path of KEYS) {
        const reading = await readIn({ [JSON_FILE]: damage.file(path), '/home/mail/file.pem': SOME_CERTIFICATE });
        expect(hasOutcome(reading, damage.outcome(path)), path).toBe(true);
        const shown = JSON.stringify(reading.findings);
        expect(shown, path).not.toContain('Cnry8');
        const name = path.split('.').at(-1) ?? '';
        if (damage.namesKey && damage.outcome(path) !== 'harmless') expect(shown, path).toContain(name);
        expect(Object.prototype).not.toHaveProperty('x');
      }
    });
  }
});
