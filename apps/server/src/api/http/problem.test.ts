import { databaseFaults } from '@postbearer/database';
import { describe, expect, test } from 'vitest';
import { accessFaults } from '../../access/faults.ts';
import { deliveryFaults } from '../../delivery/faults.ts';
import { httpFaults } from '../faults.ts';
import { problemResponse, problemSchema, STATUS_OF, type Problem } from './problem.ts';

async function documentOf(response: Response): Promise<Problem> {
  return problemSchema.parse(await response.json());
}

describe('a problem document', () => {
  test('carries the fault, its status and where it is described', async () => {
    const fault = httpFaults.make('SERVICE_FIELDS_INVALID', { reason: 'x' });
    const response = problemResponse(fault, [{ pointer: '/to', detail: 'No.' }]);
    expect([response.status, response.headers.get('content-type')]).toEqual([422, 'application/problem+json']);
    expect(await response.json()).toEqual({
      type: '/docs#SERVICE_FIELDS_INVALID',
      title: fault.title,
      status: 422,
      detail: fault.message,
      code: fault.code,
      cause: fault.cause,
      remedy: fault.remedy,
      next: 'fix-message',
      errors: [{ pointer: '/to', detail: 'No.' }],
    });
  });

  test('tells nobody what happened inside: not where the database is, and not why it failed', async () => {
    for (const code of Object.keys(databaseFaults.definitions) as (keyof typeof databaseFaults.definitions)[]) {
      const values = { file: '/var/lib/secret.db', reason: 'SQLITE_CORRUPT', host: 'db.internal', url: 'db.internal' };
      const response = problemResponse(databaseFaults.make(code, values));
      const text = await response.text();
      expect(text, code).not.toMatch(/secret|SQLITE|internal/);
      expect(response.status, code).toBe(code === 'DATABASE_DISK_FULL' ? 507 : 503);
      expect(response.headers.get('retry-after'), code).toBe('5');
    }
    // The control: the fault itself says it.
    expect(databaseFaults.make('DATABASE_IN_USE', { file: '/var/lib/secret.db' }).message).toContain('secret');
  });

  test('says when to come again, in whole seconds and never none', () => {
    const wait = (retryAfterMs: number): string | null =>
      problemResponse(deliveryFaults.make('MESSAGE_RATE_REACHED', {}, { retryAfterMs })).headers.get('retry-after');
    expect([wait(0), wait(1), wait(1001), wait(60_000)]).toEqual(['1', '1', '2', '60']);
    expect(problemResponse(deliveryFaults.make('SERVICE_CLOSING')).headers.get('retry-after')).toBe('5');
    expect(problemResponse(httpFaults.make('SERVICE_REQUEST_IN_PROGRESS')).headers.get('retry-after')).toBe('1');
    expect(problemResponse(httpFaults.make('SERVICE_PATH_UNKNOWN')).headers.get('retry-after')).toBeNull();
  });

  test('asks for a key where there is none', () => {
    const response = problemResponse(accessFaults.make('ACCESS_KEY_WRONG'));
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="Postbearer"']);
  });

  test('has a status for each code that it names, and that code exists', () => {
    const known = new Set(
      [httpFaults, accessFaults, deliveryFaults, databaseFaults].flatMap(({ definitions }) => Object.keys(definitions)),
    );
    const foreign = Object.keys(STATUS_OF).filter((code) => !known.has(code) && !code.startsWith('QUEUE_'));
    expect(foreign).toEqual(['SERVICE_ANSWER_UNCLEAR']);
  });

  test('is held against its schema', async () => {
    await expect(documentOf(Response.json({ title: 'x' }))).rejects.toThrow();
    expect(await documentOf(problemResponse(httpFaults.make('SERVICE_BUSY')))).toMatchObject({ status: 503 });
  });
});
