import { Buffer } from 'node:buffer';
import { connect as connectPlain } from 'node:net';
import { createScrubber, Secret, success, type NetworkEvidence } from '@postbearer/core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { canaryPassword, canaryTokenMark } from '../../../../tests/setup/canaries.ts';
import { makeCertificates, type CertificateSet, type ServerIdentity } from '../../../../tests/setup/certificates.ts';
import { connectSmtp, createSmtpPool, type ClientFaultCode, type SmtpCredentials, type SmtpSecurity } from './index.ts';
import { address } from './testing/sample-messages.ts';
import { servePeers, type Peer, type PeerServer, type Script } from './testing/peer-server.ts';

let certificates: CertificateSet;
beforeAll(async () => {
  certificates = await makeCertificates();
});

const TOKEN = canaryTokenMark.repeat(40);
const USERNAME = 'secret-mailbox@example.com';
const CONTENT = 'Subject: secret subject\r\n\r\nsecret body\r\n';
const CREDENTIALS: Readonly<Record<SmtpCredentials['kind'], SmtpCredentials>> = {
  bearer: { kind: 'bearer', username: USERNAME, token: Secret.of(TOKEN) },
  password: { kind: 'password', username: USERNAME, password: Secret.of(canaryPassword) },
};

/** Whether anything of the token, the password, the mailbox or the mail is in these bytes, in whatever form. */
function leakIn(bytes: Buffer): boolean {
  const scrubber = createScrubber();
  [TOKEN, canaryTokenMark, canaryPassword, USERNAME, 'secret subject', 'secret body'].forEach((text, index) =>
    scrubber.add(String(index), text),
  );
  const text = bytes.toString('latin1');
  return scrubber.scrub(text) !== text || /MAIL FROM|RCPT TO|AUTH /i.test(text);
}

const GREETING = '220 mx.example.com ready\r\n';
const OFFER = '250-mx.example.com\r\n250-PIPELINING\r\n250-AUTH XOAUTH2 PLAIN LOGIN\r\n250 STARTTLS\r\n';

/** Greets and offers STARTTLS as a good server does, and comes back when the client asks for it. */
async function untilStartTls(peer: Peer): Promise<void> {
  peer.say(GREETING);
  expect(await peer.line()).toMatch(/^EHLO /);
  peer.say(OFFER);
  expect(await peer.line()).toBe('STARTTLS');
}

/** Says yes to everything in the clear, as somebody does who wants to hear all. */
async function sayYes(peer: Peer): Promise<void> {
  for (;;) {
    const line = await peer.line();
    if (line === undefined) return;
    if (/^(?:EHLO|HELO)/.test(line)) peer.say('250-mx.example.com\r\n250 AUTH XOAUTH2 PLAIN LOGIN\r\n');
    else peer.say(line === 'DATA' ? '354 go\r\n' : line.startsWith('AUTH') ? '235 in\r\n' : '250 yes\r\n');
  }
}

const answersStartTls =
  (answer: string): Script =>
  async (peer) => {
    await untilStartTls(peer);
    peer.say(answer);
    await sayYes(peer);
  };

const encryptsWith =
  (identity: () => ServerIdentity, more: Readonly<Record<string, string>> = {}): Script =>
  async (peer) => {
    await untilStartTls(peer);
    peer.say('220 go\r\n');
    if (await peer.encrypt({ ...identity(), ...more })) await sayYes(peer);
  };

interface HostileServer {
  readonly name: string;
  readonly code: ClientFaultCode | 'SMTP_REPLY_MALFORMED' | 'SMTP_REPLY_TOO_LONG';
  readonly script: Script;
  readonly security?: SmtpSecurity;
  readonly servername?: string;
}

