import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Fault } from '@postbearer/core';
import { describeCertificate } from '@postbearer/network/certificates';
import { smtpServerFaults, type ServerCertificate } from '@postbearer/smtp/server';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followCertificate, ownCertificate, readCertificate } from './certificate.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'certificate-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('the certificate that is made stays the same over starts, and its key is for its owner alone', async () => {
  const files = await ownCertificate(folder, 'relay.example', systemClock);
  const before = await readFile(files.certificateFile, 'utf8');
  expect(await ownCertificate(folder, 'other.example', systemClock)).toEqual(files);
  expect(await readFile(files.certificateFile, 'utf8')).toBe(before);
  expect((await stat(files.keyFile)).mode & 0o777).toBe(0o600);
  expect(describeCertificate(before).names).toContain('DNS:relay.example');
});

test('a renewed certificate is taken into use once; one that is no use is told of once', async () => {
  const files = await ownCertificate(folder, 'relay.example', systemClock);
  const current = await readCertificate(files);
  if (!current.ok) throw new Error(current.fault.message);
  const used: ServerCertificate[] = [];
  const faults: Fault[] = [];
  const follower = followCertificate({
    files,
    current: current.value,
    clock: systemClock,
    replace(certificate) {
      if (!certificate.certificatePem.startsWith('-----')) {
        return { ok: false, fault: smtpServerFaults.make('SMTP_SERVER_CERTIFICATE_UNUSABLE', {}) };
      }
      used.push(certificate);
      return { ok: true, value: undefined };
    },
    onFault: (fault) => faults.push(fault),
  });
  await follower.look();
  expect(used).toEqual([]);
  await writeFile(files.certificateFile, `${current.value.certificatePem}\n`);
  await follower.look();
  await follower.look();
  expect(used).toHaveLength(1);
  await writeFile(files.certificateFile, 'nothing');
  await follower.look();
  await follower.look();
  await rm(files.keyFile);
  await follower.look();
  expect(faults.map(({ code }) => code)).toEqual(['SMTP_SERVER_CERTIFICATE_UNUSABLE', 'ACCESS_CERTIFICATE_UNREADABLE']);
  follower.close();
});
