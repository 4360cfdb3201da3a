/** Whatever is sent to the token endpoint, it answers like Entra and goes on. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmulator, type Emulator } from '../index.ts';
import { ask, askToken, defaultFields } from '../testing/https-client.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.close());

const json = fc.oneof(fc.string(), fc.double(), fc.constantFrom(null, true, [], {}, -1e300, 1e300, 8.64e15, '1e9'));
const segment = fc
  .dictionary(fc.constantFrom('alg', 'x5t', 'x5t#S256', 'iss', 'sub', 'aud', 'exp', 'nbf'), json)
  .map((value) => Buffer.from(JSON.stringify(value)).toString('base64url'));
const assertion = fc.tuple(segment, segment, fc.base64String()).map((parts) => parts.join('.'));
const own = fc.constantFrom('client_id', 'client_secret', 'scope', 'grant_type');
const changes = fc.record({
  client_secret: fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
  client_assertion: fc.option(fc.oneof(assertion, fc.string()), { nil: undefined }),
  client_assertion_type: fc.constantFrom(undefined, 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', 'x'),
  scope: fc.option(fc.string(), { nil: undefined }),
});

describe('the token endpoint', () => {
  it('answers every form with a token or one of its refusals', async () => {
    await fc.assert(
      fc.asyncProperty(changes, fc.subarray(['client_id', 'grant_type', 'scope']), async (fields, kept) => {
        const defaults = defaultFields(emulator);
        const restored = Object.fromEntries(kept.map((name) => [name, defaults[name]]));
        const answer = await askToken(emulator, { ...fields, ...restored });
        expect([400, 401]).toContain(answer.status);
        expect(answer.json).toMatchObject({ error: expect.any(String), error_codes: [expect.any(Number)] });
      }),
      { numRuns: 150 },
    );
  });

  it('answers every path, body and header, and a good request after it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.webPath(),
        fc.string({ unit: 'binary' }),
        fc.base64String(),
        own,
        async (path, body, basic, name) => {
          const headers = { 'content-type': 'application/x-www-form-urlencoded', authorization: `Basic ${basic}` };
          const tenant = encodeURIComponent(path.slice(0, 40));
          const answer = await ask(emulator, {
            method: 'POST',
            path: `/${tenant}/oauth2/v2.0/token`,
            headers,
            body: `${name}=${body}`,
          });
          expect(answer.status).toBe(400);
        },
      ),
      { numRuns: 100 },
    );
    expect((await askToken(emulator)).status).toBe(200);
  });

  it('refuses a body of more than a megabyte', async () => {
    expect((await askToken(emulator, { client_secret: 'x'.repeat(1024 * 1024 + 1) })).status).toBe(413);
    expect((await askToken(emulator)).status).toBe(200);
  });
});
