/** Requests through a proxy that speaks CONNECT. */
import { createServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCertificateAuthority, type CertificateAuthority } from './certificates/index.ts';
import { clientFor, outcomeOf, trustIn, World, type Listening } from './testing/world.ts';

const HOST = 'login.example.com';
let authority: CertificateAuthority;
beforeAll(async () => {
  authority = await createCertificateAuthority();
});

let world: World;
let target: Listening;
beforeEach(async () => {
  world = new World();
  const { chainPem, privateKeyPem } = await authority.issue({ dnsNames: [HOST] });
  target = await world.https({ cert: chainPem, key: privateKeyPem }, (_request, response) => response.end('token'));
});
afterEach(() => world.close());

/** What a proxy heard, and the proxy: it connects every name to the target. */
function tunnel(heard: string[]): (socket: Socket) => void {
  return (socket) => {
    socket.once('data', (head: Buffer) => {
      heard.push(head.toString());
      const onward = connect({ host: '127.0.0.1', port: target.port }, () => {
        socket.write('HTTP/1.1 200 Connection established\r\nproxy-agent: test\r\n\r\n');
        socket.pipe(onward).pipe(socket);
      });
      onward.on('error', () => socket.destroy());
      socket.once('close', () => onward.destroy());
    });
  };
}

function through(proxy: string, noProxy = ''): ReturnType<typeof clientFor> {
  return clientFor(trustIn(authority.certificatePem), { environment: { HTTPS_PROXY: proxy, NO_PROXY: noProxy } });
}

describe('through a proxy', () => {
  it('a request reaches its host, encrypted from end to end', async () => {
    const heard: string[] = [];
    const proxy = await world.tcp(tunnel(heard));
    const request = { url: `https://${HOST}/token`, method: 'POST', body: 'client_secret=canary' } as const;
    expect(await outcomeOf(through(`http://${proxy.authority}`).request(request))).toBe('HTTP 200');
    expect(heard).toEqual([`CONNECT ${HOST}:443 HTTP/1.1\r\nhost: ${HOST}:443\r\nConnection: close\r\n\r\n`]);
  });

  it('credentials go to the proxy', async () => {
    const heard: string[] = [];
    const proxy = await world.tcp(tunnel(heard));
    expect(
      await outcomeOf(through(`http://user:pa%3Ass@${proxy.authority}`).request({ url: `https://${HOST}:8443/` })),
    ).toBe('HTTP 200');
    expect(heard[0]).toContain(`CONNECT ${HOST}:8443 `);
    expect(heard[0]).toContain(`proxy-authorization: Basic ${Buffer.from('user:pa:ss').toString('base64')}`);
  });

  it('that itself is reached by TLS, both are checked', async () => {
    const { chainPem, privateKeyPem } = await authority.issue({ ipAddresses: ['127.0.0.1'] });
    const secure = createServer({ cert: chainPem, key: privateKeyPem });
    const heard: string[] = [];
    secure.on('tlsClientError', () => {});
    secure.removeAllListeners('secureConnection').on('secureConnection', tunnel(heard));
    const proxy = await world.tcp((socket) => void secure.emit('connection', socket));
    const request = { url: `https://${HOST}/token` };
    expect(await outcomeOf(through(`https://${proxy.authority}`).request(request))).toBe('HTTP 200');
    const untrusting = clientFor(trustIn(), { environment: { HTTPS_PROXY: `https://${proxy.authority}` } });
    const reply = await untrusting.request(request);
    expect(!reply.ok && [reply.fault.code, reply.fault.evidence]).toMatchObject([
      'NETWORK_CERTIFICATE_UNKNOWN_AUTHORITY',
      { host: '127.0.0.1', port: proxy.port },
    ]);
    expect(heard.length).toBe(1);
  });

  it('the certificate of the host is checked, not that of whoever stands between', async () => {
    const { chainPem, privateKeyPem } = await authority.issue({ dnsNames: ['proxy.example.com'] });
    const wrong = await world.https({ cert: chainPem, key: privateKeyPem }, (_request, response) => response.end());
    target = wrong;
    const proxy = await world.tcp(tunnel([]));
    expect(await outcomeOf(through(`http://${proxy.authority}`).request({ url: `https://${HOST}/` }))).toBe(
      'NETWORK_CERTIFICATE_WRONG_HOST',
    );
  });

  it.each([
    ['407 Proxy Authentication Required', 'NETWORK_PROXY_SIGN_IN'],
    ['403 Forbidden', 'NETWORK_PROXY_REFUSED'],
    ['302 Found', 'NETWORK_PROXY_REFUSED'],
    ['502 Bad Gateway', 'NETWORK_PROXY_FAILED'],
    ['504 Gateway Timeout', 'NETWORK_PROXY_FAILED'],
  ])('that answers %s', async (status, code) => {
    const proxy = await world.tcp(
      (socket) => void socket.once('data', () => socket.end(`HTTP/1.1 ${status}\r\ncontent-length: 2\r\n\r\nno`)),
    );
    const reply = await through(`http://user:canary-password@${proxy.authority}`).request({ url: `https://${HOST}/` });
    expect(!reply.ok && reply.fault.code).toBe(code);
    expect(!reply.ok && reply.fault.message).toContain(proxy.authority);
    expect(!reply.ok && reply.fault.evidence).toMatchObject({ host: '127.0.0.1', port: proxy.port });
    const shown = JSON.stringify(reply);
    expect([shown.includes('canary'), shown.includes(Buffer.from('user:canary').toString('base64'))]).toEqual([
      false,
      false,
    ]);
  });

  it('that does not answer, cuts, or is not there is told as such', async () => {
    const cutting = await world.tcp((socket) => void socket.once('data', () => socket.destroy()));
    const odd = await world.tcp((socket) => void socket.once('data', () => socket.end('what?\r\n\r\n')));
    const silent = await world.tcp(() => {});
    const ask = (proxy: Listening, timeoutMs = 20_000): Promise<string> =>
      outcomeOf(through(`http://${proxy.authority}`).request({ url: `https://${HOST}/`, timeoutMs }));
    expect(await ask(cutting)).toBe('NETWORK_RESET');
    expect(await ask(odd)).toBe('NETWORK_REPLY_NOT_HTTP');
    expect(await ask(silent, 100)).toBe('NETWORK_TIMEOUT');
    await world.close();
    expect(await ask(silent)).toBe('NETWORK_CONNECTION_REFUSED');
  });

  it('goes nothing that NO_PROXY names', async () => {
    const heard: string[] = [];
    const proxy = await world.tcp(tunnel(heard));
    const direct = clientFor(trustIn(authority.certificatePem), {
      environment: { HTTPS_PROXY: `http://${proxy.authority}`, NO_PROXY: 'other.test,.example.com' },
      dial: () => connect({ host: '127.0.0.1', port: target.port }),
    });
    expect(await outcomeOf(direct.request({ url: `https://${HOST}/` }))).toBe('HTTP 200');
    expect(heard).toEqual([]);
  });
});