const HOSTILE: readonly HostileServer[] = [
  {
    name: 'offers no STARTTLS, but AUTH in the clear',
    code: 'SMTP_STARTTLS_NOT_OFFERED',
    script: async (peer) => {
      peer.say(GREETING);
      await sayYes(peer);
    },
  },
  {
    name: 'answers STARTTLS with 454',
    code: 'SMTP_STARTTLS_UNAVAILABLE',
    script: answersStartTls('454 4.7.0 not now\r\n'),
  },
  { name: 'answers STARTTLS with 500', code: 'SMTP_STARTTLS_REFUSED', script: answersStartTls('500 what\r\n') },
  { name: 'answers STARTTLS with 502', code: 'SMTP_STARTTLS_REFUSED', script: answersStartTls('502 5.5.1 no\r\n') },
  { name: 'answers STARTTLS with 250', code: 'SMTP_PROTOCOL_ERROR', script: answersStartTls('250 sure\r\n') },
  { name: 'answers STARTTLS with 354', code: 'SMTP_PROTOCOL_ERROR', script: answersStartTls('354 go on\r\n') },
  {
    name: 'cuts the line instead of answering STARTTLS',
    code: 'SMTP_CONNECTION_LOST',
    script: async (peer) => {
      await untilStartTls(peer);
      peer.cut();
    },
  },
  {
    name: 'does not answer STARTTLS',
    code: 'SMTP_STARTTLS_TIMEOUT',
    script: async (peer) => {
      await untilStartTls(peer);
      await peer.over();
    },
  },
  {
    name: 'closes after its 220',
    code: 'SMTP_TLS_INTERRUPTED',
    script: async (peer) => {
      await untilStartTls(peer);
      peer.say('220 go\r\n');
      peer.end();
      await peer.over();
    },
  },
  {
    name: 'resets the connection in the handshake',
    code: 'SMTP_TLS_INTERRUPTED',
    script: async (peer) => {
      await untilStartTls(peer);
      peer.say('220 go\r\n');
      await peer.bytes(5);
      peer.reset();
    },
  },
  {
    name: 'injects a whole reply behind its 220',
    code: 'SMTP_STARTTLS_INJECTION',
    script: answersStartTls('220 go\r\n250-mx.example.com\r\n250 AUTH PLAIN\r\n'),
  },
  {
    name: 'injects a part of a line behind its 220',
    code: 'SMTP_STARTTLS_INJECTION',
    script: answersStartTls('220 go\r\n250'),
  },
  {
    name: 'answers the handshake in plain text',
    code: 'SMTP_TLS_HANDSHAKE_FAILED',
    script: async (peer) => {
      await untilStartTls(peer);
      peer.say('220 go\r\n');
      await peer.bytes(5);
      peer.say('250 AUTH PLAIN LOGIN XOAUTH2\r\n250 yes, go on in the clear\r\n');
      await sayYes(peer);
    },
  },
  {
    name: 'says nothing to the handshake',
    code: 'SMTP_TLS_TIMEOUT',
    script: async (peer) => {
      await untilStartTls(peer);
      peer.say('220 go\r\n');
      await peer.over();
    },
  },
  {
    name: 'refuses EHLO',
    code: 'SMTP_EHLO_REFUSED',
    script: async (peer) => {
      peer.say(GREETING);
      await peer.line();
      peer.say('502 5.5.1 no\r\n');
      await sayYes(peer);
    },
  },
  {
    name: 'does not answer EHLO',
    code: 'SMTP_EHLO_TIMEOUT',
    script: async (peer) => {
      peer.say(GREETING);
      await peer.over();
    },
  },
  {
    name: 'changes its code within the answer to EHLO',
    code: 'SMTP_REPLY_MALFORMED',
    script: async (peer) => {
      peer.say(GREETING);
      await peer.line();
      peer.say('250-mx.example.com\r\n500 STARTTLS\r\n');
      await sayYes(peer);
    },
  },
  { name: 'greets with 554', code: 'SMTP_GREETING_REFUSED', script: (peer) => peer.say('554 no mail here\r\n') },
  { name: 'greets with 421', code: 'SMTP_GREETING_DEFERRED', script: (peer) => peer.say('421 4.3.2 busy\r\n') },
  { name: 'greets with 250', code: 'SMTP_PROTOCOL_ERROR', script: (peer) => peer.say('250 hello\r\n') },
  {
    name: 'speaks HTTP',
    code: 'SMTP_REPLY_MALFORMED',
    script: (peer) => peer.say('HTTP/1.1 400 Bad Request\r\n\r\n'),
  },
  { name: 'greets without end', code: 'SMTP_REPLY_TOO_LONG', script: (peer) => peer.say('220-'.padEnd(100_000, 'x')) },
  { name: 'does not greet', code: 'SMTP_GREETING_TIMEOUT', script: (peer) => peer.over() },
  {
    name: 'says more than it was asked',
    code: 'SMTP_PROTOCOL_ERROR',
    script: async (peer) => {
      peer.say(`${GREETING}250 AUTH PLAIN\r\n`);
      await peer.over();
    },
  },
  {
    name: 'shows an expired certificate',
    code: 'SMTP_CERTIFICATE_EXPIRED',
    script: encryptsWith(() => certificates.expired),
  },
  {
    name: 'shows a certificate that is not yet valid',
    code: 'SMTP_CERTIFICATE_NOT_YET_VALID',
    script: encryptsWith(() => certificates.notYetValid),
  },
  {
    name: 'shows a certificate for another host',
    code: 'SMTP_CERTIFICATE_WRONG_HOST',
    script: encryptsWith(() => certificates.otherHost),
  },
  {
    name: 'shows a certificate for its name but not for the one that was asked for',
    code: 'SMTP_CERTIFICATE_WRONG_HOST',
    servername: 'smtp.example.org',
    script: encryptsWith(() => certificates.good),
  },
  {
    name: 'shows a certificate that names it only by common name',
    code: 'SMTP_CERTIFICATE_COMMON_NAME_ONLY',
    script: encryptsWith(() => certificates.commonNameOnly),
  },
  {
    name: 'shows a self-signed certificate',
    code: 'SMTP_CERTIFICATE_SELF_SIGNED',
    script: encryptsWith(() => certificates.selfSigned),
  },
  {
    name: 'shows a certificate of an unknown authority',
    code: 'SMTP_CERTIFICATE_UNKNOWN_AUTHORITY',
    script: encryptsWith(() => certificates.unknownAuthority),
  },
  {
    name: 'shows a certificate of an unknown authority and sends that along',
    code: 'SMTP_CERTIFICATE_UNKNOWN_AUTHORITY',
    script: encryptsWith(() => certificates.unknownRoot),
  },
  {
    name: 'has TLS 1.1 only',
    code: 'SMTP_TLS_VERSION_UNSUPPORTED',
    script: encryptsWith(() => certificates.good, {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT:@SECLEVEL=0',
    }),
  },
  {
    name: 'has TLS 1.0 only',
    code: 'SMTP_TLS_VERSION_UNSUPPORTED',
    script: encryptsWith(() => certificates.good, {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1',
      ciphers: 'DEFAULT:@SECLEVEL=0',
    }),
  },
  {
    name: 'offers AUTH before encryption and none after it',
    code: 'SMTP_AUTH_MECHANISM_NOT_OFFERED',
    script: async (peer) => {
      await untilStartTls(peer);
      peer.say('220 go\r\n');
      if (!(await peer.encrypt(certificates.good))) return;
      await peer.line();
      peer.say('250 mx.example.com\r\n');
      await peer.over();
    },
  },
  {
    name: 'refuses EHLO once encrypted',
    code: 'SMTP_EHLO_REFUSED',
    script: async (peer) => {
      await untilStartTls(peer);
      peer.say('220 go\r\n');
      if (!(await peer.encrypt(certificates.good))) return;
      await peer.line();
      peer.say('502 no\r\n');
      await peer.over();
    },
  },
  {
    name: 'speaks plain text where TLS is expected from the start',
    code: 'SMTP_TLS_HANDSHAKE_FAILED',
    security: 'tls',
    script: async (peer) => {
      peer.say(GREETING);
      await sayYes(peer);
    },
  },
  {
    name: 'shows a bad certificate from the start',
    code: 'SMTP_CERTIFICATE_EXPIRED',
    security: 'tls',
    script: async (peer) => {
      await peer.encrypt(certificates.expired);
    },
  },
];

