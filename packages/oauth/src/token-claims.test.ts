import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeTokenClaims } from './index.ts';

const jwt = (payload: unknown): string =>
  ['{"alg":"none"}', JSON.stringify(payload), 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');

describe('the claims of a token', () => {
  it('are those that explain a failure', () => {
    const claims = {
      aud: 'https://outlook.office365.com',
      iss: 'https://sts.windows.net/tenant/',
      appid: 'app',
      tid: 'tenant',
      oid: 'object',
      roles: ['SMTP.SendAsApp'],
      exp: 1_795_500_000,
      ver: '1.0',
    };
    expect(decodeTokenClaims(jwt({ ...claims, uti: 'left out', xms: { deep: true } }))).toEqual(claims);
    expect(decodeTokenClaims(jwt({ azp: 'app', scp: 'SMTP.Send', aud: ['a', 'b'] }))).toEqual({
      azp: 'app',
      scp: 'SMTP.Send',
      aud: ['a', 'b'],
    });
  });

  it('of another type than they should have are left out', () => {
    expect(decodeTokenClaims(jwt({ aud: 5, roles: 'SMTP.SendAsApp', tid: null, exp: '5', appid: {} }))).toEqual({});
    expect(decodeTokenClaims(jwt({ roles: ['a', 5] }))).toEqual({});
    expect(decodeTokenClaims(jwt(JSON.parse('{"__proto__":{"tid":"x"}}')))).toEqual({});
  });

  it('cannot break a line', () => {
    expect(decodeTokenClaims(jwt({ tid: 'a\r\nb', roles: ['\u001b[2J'] }))).toEqual({
      tid: 'a\\x0d\\x0ab',
      roles: ['\\x1b[2J'],
    });
  });

  it('are none where there is no JWT', () => {
    const none = [
      '',
      'opaque',
      'a.b',
      'a.b.c',
      'a.b.c.d',
      'a.e30.c.d.e',
      `${'a'.repeat(70_000)}.e30.c`,
      jwt([1]),
      jwt(null),
    ];
    expect(none.map(decodeTokenClaims)).toEqual(none.map(() => undefined));
  });

  it('never throw, whatever the token is', () => {
    const parts = fc.array(
      fc.oneof(
        fc.string(),
        fc.base64String(),
        fc.json().map((text) => Buffer.from(text).toString('base64url')),
      ),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(parts, (some) => {
        expect(typeof decodeTokenClaims(some.join('.'))).toMatch(/object|undefined/);
      }),
      { numRuns: 2000 },
    );
  });
});
