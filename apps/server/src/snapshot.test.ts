import { Secret } from '@postbearer/core';
import { settingsFromObject, type Settings } from '@postbearer/settings';
import { describe, expect, it } from 'vitest';
import { changedKeys, RESTART_KEYS, saysTheSame, snapshotOf } from './snapshot.ts';

type Json = Readonly<Record<string, unknown>>;

function settingsOf(postbearer: Json = {}, smtp: Json = {}, root: Json = {}): Settings {
  const server = { server: 'mail.example.net', username: 'a@example.net', password: 'one', ...smtp };
  const { settings, findings } = settingsFromObject({ smtp: server, postbearer, ...root });
  if (settings === undefined) throw new Error(JSON.stringify(findings));
  return settings;
}

describe('the keys that changed', () => {
  it.each<[string, Settings, readonly string[]]>([
    ['nothing', settingsOf(), []],
    ['a secret', settingsOf({}, { password: 'two' }), ['smtp']],
    ['a secret that moved into a file', settingsOf({}, { password: { file: '/x' } }), ['smtp']],
    ['the log level', settingsOf({}, {}, { LOG_LEVEL: 'Debug' }), ['LOG_LEVEL']],
    ['an upstream more', settingsOf({ upstreams: { test: { server: 'x.net' } } }), ['postbearer.upstreams.test']],
    ['a mailbox more', settingsOf({ mailboxes: { 'b@x.net': {} } }), ['postbearer.mailboxes.b@x.net']],
    ['a listener', settingsOf({ relay: { listeners: [{ port: 25 }] } }), ['postbearer.relay.listeners']],
    ['the name of the node', settingsOf({ node: 'a' }), ['postbearer.node']],
    ['the database', settingsOf({ database: { url: 'postgresql://a/b' } }), ['postbearer.database.url']],
    [
      'two of one section',
      settingsOf({ queue: { bodyDays: 1, recordDays: 2 } }),
      ['postbearer.queue.bodyDays', 'postbearer.queue.recordDays'],
    ],
  ])('%s', (_, after, expected) => {
    expect(changedKeys(settingsOf(), after)).toEqual(expected);
    // And back again.
    expect(changedKeys(after, settingsOf())).toEqual(expected);
  });

  it('that count after a restart are keys of the settings', () => {
    const all = settingsOf({
      dataFolder: '/x',
      node: 'a',
      database: { url: 'postgresql://a/b' },
      log: { file: '/y' },
    });
    expect(changedKeys(settingsOf(), all).toSorted()).toEqual(RESTART_KEYS.toSorted());
  });
});

describe('saying the same', () => {
  it('looks into secrets, and takes nothing for an empty object', () => {
    expect(saysTheSame({ a: [Secret.of('x')] }, { a: [Secret.of('x')] })).toBe(true);
    expect(saysTheSame(Secret.of('x'), Secret.of('y'))).toBe(false);
    expect(saysTheSame(Secret.of('x'), {})).toBe(false);
    expect(saysTheSame({}, undefined)).toBe(false);
    expect(saysTheSame({ a: 1 }, { a: 1, b: undefined })).toBe(false);
    expect(saysTheSame([1, 2], [2, 1])).toBe(false);
  });
});

describe('a snapshot', () => {
  it('has what the program says in place of what the settings say, and the rest from them', () => {
    const settings = settingsOf({
      relay: { hostname: 'a.example', listeners: [{ port: 25 }], maxRecipients: 7 },
      notices: { to: 'a@x.net' },
      queue: { uncertain: 'stop' },
    });
    const plain = snapshotOf(settings, {});
    expect(plain).toMatchObject({ hostname: 'a.example', dialogue: false });
    expect(plain.service.relay).toMatchObject({ maxRecipients: 7, listeners: [{ port: 25 }] });
    const said = snapshotOf(settings, { hostname: 'b.example', listeners: [], queue: { uncertain: 'ask' } });
    expect(said.hostname).toBe('b.example');
    expect(said.service.relay.listeners).toEqual([]);
    expect(said.service.queue).toMatchObject({ uncertain: 'ask', bodyDays: 3 });
    expect(said.service.notices).toEqual({ to: 'a@x.net' });
  });
});
