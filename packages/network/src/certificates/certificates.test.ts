import { createPrivateKey, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clock } from '@postbearer/core';
import { integer, objectIdentifier, time } from './der.ts';
import { ipAddressBytes } from './encode-certificate.ts';
import {
  certificateThumbprint,
  createCertificateAuthority,
  createSelfSignedCertificate,
  describeCertificate,
} from './index.ts';

const now = Date.UTC(2030, 0, 1);
const clock: Clock = { now: () => now, monotonicMs: () => 0, setTimer: () => ({ cancel: () => {} }) };

describe('an authority', () => {
  it('issues certificates that its own certificate vouches for', async () => {
    const authority = await createCertificateAuthority({ name: 'Example CA', clock });
    const issued = await authority.issue({ dnsNames: ['a.example.com', '*.b.example.com'], ipAddresses: ['::1'] });
    const [leaf, root] = [new X509Certificate(issued.certificatePem), new X509Certificate(authority.certificatePem)];
    expect(leaf.verify(root.publicKey) && leaf.checkIssued(root)).toBe(true);
    expect(leaf.checkPrivateKey(createPrivateKey(issued.privateKeyPem))).toBe(true);
    expect(issued.chainPem).toBe(issued.certificatePem + authority.certificatePem);
    expect(describeCertificate(issued.certificatePem)).toEqual({
      subject: 'CN=a.example.com',
      issuer: 'CN=Example CA',
      names: ['DNS:a.example.com', 'DNS:*.b.example.com', 'IP Address:0:0:0:0:0:0:0:1'],
      notBefore: now - 3_600_000,
      notAfter: now + 90 * 86_400_000,
      isAuthority: false,
      isSelfSigned: false,
    });
    expect(describeCertificate(authority.certificatePem)).toMatchObject({ isAuthority: true, isSelfSigned: true });
  });

  it('gives every certificate its own key and serial number', async () => {
    const authority = await createCertificateAuthority();
    const [one, two] = await Promise.all([authority.issue({}), authority.issue({})]);
    expect(one.privateKeyPem).not.toBe(two.privateKeyPem);
    const serials = [one, two].map((pair) => new X509Certificate(pair.certificatePem).serialNumber);
    expect(new Set(serials).size).toBe(2);
  });

  it('does not vouch for what another authority of the same name issued', async () => {
    const [mine, other] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()]);
    const leaf = new X509Certificate((await other.issue({ dnsNames: ['localhost'] })).certificatePem);
    expect(leaf.verify(new X509Certificate(mine.certificatePem).publicKey)).toBe(false);
  });

  it('makes certificates that tests of refusals need', async () => {
    const authority = await createCertificateAuthority();
    const plain = await authority.issue({ commonName: 'localhost', dnsNames: ['localhost'], subjectAltName: false });
    expect(describeCertificate(plain.certificatePem)).toMatchObject({ subject: 'CN=localhost', names: [] });
    const old = await authority.issue({
      notBefore: Date.UTC(1999, 0, 1),
      notAfter: Date.UTC(2055, 11, 31, 23, 59, 59),
    });
    expect(describeCertificate(old.certificatePem)).toMatchObject({
      notBefore: Date.UTC(1999, 0, 1),
      notAfter: Date.UTC(2055, 11, 31, 23, 59, 59),
    });
    await expect(authority.issue({ ipAddresses: ['smtp.example.com'] })).rejects.toThrow(TypeError);
  });
});

describe('a self-signed certificate', () => {
  it.each([
    ['RSA-2048', 'rsa'],
    ['P-256', 'ec'],
  ] as const)('comes with a %s key', async (keyType, kind) => {
    const pair = await createSelfSignedCertificate({ commonName: 'app', keyType });
    const certificate = new X509Certificate(pair.certificatePem);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.asymmetricKeyType).toBe(kind);
    expect(describeCertificate(pair.certificatePem).isSelfSigned).toBe(true);
  });

  it('has the thumbprints that Node computes', async () => {
    const { certificatePem } = await createSelfSignedCertificate({ keyType: 'P-256' });
    const certificate = new X509Certificate(certificatePem);
    const hex = (text: string): string => Buffer.from(text.replaceAll(':', ''), 'hex').toString('base64url');
    expect(certificateThumbprint(certificatePem)).toEqual({
      sha1: hex(certificate.fingerprint),
      sha256: hex(certificate.fingerprint256),
    });
  });

  it('describes foreign names on one line', async () => {
    const { certificatePem } = await createSelfSignedCertificate({ commonName: 'a\r\nb\u001b[2J', keyType: 'P-256' });
    // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(describeCertificate(certificatePem).subject).not.toMatch(/[\u0000-\u001f]/);
  });
});

describe('the DER forms', () => {
  it('follow the published examples', () => {
    // The examples of X.690 sections 8.3 and 8.19, and of RFC 5280 section 4.1.2.5 for the year 2050.
    expect(objectIdentifier('1.2.840.113549').toString('hex')).toBe('06062a864886f70d');
    expect(integer(Buffer.of(0, 0, 127)).toString('hex')).toBe('02017f');
    expect(integer(Buffer.of(128)).toString('hex')).toBe('02020080');
    expect(integer(Buffer.of(0)).toString('hex')).toBe('020100');
    expect(
      time(Date.UTC(2049, 11, 31, 23, 59, 59))
        .subarray(2)
        .toString(),
    ).toBe('491231235959Z');
    expect(
      time(Date.UTC(2050, 0, 1))
        .subarray(2)
        .toString(),
    ).toBe('20500101000000Z');
  });

  it('hold any IPv6 address', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const groups = ipAddressBytes(address).toString('hex').match(/.{4}/g) ?? [];
        expect(new URL(`http://[${groups.join(':')}]`).hostname).toBe(new URL(`http://[${address}]`).hostname);
        expect(groups.length).toBe(8);
      }),
    );
    expect(ipAddressBytes('127.0.0.1').toString('hex')).toBe('7f000001');
  });
});
