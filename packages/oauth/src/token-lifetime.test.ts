/** When a token ends, where the endpoint says it, says it oddly, or does not say it. */
import { describe, expect, it } from 'vitest';
import { oneLine } from '@postbearer/core';
import { requestToken, type TokenRequestSources } from './index.ts';
import { handClock, reply, requestTo, withSecret } from './testing/world.ts';

const clock = handClock();
const NOW_S = clock.now() / 1000;
const SECRET = 'canary-secret-7dQxZp';

function jwt(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.c2ln`;
}

/** What comes of a reply with these members: the lifetime, or the fault in one line. */
async function outcomeOf(members: Readonly<Record<string, unknown>> | string, token = 'opaque'): Promise<string> {
  const body = typeof members === 'string' ? members : { token_type: 'Bearer', access_token: token, ...members };
  const http: TokenRequestSources['http'] = { request: () => Promise.resolve(reply(body)) };
  const result = await requestToken(requestTo('https://login.example.com/token', withSecret(SECRET)), { http, clock });
  if (result.ok) return `${(result.value.expiresAt - result.value.obtainedAt) / 1000} s`;
  const { code, message, remedy } = result.fault;
  return oneLine(`${code}: ${message} ${remedy.steps.join(' ')}`, 1000);
}

describe('a reply without expires_in', () => {
  it('is refused where nothing else says when the token ends', async () => {
    for (const members of [{}, { expires_in: null }, { expires_on: 'tomorrow' }])
      expect(await outcomeOf(members)).toMatch(/^OAUTH_EXPIRY_INVALID: .* expires_in is missing, and the token itself/);
    expect(await outcomeOf({}, jwt({ exp: 'soon' }))).toMatch(/^OAUTH_EXPIRY_INVALID/);
  });

  it('gives the lifetime that the token itself tells', async () => {
    expect(await outcomeOf({}, jwt({ exp: NOW_S + 3599 }))).toBe('3599 s');
    expect(await outcomeOf({ expires_in: null }, jwt({ exp: NOW_S + 3599 }))).toBe('3599 s');
    expect(await outcomeOf({}, jwt({ exp: NOW_S + 604_800 }))).toBe('86400 s');
  });

  it('is refused where the token has ended, as a matter of clocks', async () => {
    expect(await outcomeOf({}, jwt({ exp: NOW_S - 600 }))).toMatch(
      /^OAUTH_TOKEN_EXPIRED: .* by the clock of this machine, ended 600 s ago \(exp\)\. Check the clock/,
    );
    expect(await outcomeOf({}, jwt({ exp: NOW_S + 30 }))).toMatch(/^OAUTH_TOKEN_EXPIRED: .* ends in 30 s/);
    // Milliseconds in place of seconds.
    expect(await outcomeOf({}, jwt({ exp: (NOW_S + 3600) * 1000 }))).toMatch(/^OAUTH_EXPIRY_INVALID: .* 10 years away/);
  });
});

describe('expires_in', () => {
  it('counts alone where it is there', async () => {
    expect(await outcomeOf({ expires_in: 600 }, jwt({ exp: NOW_S - 600 }))).toBe('600 s');
    expect(await outcomeOf({ expires_in: 0 }, jwt({ exp: NOW_S + 3600 }))).toMatch(/^OAUTH_EXPIRY_INVALID/);
  });

  it.each([
    ['{"token_type":"Bearer","access_token":"a","expires_in":1e400}', 'expires_in is more than 10 years.'],
    ['{"token_type":"Bearer","access_token":"a","expires_in":-1e400}', 'expires_in is less than 60 seconds.'],
    [{ expires_in: 1e12 }, 'expires_in is more than 10 years.'],
    [{ expires_in: '1 hour' }, 'expires_in is "1 hour", which is no number of seconds.'],
    [{ expires_in: 59 }, 'expires_in is less than 60 seconds.'],
  ])('that is odd is named as it is, and nobody is sent to look at a clock: %j', async (members, words) => {
    const outcome = await outcomeOf(members);
    expect(outcome).toContain(words);
    expect(outcome).not.toContain('clock');
  });

  it('that echoes the secret does not show it', async () => {
    const outcome = await outcomeOf({ expires_in: { you_sent: SECRET } });
    expect(outcome).toContain('[secret]');
    expect(outcome).not.toContain(SECRET);
  });
});
