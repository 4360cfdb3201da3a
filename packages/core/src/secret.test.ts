import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { canaryPassword } from '../../../tests/setup/canaries.ts';
import { Secret } from './index.ts';

describe('a secret', () => {
  const secret = Secret.of(canaryPassword);

  it('is given out only when asked for', () => {
    expect(secret.reveal()).toBe(canaryPassword);
    expect(secret.isEmpty).toBe(false);
    expect(Secret.of('').isEmpty).toBe(true);
  });

  it.each<[string, () => string]>([
    ['concatenation', () => ['password', secret].join('=')],
    ['String()', () => String(secret)],
    ['JSON', () => JSON.stringify({ password: secret })],
    ['inspect', () => inspect({ password: secret }, { depth: 9, showHidden: true })],
    ['an error', () => new Error(`wrong: ${String(secret)}`).message],
    ['its keys', () => JSON.stringify([Object.entries(secret), Object.getOwnPropertyNames(secret)])],
    ['a copy', () => inspect(structuredClone(Object.assign({}, secret)))],
  ])('does not show in %s', (_where, show) => {
    expect(show().includes(canaryPassword)).toBe(false);
  });

  it('would show as a plain text', () => {
    expect(JSON.stringify({ password: 'plain' })).toContain('plain');
  });
});
