import { describe, expect, it } from 'vitest';
import { allFaults } from './index.ts';

/** Codes that stand in the list more than once. */
function repeated(codes: readonly string[]): string[] {
  return codes.filter((code, index) => codes.indexOf(code) !== index);
}

describe('every fault of every package', () => {
  it('has a code of its own', () => {
    const codes = allFaults.map(({ code }) => code);
    expect(codes.length).toBeGreaterThan(150);
    expect(repeated(codes)).toEqual([]);
    // The control: two packages that chose the same code would be caught.
    expect(repeated([...codes, 'SMTP_HOST_NOT_FOUND'])).toEqual(['SMTP_HOST_NOT_FOUND']);
  });

  it.each(allFaults)('$code of $owner has a title, a sentence, a cause and a remedy', ({ code, definition }) => {
    const { title, message, cause, remedy, source, read } = definition;
    expect(code).toMatch(/^[A-Z0-9]+(?:_[A-Z0-9]+)+$/);
    expect(title).toMatch(/^\S.*[^.\s]$/);
    expect(message).toMatch(/[.?!}]$/);
    expect(cause).toMatch(/\.$/);
    expect(remedy.steps.length).toBeGreaterThan(0);
    for (const step of remedy.steps) expect(step.trim()).not.toBe('');
    // Knowledge from outside has its source; a source has the day it was read.
    if (code.startsWith('M365_')) expect(source).toBeTruthy();
    if (source !== undefined) expect(read).toMatch(/^\d{4}-\d\d-\d\d$/);
  });
});
