import { describe, expect, it } from 'vitest';
import { defineFaults, failure, success } from './index.ts';

const faults = defineFaults({
  SMTP_EXAMPLE: {
    title: 'No answer',
    message: '{host} did not answer on port {port}.',
    cause: 'A firewall near {host} drops the packets.',
    remedy: { steps: ['Open port {port} to {host}.', 'Try again.'], command: 'postbearer verify --server {host}' },
    next: 'retry',
    source: 'RFC 5321 section 4.5.3.2',
    read: '2026-11-24',
  },
  SMTP_PLAIN: { title: 'Plain', message: 'Plain.', cause: 'Plain.', remedy: { steps: [] }, next: 'give-up' },
});

describe('a fault', () => {
  it('has its wording filled with the values of the case, everywhere', () => {
    expect(faults.make('SMTP_EXAMPLE', { host: 'smtp.example', port: 587 })).toEqual({
      code: 'SMTP_EXAMPLE',
      title: 'No answer',
      message: 'smtp.example did not answer on port 587.',
      cause: 'A firewall near smtp.example drops the packets.',
      remedy: {
        steps: ['Open port 587 to smtp.example.', 'Try again.'],
        command: 'postbearer verify --server smtp.example',
      },
      next: 'retry',
    });
  });

  it('shows a value that is not known as a place holder of a manual', () => {
    const { message } = faults.make('SMTP_EXAMPLE', { host: '', port: undefined });
    expect(message).toBe('<host> did not answer on port <port>.');
  });

  it('flattens and cuts foreign values', () => {
    const { message } = faults.make('SMTP_EXAMPLE', { host: 'a\r\nb', port: 'x'.repeat(100_000) });
    expect(message).toContain(String.raw`a\x0d\x0ab did not answer`);
    expect(message.length).toBeLessThan(500);
  });

  it('does not read a value as a template', () => {
    const { message } = faults.make('SMTP_EXAMPLE', { host: '{port} $& $1', port: 1 });
    expect(message).toBe('{port} $& $1 did not answer on port 1.');
  });

  it('carries what the case adds, and no empty fields', () => {
    expect(faults.make('SMTP_PLAIN', {}, { during: 'sending', retryAfterMs: 1000, reported: 'SMTP_EXAMPLE' })).toEqual({
      code: 'SMTP_PLAIN',
      title: 'Plain',
      message: 'Plain.',
      cause: 'Plain.',
      remedy: { steps: [] },
      next: 'give-up',
      during: 'sending',
      retryAfterMs: 1000,
      reported: 'SMTP_EXAMPLE',
    });
  });
});

describe('a result', () => {
  it('is told apart by ok', () => {
    expect(success(1)).toEqual({ ok: true, value: 1 });
    const fault = faults.make('SMTP_PLAIN');
    expect(failure(fault)).toEqual({ ok: false, fault });
  });
});
