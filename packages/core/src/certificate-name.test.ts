import { expect, it } from 'vitest';
import { hasSubjectAltName } from './index.ts';

it.each([
  ['DNS:smtp.office365.com', true],
  ['DNS:smtp.office365.com, DNS:*.office365.com', true],
  ['IP Address:127.0.0.1', true],
  ['email:a@example.com, DNS:a.example', true],
  [undefined, false],
  ['', false],
  ['email:a@example.com', false],
  ['URI:https://DNS:x', false],
])('a certificate with the names %j is accepted: %s', (subjectaltname, expected) => {
  expect(hasSubjectAltName({ subjectaltname })).toBe(expected);
});
