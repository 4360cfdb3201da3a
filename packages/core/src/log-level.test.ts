import { expect, it } from 'vitest';
import { isShown, LOG_LEVELS, parseLogLevel } from './index.ts';

it.each([
  ['Debug', 'Debug'],
  ['debug', 'Debug'],
  [' WARNING ', 'Warning'],
  ['info', 'Information'],
  ['Warn', 'Warning'],
  ['trace', 'Verbose'],
  ['Critical', 'Fatal'],
  ['', undefined],
  ['loud', undefined],
  ['constructor', undefined],
  ['__proto__', undefined],
])('reads %j as %s', (text, level) => {
  expect(parseLogLevel(text)).toBe(level);
});

it('shows what is as grave as the threshold, or graver', () => {
  const shown = LOG_LEVELS.filter((level) => isShown(level, 'Warning'));
  expect(shown).toEqual(['Warning', 'Error', 'Fatal']);
  expect(LOG_LEVELS.every((level) => isShown(level, 'Verbose'))).toBe(true);
});