async function sendTo(server: PeerServer, hostile: HostileServer, kind: SmtpCredentials['kind']) {
  const { security = 'starttls', servername } = hostile;
  const pool = createSmtpPool({
    connect: {
      host: 'localhost',
      port: server.port,
      security,
      tls: { ca: [certificates.trusted], ...(servername === undefined ? {} : { servername }) },
      timeouts: { greeting: 300, ehlo: 300, starttls: 300, tls: 300, quit: 300 },
    },
    credentials: async () => success(CREDENTIALS[kind]),
  });
  const envelope = { sender: address(USERNAME), recipients: [address('user@example.com')] };
  const verdicts = await pool.send({ envelope, content: Buffer.from(CONTENT) });
  await pool.close();
  return verdicts;
}

describe.each(['bearer', 'password'] as const)('with a %s, a server that', (kind) => {
  it.each(HOSTILE)('$name hears nothing of it: $code', async (hostile) => {
    await using server = await servePeers(hostile.script);
    const verdicts = await sendTo(server, hostile, kind);
    expect(verdicts).toMatchObject([{ outcome: 'deferred', fault: { code: hostile.code } }]);
    expect(server.peers).toHaveLength(1);
    expect(server.peers.map(({ heard }) => leakIn(heard))).toEqual([false]);
  });
});

