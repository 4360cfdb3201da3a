/**
 * 50,000 connections that begin with what is no SMTP: headers of proxies, other protocols, and damaged forms of them.
 *
 * No PROXY header is ever believed: whoever connects is who the socket says.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { runs } from '../../../../tests/setup/quick.ts';
import { collectingServer } from './testing/collecting-server.ts';
import { cutAt, somewhere, speak } from './testing/memory-client.ts';

const V2 = '\r\n\r\n\0\r\nQUIT\n';
const beginnings = fc.constantFrom(
  'PROXY TCP4 127.0.0.1 127.0.0.1 1 25\r\n',
  'PROXY TCP6 ::1 ::1 1 25\r\n',
  'PROXY UNKNOWN\r\n',
  `PROXY TCP4 ${'1'.repeat(200)}\r\n`,
  `${V2}!\u0011\0\u000c\u007f\0\0\u0001\u007f\0\0\u0001\0\u0001\0\u0019`,
  `${V2}\u0021\u0021\0\u0024${'\0'.repeat(36)}`,
  `${V2}\u0020\0\u00ff\u00ff`,
  'GET / HTTP/1.1\r\nHost: mail.example.com\r\n\r\n',
  'POST /v1/messages HTTP/1.1\r\nContent-Length: 9\r\n\r\nMAIL FROM',
  'SSH-2.0-x\r\n',
  '\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc\u0003\u0003',
  'XCLIENT ADDR=127.0.0.1\r\n',
  'XFORWARD NAME=localhost ADDR=127.0.0.1\r\n',
  '',
);
const damaged = fc
  .tuple(
    beginnings,
    fc.nat(60),
    fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  )
  .map(([text, at, bytes]) => text.slice(0, at) + bytes + text.slice(at));
const behind = fc.constantFrom(
  '',
  'EHLO a\r\nQUIT\r\n',
  'EHLO a\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n',
);

const REPLY = /^(?:[2-5]\d\d[ -].*\r\n)+$/;

it('are answered by the protocol, the same however they are split, and nobody becomes somebody else', async () => {
  const addresses = new Set<string>();
  let count = 0;
  const { server, messages, errors } = collectingServer({
    handler: {
      mail: ({ remoteAddress }) => {
        addresses.add(remoteAddress);
        return { code: 530, enhanced: '5.7.0', text: 'Authentication required' };
      },
    },
  });
  await fc.assert(
    fc.asyncProperty(damaged, behind, fc.nat(200), async (beginning, rest, at) => {
      const bytes = Buffer.from(beginning + rest, 'latin1');
      const whole = await speak(server, [bytes]);
      expect(whole).toMatch(REPLY);
      expect(await speak(server, cutAt(bytes, [at]))).toBe(whole);
      count += 2;
    }),
    { numRuns: runs(25_000) },
  );
  expect(count).toBe(2 * runs(25_000));
  expect([...addresses]).toEqual([somewhere.remoteAddress]);
  expect([messages, errors, server.connectionCount]).toEqual([[], [], 0]);
}, 120_000);
