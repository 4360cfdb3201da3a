import { Secret } from '@postbearer/core';
import { describe, expect, it } from 'vitest';
import { openDatabase } from './index.ts';
import { connectionSettings } from './postgresql/connection-settings.ts';
import { codeOf, must } from './testing/databases.ts';

const read = (url: string): ReturnType<typeof connectionSettings> => connectionSettings(Secret.of(url));

describe('a database URL', () => {
  it('names host, port, database and user', () => {
    const { config, label } = must(read('postgresql://mail:p%40ss@db.example.com:6432/post%20bearer'));
    expect(config).toMatchObject({
      host: 'db.example.com',
      port: 6432,
      user: 'mail',
      password: 'p@ss',
      database: 'post bearer',
      application_name: 'postbearer',
    });
    expect(label).toBe('db.example.com:6432/post bearer');
  });

  it('may name a Unix socket', () => {
    const { config } = must(read('postgresql:///mail?host=/run/postgresql'));
    expect(config).toMatchObject({ host: '/run/postgresql', port: 5432, database: 'mail', ssl: false });
  });

  it.each([
    ['postgresql://u@db.example.com/mail', { rejectUnauthorized: true }],
    ['postgresql://u@db.example.com/mail?sslmode=require', { rejectUnauthorized: true }],
    ['postgresql://u@db.example.com/mail?sslmode=verify-full', { rejectUnauthorized: true }],
    ['postgresql://u@localhost/mail?sslmode=verify-full', { rejectUnauthorized: true }],
    ['postgresql://u@db.example.com/mail?sslmode=disable', false],
    ['postgresql://u@127.0.0.1/mail', false],
    ['postgresql://u@[::1]/mail', false],
    ['postgresql://u@127.0.0.1.example.com/mail', { rejectUnauthorized: true }],
  ])('%s is encrypted: %j', (url, ssl) => {
    expect(must(read(url)).config.ssl).toEqual(ssl);
  });

  it.each([
    ['mysql://u@h/d', 'it does not begin with postgresql:// or is no URL'],
    ['db.example.com', 'it does not begin with postgresql:// or is no URL'],
    ['postgresql:///mail', 'it names no host'],
    ['postgresql://h', 'it names no database'],
    ['postgresql://h/d?sslmode=prefer', 'sslmode must be verify-full, require or disable'],
    ['postgresql://h/d?sslmode=no-verify', 'sslmode must be verify-full, require or disable'],
    ['postgresql://h/d?ssl=0', '"ssl" is not one of host, sslmode, sslrootcert, application_name'],
    ['postgresql://h/d?sslrootcert=/no/such/file', 'its certificate file cannot be read'],
  ])('%s is refused', (url, reason) => {
    const refused = read(url);
    expect(codeOf(refused)).toBe('DATABASE_URL_INVALID');
    expect(refused.ok ? '' : refused.fault.message).toContain(reason);
  });

  it('is never shown with its password', async () => {
    for (const url of [
      'postgresql://u:hunter2-secret@127.0.0.1:1/d',
      'postgresql://u:hunter2-secret@h/d?x=1',
      'x://u:hunter2-secret@h/d',
    ]) {
      const refused = await openDatabase({ url: Secret.of(url) });
      expect(refused.ok).toBe(false);
      expect(JSON.stringify(refused)).not.toContain('hunter2');
    }
  });
});
