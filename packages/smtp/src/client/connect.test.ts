import { once } from 'node:events';
import { createServer, type AddressInfo, type LookupFunction } from 'node:net';
import type { Fault } from '@postbearer/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates, type CertificateSet } from '../../../../tests/setup/certificates.ts';
import { clientFaults, connectSmtp, type ConnectOptions } from './index.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { servePeers } from './testing/peer-server.ts';
import { serveTranscripts } from './testing/transcript.ts';

let certificates: CertificateSet;
beforeAll(async () => {
  certificates = await makeCertificates();
});

const toLoopback: LookupFunction = (_, options, callback) => {
  if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

const failing =
  (code: string): LookupFunction =>
  (host, _, callback) =>
    callback(Object.assign(new Error(`${code} ${host}`), { code }), '', 0);

async function faultOf(options: Partial<ConnectOptions>): Promise<Fault> {
  const connected = await connectSmtp({ host: 'localhost', port: 1, security: 'starttls', ...options });
  if (connected.ok) {
    connected.value.close();
    throw new Error('connected');
  }
  return connected.fault;
}

describe('no connection', () => {
  it('because nothing listens', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    expect(await faultOf({ host: '127.0.0.1', port })).toMatchObject({
      code: 'SMTP_CONNECTION_REFUSED',
      next: 'retry',
      message: `127.0.0.1 refuses connections on port ${port}.`,
      evidence: { kind: 'network', host: '127.0.0.1', port, errorCode: 'ECONNREFUSED' },
    });
  });

  it('because the name does not exist, or cannot be looked up now', async () => {
    expect(await faultOf({ host: 'smtp.example.com', lookup: failing('ENOTFOUND') })).toMatchObject({
      code: 'SMTP_HOST_NOT_FOUND',
      message: 'The name smtp.example.com does not exist.',
      next: 'fix-configuration',
    });
    expect(await faultOf({ host: 'smtp.example.com', lookup: failing('EAI_AGAIN') })).toMatchObject({
      code: 'SMTP_NAME_LOOKUP_FAILED',
      next: 'retry',
    });
    expect(await faultOf({ host: 'smtp.example.com', lookup: failing('EHOSTUNREACH') })).toMatchObject({
      code: 'SMTP_UNREACHABLE',
      next: 'retry',
    });
  });

  it('in time', async () => {
    const clock = new ManualClock();
    const asked = Promise.withResolvers<void>();
    const waiting = faultOf({ clock, lookup: () => asked.resolve() });
    await asked.promise;
    clock.advance(29_999);
    clock.advance(1);
    expect(await waiting).toMatchObject({
      code: 'SMTP_CONNECT_TIMEOUT',
      message: 'localhost did not accept the connection within 30 s.',
      next: 'retry',
    });
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    ['a client name with a line break', { clientName: 'me\r\nMAIL FROM:<evil@example.com>' }, 'client name'],
    ['a client name with a space', { clientName: 'me SIZE=1' }, 'client name'],
    ['an empty client name', { clientName: '' }, 'client name'],
    ['a host with a space', { host: 'smtp example.com' }, 'host'],
    ['no host', { host: '' }, 'host'],
    ['port 0', { port: 0 }, 'port'],
    ['port 65536', { port: 65_536 }, 'port'],
    ['half a port', { port: 587.5 }, 'port'],
  ])('with %s', async (_, options, setting) => {
    const fault = await faultOf({ lookup: toLoopback, ...options });
    expect(fault.code).toBe('SMTP_OPTIONS_INVALID');
    expect(fault.message).toContain(`The setting ${setting} cannot be used`);
  });
});

describe('the name of the server', () => {
  const transcript = `
    TLS
    S: 220 ready
    C: EHLO client.example.com
    S: 250 mx.example.com`;
  const open = async (options: Partial<ConnectOptions>, identity = certificates.good) => {
    await using server = await serveTranscripts([transcript], { delivery: 'all at once', tls: identity });
    const connected = await connectSmtp({
      host: 'localhost',
      port: server.port,
      security: 'tls',
      clientName: 'client.example.com',
      lookup: toLoopback,
      tls: { ca: [certificates.trusted] },
      ...options,
    });
    if (connected.ok) connected.value.close();
    return connected.ok ? 'connected' : connected.fault.code;
  };

  it('must stand in its certificate, be it a name or an address', async () => {
    expect(await open({ host: 'smtp.example.com' })).toBe('connected');
    expect(await open({ host: '127.0.0.1' })).toBe('connected');
    expect(await open({ host: 'smtp.example.org' })).toBe('SMTP_CERTIFICATE_WRONG_HOST');
    expect(await open({ host: '127.0.0.1' }, certificates.otherHost)).toBe('SMTP_CERTIFICATE_WRONG_HOST');
  });

  it('may differ from the host where the settings say so', async () => {
    const tls = { ca: [certificates.trusted], servername: 'smtp.example.com' };
    expect(await open({ host: 'mx.internal', tls })).toBe('connected');
  });

  it('can be asked to prove itself with TLS 1.3', async () => {
    expect(await open({ tls: { ca: [certificates.trusted], minVersion: 'TLSv1.3' } })).toBe('connected');
  });
});

describe('what we call ourselves', () => {
  it('is a domain or an address literal where nothing is set', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    await using server = await servePeers(async (peer) => {
      peer.say('220 ready\r\n');
      resolve((await peer.line()) ?? '');
      peer.say('250 mx\r\n');
      await peer.over();
    });
    const connected = await connectSmtp({ host: '127.0.0.1', port: server.port, security: 'none' });
    expect(await promise).toMatch(/^EHLO (?:\[127\.0\.0\.1\]|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)$/);
    if (connected.ok) connected.value.close();
  });
});

describe('the catalogue of faults', () => {
  it.each(Object.entries(clientFaults.definitions))('%s is complete and fills its values', (code, definition) => {
    expect(definition.remedy.steps.length).toBeGreaterThan(0);
    expect(definition.source).toBeTruthy();
    const texts = [definition.message, definition.cause, ...definition.remedy.steps, definition.remedy.command ?? ''];
    const names = new Set(texts.flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '')));
    const values = Object.fromEntries([...names].map((name) => [name, 'value']));
    const fault = clientFaults.make(code as keyof typeof clientFaults.definitions, values);
    expect(JSON.stringify(fault)).not.toMatch(/[{<]\w+[}>]/);
  });
});

describe('the dialogue', () => {
  it('is told from the line on from which somebody wants it', async () => {
    const transcript = `
      S: 220 mx.example.com ready
      C: EHLO client.example.com
      S: 250 mx.example.com
      C: QUIT
      S: 221 bye`;
    await using server = await serveTranscripts([transcript], { delivery: 'all at once' });
    const lines: string[] = [];
    let isWanted = false;
    const connected = await connectSmtp({
      host: '127.0.0.1',
      port: server.port,
      security: 'none',
      clientName: 'client.example.com',
      dialogue: () => isWanted,
      onEvent: (event) => {
        if (event.name === 'smtp.dialogue') lines.push(`${event.from} ${event.text}`);
        if (event.name === 'smtp.connected') isWanted = true;
      },
    });
    if (!connected.ok) throw new Error(connected.fault.message);
    await connected.value.quit();
    await server.finished();
    expect(lines).toEqual(['client QUIT', 'server 221 bye']);
  });
});
