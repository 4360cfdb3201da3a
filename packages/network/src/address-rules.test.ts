import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isPublicAddress } from './index.ts';
import { clientFor, dialLoopback, outcomeOf, trustIn, World } from './testing/world.ts';

describe('public addresses', () => {
  it.each([
    '8.8.8.8',
    '40.97.153.146',
    '192.0.1.1',
    '172.32.0.1',
    '2606:4700::1111',
    '2a01:111:f400::1',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
  ])('%s is one', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it('are never found by a text that is no address', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (/^[0-9.]+$/.test(text)) return;
        expect(isPublicAddress(`${text}x`)).toBe(false);
      }),
    );
  });
});

/** Hosts as somebody may write them who wants to reach into this network. */
const INSIDE: readonly string[] = [
  // This machine, in every way that a URL knows
  '127.0.0.1',
  '127.1',
  '127.0.1',
  '2130706433',
  '0x7f000001',
  '0x7f.0.0.1',
  '0x7f.1',
  '017700000001',
  '0177.0.0.1',
  '127.255.255.254',
  '127.0.0.1.',
  '１２７.0.0.1',
  '127。0。0。1',
  'localhost',
  'LOCALHOST',
  'localhost.',
  '0',
  '0.0.0.0',
  '0x0',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::]',
  // IPv4 inside of IPv6
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:ffff:10.0.0.1]',
  '[::127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b::a9fe:a9fe]',
  '[64:ff9b:1::10.0.0.1]',
  '[2002:7f00:1::1]',
  '[2002:a00:1::]',
  '[2001:0:4136:e378:8000:63bf:80ff:fffe]',
  '[2620:0:2d0:200::5efe:192.168.0.1]',
  '[2620:0:2d0:200:200:5efe:10.0.0.1]',
  '[fe80::5efe:192.168.0.1]',
  // Networks of one's own
  '10.0.0.1',
  '10.255.255.255',
  '0xa.0.0.1',
  '167772161',
  '172.16.0.1',
  '172.31.255.254',
  '192.168.1.1',
  '3232235777',
  '100.64.0.1',
  '100.127.255.254',
  '[fc00::1]',
  '[fd12:3456:789a::1]',
  '[fec0::1]',
  '[fe80::1]',
  // The platform of a cloud machine
  '169.254.169.254',
  '2852039166',
  '0xa9fea9fe',
  '[fd00:ec2::254]',
  // What is for tests, for documents, for many at once, and for nobody
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '255.255.255.255',
  '240.0.0.1',
  '[ff02::1]',
  '[2001:db8::1]',
  '[3fff::1]',
  '[100::1]',
];

describe('a request that may reach public addresses only', () => {
  let world: World;
  let connections = 0;
  let port = 0;

  beforeEach(async () => {
    world = new World();
    connections = 0;
    ({ port } = await world.tcp((socket) => {
      connections += 1;
      socket.destroy();
    }));
  });
  afterEach(async () => await world.close());

  const ask = async (url: string, isGuarded: boolean): Promise<string> =>
    await outcomeOf(
      clientFor(trustIn()).request({
        url,
        timeoutMs: 2000,
        ...(isGuarded ? { allowsAddress: isPublicAddress } : {}),
      }),
    );

  it('connects to nothing inside, however it is written', async () => {
    expect(INSIDE.length).toBeGreaterThanOrEqual(45);
    for (const host of INSIDE)
      for (const scheme of ['https', 'http'])
        expect
          .soft([host, await ask(`${scheme}://${host}:${port}/`, true)])
          .toEqual([host, expect.stringMatching(/^NETWORK_(?:ADDRESS_REFUSED|URL_REFUSED|NAME_NOT_FOUND)$/)]);
    expect(connections).toBe(0);
    // The same without the rule reaches this machine.
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', 'localhost']) await ask(`https://${host}:${port}/`, false);
    expect(connections).toBe(4);
  });

  it.each(['ftp://127.0.0.1/', 'file:///etc/passwd', 'gopher://127.0.0.1/', 'https://a:b@127.0.0.1/', 'data:,x'])(
    'does not go to %s',
    async (url) => {
      expect(await ask(url, true)).toBe('NETWORK_URL_REFUSED');
    },
  );

  it('looks at where the connection really goes, whatever a name was said to mean', async () => {
    const client = clientFor(trustIn(), { dial: dialLoopback });
    const url = `https://hooks.example.com:${port}/`;
    const reply = client.request({ url, timeoutMs: 2000, allowsAddress: isPublicAddress });
    expect(await outcomeOf(reply)).toBe('NETWORK_ADDRESS_REFUSED');
  });

  it('does not hand to a proxy what is known to lead inside', async () => {
    const environment = { HTTPS_PROXY: `http://127.0.0.1:${port}` };
    const client = clientFor(trustIn(), { environment });
    for (const host of ['10.0.0.1', '[::ffff:10.0.0.1]', '169.254.169.254'])
      expect(
        await outcomeOf(client.request({ url: `https://${host}/`, timeoutMs: 2000, allowsAddress: isPublicAddress })),
      ).toBe('NETWORK_ADDRESS_REFUSED');
    expect(connections).toBe(0);
    await outcomeOf(client.request({ url: 'https://10.0.0.1/', timeoutMs: 2000 }));
    expect(connections).toBe(1);
  });

  it('follows no redirect', async () => {
    const { authority } = await world.http((_request, response) => {
      response.writeHead(302, { location: `http://127.0.0.1:${port}/inside` }).end();
    });
    const reply = clientFor(trustIn()).request({ url: `http://${authority}/`, allowsAddress: () => true });
    expect(await outcomeOf(reply)).toBe('HTTP 302');
    expect(connections).toBe(0);
  });
});
