/** Requests through a proxy that speaks CONNECT. */
import { createServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCertificateAuthority, type CertificateAuthority } from './certificates/index.ts';
import type { Dial } from './index.ts';
import { clientFor, dialLoopback, outcomeOf, trustIn, World, type Listening } from './testing/world.ts';

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
    expect(shown).not.toMatch(/<[a-z]+>/);
    expect([shown.includes('canary'), shown.includes(Buffer.from('user:canary').toString('base64'))]).toEqual([
      false,
      false,
    ]);
  });

  it('that does not answer, cuts, or is not there is told as a proxy, with its variable and the way to it', async () => {
    const cutting = await world.tcp((socket) => void socket.once('data', () => socket.destroy()));
    const silent = await world.tcp(() => {});
    const ask = async (proxy: string, timeoutMs = 20_000, dial?: Dial): Promise<readonly string[]> => {
      const http = clientFor(trustIn(authority.certificatePem), {
        environment: { HTTPS_PROXY: `http://${proxy}` },
        ...(dial === undefined ? {} : { dial }),
      });
      const reply = http.request({ url: `https://${HOST}/`, timeoutMs });
      const code = await outcomeOf(reply);
      const result = await reply;
      if (result.ok) return [code];
      const { next, message, cause, remedy, evidence } = result.fault;
      expect([message, cause, ...remedy.steps].filter((line) => line.includes('HTTPS_PROXY')).length).toBeGreaterThan(
        2,
      );
      // The port that the firewall has to let pass is the proxy's, not that of the host behind it.
      expect(remedy.steps.join(' ')).not.toMatch(/\b443\b/);
      expect(evidence).toMatchObject({ kind: 'network', host: proxy.replace(/:\d+$/, '') });
      return [code, next, message, remedy.steps[1] ?? ''];
    };
    const failing = (errorCode: string): Dial => {
      return () =>
        dialLoopback({ host: '127.0.0.1', port: silent.port }).destroy(
          Object.assign(new Error('x'), { code: errorCode }),
        );
    };
    const firewall = (port: number, host = '127.0.0.1'): string =>
      `Let the firewall pass TCP port ${port} from this machine to the proxy ${host}.`;
    const unreachable = ({ port, authority: proxy }: Listening, reason: string): readonly string[] => [
      'NETWORK_PROXY_UNREACHABLE',
      'retry',
      `The proxy ${proxy} that HTTPS_PROXY names cannot be reached: ${reason}.`,
      firewall(port),
    ];
    expect(await ask(cutting.authority)).toEqual(unreachable(cutting, 'it cut the connection (waiting for the proxy)'));
    expect(await ask(silent.authority, 100)).toEqual(
      unreachable(silent, 'it did not answer in time (waiting for the proxy)'),
    );
    expect(await ask('proxy.example.com:3128', 20_000, failing('ENOTFOUND'))).toEqual([
      'NETWORK_PROXY_NOT_FOUND',
      'fix-configuration',
      'The proxy that HTTPS_PROXY names cannot be used: the name proxy.example.com does not exist in DNS.',
      'Check that this machine resolves the name.',
    ]);
    expect(await ask('10.9.8.7:3128', 20_000, failing('EHOSTUNREACH'))).toEqual([
      'NETWORK_PROXY_UNREACHABLE',
      'retry',
      expect.stringContaining('10.9.8.7:3128 that HTTPS_PROXY names cannot be reached: this machine has no way to it'),
      firewall(3128, '10.9.8.7'),
    ]);
    await world.close();
    expect(await ask(silent.authority)).toEqual(
      unreachable(silent, 'it refused the connection (connecting to the proxy)'),
    );
    // The control: without a proxy the same error is one of the host.
    const direct = clientFor(trustIn(), { dial: dialLoopback }).request({ url: `https://${HOST}:${silent.port}/` });
    expect(await outcomeOf(direct)).toBe('NETWORK_CONNECTION_REFUSED');
  });

  it('that is none is told as a matter of its variable', async () => {
    const odd = await world.tcp((socket) => void socket.once('data', () => socket.end('what?\r\n\r\n')));
    const speaking = async (proxy: string): Promise<readonly string[]> => {
      const reply = await through(proxy).request({ url: `https://${HOST}/` });
      return reply.ok ? [] : [reply.fault.code, reply.fault.message];
    };
    for (const [scheme, what] of [
      ['http', 'HTTP'],
      ['https', 'TLS'],
    ])
      expect(await speaking(`${scheme}://${odd.authority}`)).toEqual([
        'NETWORK_PROXY_UNUSABLE',
        `What HTTPS_PROXY names, ${odd.authority}, cannot be used as a proxy: it does not speak ${what}.`,
      ]);
  });

  it('is no part of what fails behind it', async () => {
    const proxy = await world.tcp(tunnel([]));
    target = await world.tcp((socket) => socket.destroy());
    const reply = await through(`http://${proxy.authority}`).request({ url: `https://${HOST}/` });
    expect(!reply.ok && [reply.fault.code, reply.fault.message]).toEqual([
      'NETWORK_RESET',
      `${HOST}:443 cut the connection (securing the connection).`,
    ]);
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
