/** Certificates and keys that settings name: what `config check` says of them, with pairs as they are really made. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificateAuthority, createSelfSignedCertificate } from '@postbearer/network/certificates';
import { readSettings } from '@postbearer/settings';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'settings-files-'));
  const authority = await createCertificateAuthority();
  const { certificatePem, privateKeyPem } = await createSelfSignedCertificate({ keyType: 'P-256' });
  const other = await createSelfSignedCertificate({ keyType: 'P-256' });
  const broken = certificatePem.replace(/\n[A-Za-z0-9+/]{10}/, '\nAAAAAAAAAA');
  const files = {
    'certificate.pem': certificatePem,
    'key.pem': privateKeyPem,
    'other-key.pem': other.privateKeyPem,
    'both.pem': `${certificatePem}${privateKeyPem}`,
    'text.pem': 'this is no certificate',
    'placeholder.pem': 'your-private-key\n',
    'authority.pem': `# ours\n${authority.certificatePem}`,
    'authority-and-broken.pem': `${authority.certificatePem}${broken}`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** The codes and messages of the findings, without the folder. */
async function findingsOf(smtp: object, oauth: object = {}): Promise<string[]> {
  const file = join(folder, 'Global-variables.json');
  const section = {
    username: 'notifications@contoso.com',
    ...smtp,
    oauth: { enabled: true, tenant: 'contoso.com', clientId: '8f0e7c52-1b1d-4c0a-a2a3-5f2b6d7e9c10', ...oauth },
  };
  await writeFile(file, JSON.stringify({ smtp: section }), { mode: 0o600 });
  const { findings } = await readSettings({ configFile: file, environment: {} });
  return findings.map(({ fault }) => `${fault.code} ${fault.message.replaceAll(`${folder}/`, '')}`);
}

describe('the certificate of an app and its key', () => {
  test.each<[string, string, readonly string[]]>([
    ['certificate.pem', 'key.pem', []],
    ['both.pem', 'both.pem', []],
    [
      'certificate.pem',
      'other-key.pem',
      [
        'CONFIG_CERTIFICATE_KEY_MISMATCH smtp.oauth.privateKey is not the private key of the certificate that smtp.oauth.certificateFile names.',
      ],
    ],
    [
      'key.pem',
      'certificate.pem',
      [
        'CONFIG_FILE_CONTENT smtp.oauth.certificateFile names the file key.pem, which holds a private key and no certificate.',
        'CONFIG_FILE_CONTENT smtp.oauth.privateKey names the file certificate.pem, which holds a certificate and no private key.',
      ],
    ],
    [
      'text.pem',
      'text.pem',
      [
        'CONFIG_FILE_CONTENT smtp.oauth.certificateFile names the file text.pem, which holds no certificate in PEM form.',
        'CONFIG_FILE_CONTENT smtp.oauth.privateKey names the file text.pem, which holds no private key in PEM form.',
      ],
    ],
    [
      'certificate.pem',
      'placeholder.pem',
      ['CONFIG_PLACEHOLDER smtp.oauth.privateKey still holds a placeholder of a manual: the value of an example.'],
    ],
  ])('%s with %s', async (certificateFile, key, findings) => {
    expect(await findingsOf({}, { certificateFile, privateKey: { file: key } })).toEqual(findings);
  });

  test('a key that stands in the settings themselves is judged as well', async () => {
    expect(await findingsOf({}, { certificateFile: 'certificate.pem', privateKey: 'no key' })).toEqual([
      'CONFIG_FILE_CONTENT smtp.oauth.privateKey holds no private key in PEM form.',
    ]);
  });
});

describe('certificate authorities to trust', () => {
  test.each<[string, readonly string[]]>([
    ['authority.pem', []],
    ['key.pem', ['CONFIG_FILE_CONTENT smtp.caFile names the file key.pem, which holds a private key.']],
    ['both.pem', ['CONFIG_FILE_CONTENT smtp.caFile names the file both.pem, which holds a private key.']],
    ['text.pem', ['CONFIG_FILE_CONTENT smtp.caFile names the file text.pem, which holds no certificate in PEM form.']],
    [
      'authority-and-broken.pem',
      [
        'CONFIG_FILE_CONTENT smtp.caFile names the file authority-and-broken.pem, which holds a certificate that cannot be read.',
      ],
    ],
  ])('%s', async (caFile, findings) => {
    expect(await findingsOf({ caFile }, { clientSecret: 'Cnry8~secret' })).toEqual(findings);
  });
});
