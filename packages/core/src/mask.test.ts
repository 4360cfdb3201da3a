import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canaryClientSecret, canaryPassword } from '../../../tests/setup/canaries.ts';
import { createScrubber } from './index.ts';

function scrub(secret: string, text: string): string {
  const scrubber = createScrubber();
  scrubber.add('secret', secret);
  return scrubber.scrub(text);
}

/** The secret in base64 with `before` bytes in front and some behind. */
function inBase64(secret: string, before: number, encoding: 'base64' | 'base64url' = 'base64'): string {
  return Buffer.from(`${'x'.repeat(before)}${secret}yyy`).toString(encoding);
}

describe('a scrubber', () => {
  it('leaves a text alone that holds no secret', () => {
    expect(scrub(canaryPassword, '535 5.7.3 Authentication unsuccessful')).toBe(
      '535 5.7.3 Authentication unsuccessful',
    );
  });

  it('blanks a secret everywhere it stands', () => {
    expect(scrub(canaryPassword, `a ${canaryPassword} b ${canaryPassword}`)).toBe('a [secret] b [secret]');
  });

  it.each([0, 1, 2, 3, 4, 5])('blanks a secret in base64 with %i bytes before it', (before) => {
    for (const encoding of ['base64', 'base64url'] as const) {
      const text = scrub(canaryClientSecret, `AUTH PLAIN ${inBase64(canaryClientSecret, before, encoding)}`);
      expect(text).toContain('[secret]');
      // What is left of the secret is at most the characters that it shares with its neighbours.
      expect(text.replace('[secret]', '').length).toBeLessThan('AUTH PLAIN '.length + 6 + (before * 4) / 3 + 6);
    }
  });

  it('blanks a secret in the body of a form, also as forms encode it', () => {
    const body = new URLSearchParams({ client_secret: canaryClientSecret, grant_type: 'x' }).toString();
    expect(scrub(canaryClientSecret, body)).toBe('client_secret=[secret]&grant_type=x');
    expect(scrub(canaryPassword, `?password=${encodeURIComponent(canaryPassword)}`)).toBe('?password=[secret]');
    const lowerCaseDigits = encodeURIComponent(canaryPassword).replaceAll(/%../g, (code) => code.toLowerCase());
    expect(scrub(canaryPassword, `?password=${lowerCaseDigits}`)).toBe('?password=[secret]');
  });

  it('blanks a secret inside a JSON text', () => {
    const secret = 'quote " and \\ backslash';
    expect(scrub(secret, JSON.stringify({ secret }))).toBe('{"secret":"[secret]"}');
  });

  it('blanks a secret outside ASCII in base64 and URL encoding', () => {
    const secret = 'Straße-密码-🙂';
    expect(scrub(secret, inBase64(secret, 1))).toContain('[secret]');
    expect(scrub(secret, encodeURIComponent(secret))).toBe('[secret]');
  });

  it('blanks the longer of two secrets that begin alike', () => {
    const scrubber = createScrubber();
    scrubber.add('short', 'abcdefgh');
    scrubber.add('long', 'abcdefgh-and-more');
    expect(scrubber.scrub('x abcdefgh-and-more y abcdefgh')).toBe('x [secret] y [secret]');
  });

  it('ignores what is too short to be a secret, or it would blank ordinary words', () => {
    expect(scrub('', 'abc')).toBe('abc');
    expect(scrub('relay', 'the relay answered')).toBe('the relay answered');
  });

  it('forgets a secret when another takes its name', () => {
    const scrubber = createScrubber();
    scrubber.add('token', 'first-token');
    scrubber.add('token', 'second-token');
    expect(scrubber.scrub('first-token second-token')).toBe('first-token [secret]');
  });

  it('blanks what was cut off a secret, from 16 characters on', () => {
    const token = `${canaryClientSecret}-and-a-long-rest-of-it`;
    for (const form of [token, Buffer.from(`user=a${token}`).toString('base64').slice(8), encodeURIComponent(token)]) {
      for (const length of [16, 25, form.length - 6])
        expect(scrub(token, `said ${form.slice(4, 4 + length)}|`)).toBe('said [secret]|');
    }
    expect(scrub(token, token.slice(0, 15))).toBe(token.slice(0, 15));
  });

  it('blanks a secret that is divided over lines in each of them', () => {
    const scrubber = createScrubber();
    scrubber.add('secret', canaryClientSecret);
    const lines = ['first', `you said ${canaryClientSecret.slice(0, 9)} `, ` ${canaryClientSecret.slice(9)} bad`];
    expect(scrubber.scrubLines(lines)).toEqual(['first', 'you said [secret]', '[secret] bad']);
    // Each line alone would not be known.
    expect(scrubber.scrub(lines[1] ?? '')).toBe(lines[1]);
    expect(scrubber.scrubLines([' nothing ', 'here'])).toEqual([' nothing ', 'here']);
  });

  it('takes half of a surrogate pair for what an encoder makes of it', () => {
    expect(() => scrub('secret-\ud800-secret', 'text')).not.toThrow();
  });

  it('leaves no secret in any of its forms, whatever stands around it', () => {
    const secrets = fc.string({ unit: 'grapheme', minLength: 8, maxLength: 40 });
    fc.assert(
      fc.property(secrets, fc.nat(5), fc.string({ maxLength: 10 }), (secret, before, around) => {
        for (const form of [
          secret,
          encodeURIComponent(secret),
          new URLSearchParams([['', secret]]).toString().slice(1),
        ]) {
          expect(scrub(secret, `${around}${form}${around}`)).toContain('[secret]');
        }
        expect(scrub(secret, inBase64(secret, before))).toContain('[secret]');
      }),
    );
  });
});
