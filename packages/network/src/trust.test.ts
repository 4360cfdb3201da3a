import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCertificateAuthority, type CertificateAuthority } from './certificates/index.ts';
import { createTrust } from './index.ts';
import { valueOf } from './testing/world.ts';

const folder = mkdtempSync(join(tmpdir(), 'postbearer-trust-'));
const file = (name: string, text: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

let authority: CertificateAuthority;
let other: CertificateAuthority;
beforeAll(async () => {
  [authority, other] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()]);
});
afterAll(() => rmSync(folder, { recursive: true }));

function codeOf(options: Parameters<typeof createTrust>[0]): string {
  const trust = createTrust({ environment: {}, ...options });
  if (!trust.ok) expect(JSON.stringify(trust.fault)).not.toMatch(/<[a-z]+>/);
  return trust.ok ? 'ok' : trust.fault.code;
}

describe('trust', () => {
  it('adds own authorities to those of Node and of the system, each once', () => {
    const caFiles = [file('own.pem', authority.certificatePem), file('same.pem', authority.certificatePem)];
    const extra = file('extra.pem', `a comment\r\n${other.certificatePem.replaceAll('\n', '\r\n')}`);
    const { ca } = valueOf(createTrust({ caFiles, environment: { NODE_EXTRA_CA_CERTS: extra } }));
    const usual = new Set([...getCACertificates('bundled'), ...getCACertificates('system')]);
    expect(ca.length).toBe(usual.size + 2);
    expect(ca.filter((pem) => usual.has(pem)).length).toBe(usual.size);
  });

  it('reads every certificate of a bundle', () => {
    const caFiles = [file('bundle.pem', authority.certificatePem + other.certificatePem)];
    const plain = valueOf(createTrust({ environment: {} })).ca.length;
    expect(valueOf(createTrust({ caFiles, environment: {} })).ca.length).toBe(plain + 2);
  });

  it('reads the stores once and only when they are needed', () => {
    const trust = valueOf(createTrust({ environment: {} }));
    expect(trust.ca).toBe(trust.ca);
    expect(trust.secureContext).toBe(trust.secureContext);
  });

  it('refuses NODE_TLS_REJECT_UNAUTHORIZED=0 and nothing else', () => {
    expect(codeOf({ environment: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } })).toBe('NETWORK_VERIFICATION_DISABLED');
    expect(codeOf({ environment: { NODE_TLS_REJECT_UNAUTHORIZED: '1' } })).toBe('ok');
    expect(codeOf({ environment: { NODE_TLS_REJECT_UNAUTHORIZED: '' } })).toBe('ok');
  });

  it('tells what is wrong with a CA file', () => {
    const text = authority.certificatePem;
    const der = Buffer.from(text.replaceAll(/-----.*-----|\n/g, ''), 'base64');
    const broken = text.replace(/\nMII./, '\nAAAA');
    const cases: readonly (readonly [string, string])[] = [
      [join(folder, 'absent.pem'), 'NETWORK_CA_FILE_MISSING'],
      [folder, 'NETWORK_CA_FILE_UNREADABLE'],
      [file('empty.pem', ''), 'NETWORK_CA_FILE_NOT_PEM'],
      [file('der.cer', der), 'NETWORK_CA_FILE_NOT_PEM'],
      [file('broken.pem', broken), 'NETWORK_CA_FILE_NOT_PEM'],
      [file('half-broken.pem', text + broken), 'NETWORK_CA_FILE_NOT_PEM'],
      [file('key.pem', authority.privateKeyPem), 'NETWORK_CA_FILE_PRIVATE_KEY'],
      [file('both.pem', text + authority.privateKeyPem), 'NETWORK_CA_FILE_PRIVATE_KEY'],
      [
        file('rsa.pem', '-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n'),
        'NETWORK_CA_FILE_PRIVATE_KEY',
      ],
      [file('good.pem', text), 'ok'],
    ];
    expect(cases.map(([path]) => codeOf({ caFiles: [path] }))).toEqual(cases.map(([, code]) => code));
    const absent = join(folder, 'absent.pem');
    expect(codeOf({ environment: { NODE_EXTRA_CA_CERTS: absent } })).toBe('NETWORK_CA_FILE_MISSING');
  });

  it('says who named a CA file: the settings or the environment', () => {
    const names = ['absent.pem', 'not-pem.pem', 'key-inside.pem'];
    file('not-pem.pem', 'no');
    file('key-inside.pem', authority.privateKeyPem);
    for (const path of [...names.map((name) => join(folder, name)), folder]) {
      const wordsOf = (options: Parameters<typeof createTrust>[0]): string => {
        const trust = createTrust(options);
        return trust.ok ? '' : [trust.fault.cause, ...trust.fault.remedy.steps].join(' ');
      };
      const ofSettings = wordsOf({ caFiles: [path], environment: {} });
      const ofEnvironment = wordsOf({ environment: { NODE_EXTRA_CA_CERTS: path } });
      expect([ofSettings.includes('the settings'), ofSettings.includes('NODE_EXTRA')]).toEqual([true, false]);
      expect([ofEnvironment.includes('settings'), ofEnvironment.includes('NODE_EXTRA_CA_CERTS')]).toEqual([
        false,
        true,
      ]);
    }
  });

  it('names the file in the fault, on one line', () => {
    const readFile = (): string => {
      throw Object.assign(new Error('no'), { code: 'EACCES' });
    };
    const trust = createTrust({ caFiles: ['/etc/ca\n.pem'], environment: {}, readFile });
    expect(!trust.ok && trust.fault.message).toBe('The CA file /etc/ca\\x0a.pem cannot be read (EACCES).');
  });
});
