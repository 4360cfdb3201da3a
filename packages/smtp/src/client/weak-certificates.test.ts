/** Certificates that nobody should make any more; only OpenSSL's own program still does. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { itWithTool } from '../../../../tests/setup/foreign-tools.ts';
import { connectSmtp } from './index.ts';
import { servePeers } from './testing/peer-server.ts';

const P256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

/** An authority and a certificate from it for `localhost`. */
function issue(newKey: readonly string[], digest: string): { ca: string; cert: string; key: string } {
  const folder = mkdtempSync(join(tmpdir(), 'postbearer-weak-'));
  const openssl = (...args: string[]): Buffer => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  try {
    writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost\n');
    openssl('req', '-x509', ...P256, '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test CA');
    openssl('req', ...newKey, '-nodes', '-keyout', 'key.pem', '-out', 'request', '-subj', '/CN=localhost');
    const from = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names'];
    openssl('x509', '-req', digest, '-in', 'request', ...from, '-out', 'cert.pem');
    return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const cases: readonly (readonly [string, readonly string[], string, string | undefined])[] = [
  ['with an RSA key of 1024 bits', ['-newkey', 'rsa:1024'], '-sha256', 'SMTP_CERTIFICATE_WEAK'],
  ['signed with SHA-1', P256, '-sha1', 'SMTP_CERTIFICATE_WEAK'],
  ['that is neither', P256, '-sha256', undefined],
];

describe('a certificate', () => {
  for (const [what, newKey, digest, code] of cases) {
    itWithTool('openssl', `${what} is refused for that only`, async () => {
      const { ca, ...identity } = issue(newKey, digest);
      await using server = await servePeers(async (peer) => {
        if (!(await peer.encrypt({ ...identity, ciphers: 'DEFAULT:@SECLEVEL=0' }))) return;
        peer.say('220 ready\r\n');
        await peer.line();
        peer.say('250 mx\r\n');
        await peer.over();
      });
      const connected = await connectSmtp({ host: 'localhost', port: server.port, security: 'tls', tls: { ca: [ca] } });
      expect(connected.ok ? undefined : connected.fault.code).toBe(code);
      if (connected.ok) connected.value.close();
    });
  }
});
