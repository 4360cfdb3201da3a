/** The token endpoint against replies of a real tenant: same status, same members in the same order, same texts. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmulator, type Emulator } from '../index.ts';
import { CAPTURED_REPLIES, shapeOf, type CapturedReply } from '../testing/captured-replies.ts';
import { askToken, type TestAnswer, type TokenFields } from '../testing/https-client.ts';

type Name = keyof typeof CAPTURED_REPLIES;

const REQUESTS: Readonly<Record<Name, TokenFields>> = {
  granted: {},
  wrongSecret: { client_secret: 'not-the-secret' },
  unknownResource: { scope: 'api://not-a-registered-resource/.default' },
  emptyClientId: { client_id: '00000000-0000-0000-0000-000000000000' },
  unknownGrant: { grant_type: 'no_such_grant' },
};
const NAMES = Object.keys(REQUESTS) as Name[];

// Captures in their original files, where somebody keeps them beside the repository.
const ORIGINALS = join(import.meta.dirname, '../../../../../shared/captured/entra');

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.close());

function expectSame(answer: TestAnswer, captured: Omit<CapturedReply, 'file'>): void {
  const known = { 'daemon-app-id': emulator.defaults.clientId, 'tenant-id': emulator.defaults.tenantId };
  expect(answer.status).toBe(captured.status);
  const shape = shapeOf(answer.json, known);
  expect(shape).toEqual(captured.body);
  expect(Object.keys(shape)).toEqual(Object.keys(captured.body));
}

describe('replies of the token endpoint', () => {
  it.each(NAMES)('have exactly the captured shape: %s', async (name) => {
    expectSame(await askToken(emulator, REQUESTS[name]), CAPTURED_REPLIES[name]);
  });

  it('would not pass with another text, another member or another order', async () => {
    const answer = await askToken(emulator, REQUESTS.wrongSecret);
    const { body } = CAPTURED_REPLIES.wrongSecret;
    const spoiled: readonly Readonly<Record<string, unknown>>[] = [
      { ...body, error_description: 'AADSTS7000215: Wrong.' },
      { ...body, claims: '{}' },
      Object.fromEntries(Object.entries(body).toReversed()),
    ];
    for (const other of spoiled) expect(() => expectSame(answer, { status: 401, body: other })).toThrow();
    expect(() => expectSame(answer, { status: 400, body })).toThrow();
  });
});

describe.skipIf(!existsSync(ORIGINALS))('the original captures', () => {
  it.each(NAMES)('say the same as the shapes written down here: %s', async (name) => {
    const { file, status, body } = CAPTURED_REPLIES[name];
    const original: unknown = JSON.parse(readFileSync(join(ORIGINALS, file), 'utf8'));
    expect(original).toMatchObject({ response: { status, body } });
    expectSame(await askToken(emulator, REQUESTS[name]), { status, body });
  });
});