describe('whatever the settings', () => {
  afterEach(() => {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  });

  it('the environment cannot switch verification off', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    await using server = await servePeers(encryptsWith(() => certificates.selfSigned));
    const connected = await connectSmtp({ host: 'localhost', port: server.port, security: 'starttls' });
    expect(connected).toMatchObject({ ok: false, fault: { code: 'SMTP_CERTIFICATE_SELF_SIGNED' } });
  });

  it('credentials do not go over an unencrypted connection, nor does a message after them', async () => {
    await using server = await servePeers(async (peer) => {
      peer.say(GREETING);
      await sayYes(peer);
    });
    const connected = await connectSmtp({ host: 'localhost', port: server.port, security: 'none' });
    if (!connected.ok) throw new Error(connected.fault.message);
    for (const credentials of Object.values(CREDENTIALS))
      expect(await connected.value.authenticate(credentials)).toMatchObject({ fault: { code: 'SMTP_AUTH_NEEDS_TLS' } });
    const envelope = { sender: address(USERNAME), recipients: [address('user@example.com')] };
    const verdicts = await connected.value.send({ envelope, content: Buffer.from(CONTENT) });
    expect(verdicts).toMatchObject([{ outcome: 'deferred', fault: { code: 'SMTP_AUTH_NEEDS_TLS' } }]);
    expect(await connected.value.checkEnvelope(envelope)).toMatchObject({ fault: { code: 'SMTP_AUTH_NEEDS_TLS' } });
    await connected.value.quit();
    expect(server.peers.map(({ heard }) => leakIn(heard))).toEqual([false]);
  });

  it('a pool with credentials does not even connect without encryption', async () => {
    await using server = await servePeers(sayYes);
    const hostile: HostileServer = { name: '', code: 'SMTP_AUTH_NEEDS_TLS', security: 'none', script: sayYes };
    expect(await sendTo(server, hostile, 'bearer')).toMatchObject([{ fault: { code: 'SMTP_AUTH_NEEDS_TLS' } }]);
    expect(server.peers).toHaveLength(0);
  });

  it('a session of a verified server opens no door for another certificate', async () => {
    let identity = certificates.good;
    await using server = await servePeers(async (peer) => {
      await untilStartTls(peer);
      peer.say('220 go\r\n');
      if (await peer.encrypt(identity)) await sayYes(peer);
    });
    const pool = createSmtpPool({
      connect: { host: 'localhost', port: server.port, security: 'starttls', tls: { ca: [certificates.trusted] } },
      credentials: async () => success(CREDENTIALS.bearer),
      maxMessagesPerConnection: 1,
    });
    const envelope = { sender: address(USERNAME), recipients: [address('user@example.com')] };
    const send = () => pool.send({ envelope, content: Buffer.from(CONTENT) });
    expect(await send()).toMatchObject([{ outcome: 'accepted' }]);
    identity = certificates.otherHost;
    expect(await send()).toMatchObject([{ fault: { code: 'SMTP_CERTIFICATE_WRONG_HOST' } }]);
    await pool.close();
  });

  it('says what was wrong with the certificate', async () => {
    await using server = await servePeers(encryptsWith(() => certificates.otherHost));
    const [verdict] = await sendTo(server, { name: '', code: 'SMTP_CERTIFICATE_WRONG_HOST', script: sayYes }, 'bearer');
    if (verdict?.outcome !== 'deferred') throw new Error('not deferred');
    expect(verdict.fault.message).toBe('The certificate of the server is not for localhost.');
    expect(verdict.fault.next).toBe('fix-configuration');
    const evidence = verdict.fault.evidence as NetworkEvidence;
    expect(evidence).toMatchObject({ kind: 'network', host: 'localhost', errorCode: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    expect(evidence.detail).toContain('other.example.net');
  });
});

describe('the ear of these tests', () => {
  it('hears a client that signs in without encryption', async () => {
    await using server = await servePeers(async (peer) => {
      peer.say(GREETING);
      await sayYes(peer);
    });
    const naive = connectPlain(server.port, '127.0.0.1');
    naive.write(`EHLO me\r\nAUTH PLAIN ${Buffer.from(`\0${USERNAME}\0${canaryPassword}`).toString('base64')}\r\n`);
    const { promise, resolve } = Promise.withResolvers<void>();
    let answers = '';
    naive.on('data', (chunk: Buffer) => {
      answers += chunk.toString();
      if (answers.includes('235')) resolve();
    });
    await promise;
    naive.destroy();
    expect(server.peers.map(({ heardPlain }) => leakIn(heardPlain))).toEqual([true]);
  });
});
