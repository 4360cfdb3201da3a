/** STARTTLS and implicit TLS: nothing said in the clear counts afterwards, and nothing can be slipped in. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSmtpServer, type SmtpServerHandler, type SmtpServerOptions } from './index.ts';
import { collectingServer } from './testing/collecting-server.ts';
import { encrypted, listening, testCertificates } from './testing/listening.ts';
import { MemoryStream, settled, somewhere, speak } from './testing/memory-client.ts';
import { SocketClient } from './testing/socket-client.ts';

const PLAIN = Buffer.from('\0a\0b').toString('base64');

async function startTlsServer(handler: SmtpServerHandler = {}, options: Partial<SmtpServerOptions> = {}) {
  const commands: string[] = [];
  const collecting = collectingServer({
    ...(await encrypted()),
    ...options,
    handler: {
      authenticate: (_, { username }) => ({ identity: username }),
      mail: (session, { sender }) =>
        void commands.push(`MAIL ${sender} ${session.tls === undefined ? 'clear' : 'tls'}`),
      ...handler,
    },
  });
  return { ...collecting, commands };
}

async function connected(port: number): Promise<SocketClient> {
  const client = SocketClient.to(port);
  onTestFinished(() => client.cut());
  await client.hear(/^220 .*\r\n/);
  return client;
}

describe('STARTTLS', () => {
  it('encrypts, and lists other extensions then', async () => {
    const sessions: unknown[] = [];
    const { server } = await startTlsServer({ ehlo: (session) => void sessions.push(session.tls) });
    const client = await connected(await listening(server));
    const before = await client.ask('EHLO a');
    expect(before).toContain('250-STARTTLS\r\n');
    expect(before).not.toContain('AUTH');
    expect(await client.ask('STARTTLS')).toBe('220 2.0.0 Ready to start TLS\r\n');
    await client.startTls((await testCertificates()).trusted);
    const after = await client.ask('EHLO a');
    expect(after).toContain('250-AUTH XOAUTH2 OAUTHBEARER PLAIN LOGIN\r\n');
    expect(after).not.toContain('STARTTLS');
    expect(sessions).toEqual([
      undefined,
      { protocol: 'TLSv1.3', cipher: expect.stringContaining('TLS_'), serverName: 'localhost' },
    ]);
  });

  it('forgets everything that was said before', async () => {
    const { server } = await startTlsServer();
    const client = await connected(await listening(server));
    await client.ask('EHLO a');
    await client.ask('MAIL FROM:<before@example.com>');
    await client.ask('STARTTLS');
    await client.startTls((await testCertificates()).trusted);
    expect(await client.ask('RCPT TO:<b@example.com>')).toBe('503 5.5.1 Send MAIL FROM first\r\n');
    expect(await client.ask('MAIL FROM:<a@example.com>')).toBe('503 5.5.1 Send EHLO first\r\n');
    expect(await client.ask(`AUTH PLAIN ${PLAIN}`)).toBe('503 5.5.1 Send EHLO first\r\n');
    await client.ask('EHLO a');
    expect(await client.ask('STARTTLS')).toBe('503 5.5.1 TLS is already active\r\n');
    expect(await client.ask('MAIL FROM:<a@example.com>')).toBe('250 2.1.0 Sender OK\r\n');
  });

  it('takes no parameters, and needs EHLO', async () => {
    const { server } = await startTlsServer();
    const client = await connected(await listening(server));
    expect(await client.ask('STARTTLS')).toBe('503 5.5.1 Send EHLO first\r\n');
    await client.ask('EHLO a');
    expect(await client.ask('STARTTLS now')).toBe('501 5.5.4 Invalid arguments\r\n');
    expect(await client.ask('NOOP')).toBe('250 2.0.0 OK\r\n');
  });

  it('can be refused, left out, and cut after its reply by the handler', async () => {
    const refusing = await startTlsServer({ startTls: () => ({ code: 454, enhanced: '4.7.0', text: 'Not now' }) });
    const client = await connected(await listening(refusing.server));
    await client.ask('EHLO a');
    expect(await client.ask('STARTTLS')).toBe('454 4.7.0 Not now\r\n');
    expect(await client.ask('NOOP')).toBe('250 2.0.0 OK\r\n');

    const hiding = await startTlsServer({ extensions: () => ['PIPELINING'] });
    const second = await connected(await listening(hiding.server));
    await second.ask('EHLO a');
    expect(await second.ask('STARTTLS')).toBe('502 5.5.1 Command not offered\r\n');

    const cutting = await startTlsServer({
      // oxlint-disable-next-line unicorn/no-thenable -- the word of the face
      startTls: () => ({ code: 220, text: 'Go', then: 'close' }),
    });
    const third = await connected(await listening(cutting.server));
    await third.ask('EHLO a');
    expect(await third.ask('STARTTLS')).toBe('220 Go\r\n');
    expect(await third.over()).toBe('');
  });
});

describe('what is slipped in behind STARTTLS in the clear', () => {
  const injected = 'EHLO evil\r\nMAIL FROM:<evil@example.net>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nx\r\n.\r\n';

  it.each([
    ['whole commands', injected],
    ['half a command', 'MAIL FROM:<evil@exam'],
    ['one byte', 'R'],
    ['a bare LF', '\n'],
    ['a NUL', '\0'],
  ])('in the same segment ends the connection before any handshake: %s', async (_, text) => {
    const { server, commands, messages } = await startTlsServer();
    const client = await connected(await listening(server));
    await client.ask('EHLO a');
    client.say(`STARTTLS\r\n${text}`);
    expect(await client.over()).toBe('503 5.5.1 Nothing may follow STARTTLS before its reply\r\n');
    expect({ commands, messages }).toEqual({ commands: [], messages: [] });
  });

  it('ends the connection also where STARTTLS itself would have been refused', async () => {
    const { server, commands } = await startTlsServer({ startTls: () => ({ code: 454, text: 'Not now' }) });
    const said = await speak(server, ['EHLO a\r\n', `STARTTLS\r\n${injected}`]);
    expect(said).toMatch(/503 5\.5\.1 Nothing may follow STARTTLS before its reply\r\n$/);
    expect(said).not.toContain('454');
    expect(commands).toEqual([]);
  });

  it('before the reply of a slow handler ends the connection too', async () => {
    const gate = Promise.withResolvers<undefined>();
    const { server, commands } = await startTlsServer({ startTls: () => gate.promise });
    const stream = new MemoryStream();
    const done = server.serve(stream, somewhere);
    stream.say('EHLO a\r\nSTARTTLS\r\n');
    await settled();
    stream.say(injected);
    await settled();
    gate.resolve(undefined);
    await settled();
    stream.push(null);
    await done;
    expect(stream.said).toMatch(/503 5\.5\.1 Nothing may follow STARTTLS before its reply\r\n$/);
    expect(stream.said).not.toContain('220 2.0.0');
    expect(commands).toEqual([]);
  });

  it('while the reply is still on its way is not fed to the handshake', async () => {
    const { server, commands } = await startTlsServer();
    const stream = new MemoryStream(1);
    const done = server.serve(stream, somewhere);
    stream.say('EHLO a\r\n');
    await settled();
    stream.isStuck = true;
    stream.say('STARTTLS\r\n');
    await settled();
    stream.say(injected);
    await settled();
    stream.readOn();
    await done;
    expect(stream.said).toMatch(/220 2\.0\.0 Ready to start TLS\r\n$/);
    expect(stream.destroyed).toBe(true);
    expect(commands).toEqual([]);
  });

  it('behind the reply breaks the handshake and is not executed', async () => {
    const { server, commands, messages, errors } = await startTlsServer();
    const client = await connected(await listening(server));
    await client.ask('EHLO a');
    await client.ask('STARTTLS');
    client.say(injected);
    await client.over();
    expect({ commands, messages, errors }).toEqual({ commands: [], messages: [], errors: [] });
  });

  it('in every way of splitting: nothing is executed and nothing is said in the clear behind 220', async () => {
    const text = `STARTTLS\r\n${injected}`;
    for (let at = 1; at <= text.length; at += 7) {
      const { server, commands } = await startTlsServer();
      const said = await speak(server, ['EHLO a\r\n', text.slice(0, at), text.slice(at)], { isPaced: true });
      // After a 220 there is only the TLS alert of a handshake that failed.
      const [, afterReady = ''] = said.split('220 2.0.0 Ready to start TLS\r\n');
      expect(afterReady).not.toMatch(/\d{3}[ -]/);
      expect(commands).toEqual([]);
    }
  });
});

describe('AUTH without TLS', () => {
  it('is neither offered nor accepted, before STARTTLS or without any', async () => {
    const attempts: unknown[] = [];
    const handler: SmtpServerHandler = {
      extensions: () => ['STARTTLS', 'AUTH PLAIN LOGIN XOAUTH2', 'AUTH=PLAIN'],
      authenticate: (_, attempt) => (attempts.push(attempt), { identity: 'a' }),
    };
    const starttls = await startTlsServer(handler);
    const said = await speak(starttls.server, [`EHLO a\r\nAUTH PLAIN ${PLAIN}\r\n`]);
    expect(said.split('\r\n').slice(1, -1)).toEqual([
      '250-mail.example.com',
      '250 STARTTLS',
      '530 5.7.0 Must issue a STARTTLS command first',
    ]);
    const plain = collectingServer({ handler });
    const saidPlain = await speak(plain.server, [`EHLO a\r\nAUTH PLAIN ${PLAIN}\r\n`]);
    expect(saidPlain.split('\r\n').slice(1, -1)).toEqual(['250 mail.example.com', '502 5.5.1 Command not offered']);
    expect(attempts).toEqual([]);
  });
});

describe('implicit TLS', () => {
  it('greets within TLS only', async () => {
    const { server } = collectingServer(await encrypted('tls'));
    const port = await listening(server);
    const client = SocketClient.securelyTo(port, (await testCertificates()).trusted);
    await client.hear(/^220 mail\.example\.com ESMTP\r\n/);
    await client.end();
    const plain = SocketClient.to(port);
    plain.say('EHLO a\r\n');
    expect(await plain.over()).not.toContain('220 ');
  });
});

describe('a certificate', () => {
  it('is replaced for handshakes from then on; an unusable one is refused and the old one stays', async () => {
    const { server } = collectingServer(await encrypted('tls'));
    const port = await listening(server);
    const { good, unknownRoot, trusted } = await testCertificates();
    const greets = async (): Promise<boolean> => {
      const client = SocketClient.securelyTo(port, trusted);
      const heard = await client.hear(/^220 .*\r\n/).catch(() => '');
      await client.end();
      return heard !== '';
    };
    expect(await greets()).toBe(true);
    const replaced = server.replaceCertificate({ certificatePem: unknownRoot.cert, privateKeyPem: unknownRoot.key });
    expect(replaced.ok).toBe(true);
    expect(await greets()).toBe(false);
    const refused = server.replaceCertificate({ certificatePem: 'no', privateKeyPem: good.key });
    expect(refused.ok ? undefined : refused.fault.code).toBe('SMTP_SERVER_CERTIFICATE_UNUSABLE');
    server.replaceCertificate({ certificatePem: good.cert, privateKeyPem: good.key });
    expect(await greets()).toBe(true);
  });

  it('that cannot be used is told at listen', async () => {
    const { server } = collectingServer({
      security: 'tls',
      certificate: { certificatePem: 'no', privateKeyPem: 'no' },
    });
    const started = await server.listen();
    expect(started.ok ? undefined : started.fault.code).toBe('SMTP_SERVER_CERTIFICATE_UNUSABLE');
  });
});

describe('a handshake that the client breaks off', () => {
  const waysToLeave: readonly (readonly [string, (socket: Socket) => Promise<void>])[] = [
    [
      'since it does not trust the certificate',
      async (socket) => {
        const secure = connectTls({ socket, servername: 'localhost' });
        await once(secure, 'error');
      },
    ],
    ['by leaving without a word', async (socket) => void socket.end()],
    ['by leaving in its midst', async (socket) => void socket.end(Buffer.from([0x16, 0x03, 0x01, 0x02]))],
    ['by a reset', async (socket) => void socket.resetAndDestroy()],
  ];

  it.each(waysToLeave)('frees the connection at once, %s', async (_, leave) => {
    // Long enough that only noticing the client's end can free the connection within the test.
    const server = createSmtpServer({
      hostname: 'localhost',
      ...(await encrypted('tls')),
      handler: {},
      timeouts: { tlsHandshakeMs: 3_600_000 },
    });
    const socket = connectTcp(await listening(server), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    await expect.poll(() => server.connectionCount).toBe(1);
    await leave(socket);
    await expect.poll(() => server.connectionCount, { timeout: 5000 }).toBe(0);
  });
});
