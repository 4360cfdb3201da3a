/** The HTTP API in trouble: the database fails, the service ends, its settings change, and bodies are large. */
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Secret } from '@postbearer/core';
import { connectRemoteControl } from '@postbearer/server';
import { afterEach, describe, expect, test } from 'vitest';
import { ApiWorld } from '../setup/api-world.ts';

/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 25_000 };

let world: ApiWorld;

afterEach(async () => {
  await world.close();
});

describe('large messages', () => {
  test('are streamed in every form: memory grows by far less than they hold', async () => {
    world = await ApiWorld.start();
    const key = await world.addKey();
    const { mailbox } = world.emulator.defaults;
    await world.server.control.holdLane({ lane: `default/${mailbox}`, sender: '', actor: 'test' });
    const line = Buffer.from(`${'x'.repeat(76)}\r\n`.repeat(800));
    const head = Buffer.from(`From: ${mailbox}\r\nTo: a@example.com\r\n\r\n`);
    const whole = [head, ...Array.from({ length: 480 }, () => line)];
    const file = Array.from({ length: 360 }, () => line);
    const open =
      '--b\r\nContent-Disposition: form-data; name="message"\r\n\r\n{"to":"a@example.com"}\r\n--b\r\nContent-Disposition: form-data; name="attachments"; filename="a.bin"\r\nContent-Type: application/octet-stream\r\n\r\n';
    const form = [Buffer.from(open), ...file, Buffer.from('\r\n--b--\r\n')];
    const send = async (body: readonly Uint8Array[], type: string): Promise<number> => {
      const answer = await world.ask('/v1/messages', { key, body, headers: { 'content-type': type } });
      await answer.arrayBuffer();
      return answer.status;
    };
    expect(await send(whole, 'message/rfc822')).toBe(202);
    expect(await send(form, 'multipart/form-data; boundary=b')).toBe(202);
    let peak = 0;
    const before = process.memoryUsage().rss;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss - before);
    }, 20);
    const sent = await Promise.all(
      Array.from({ length: 6 }, async (_, at) =>
        at % 2 === 0 ? await send(whole, 'message/rfc822') : await send(form, 'multipart/form-data; boundary=b'),
      ),
    );
    clearInterval(watch);
    expect(sent).toEqual(Array.from({ length: 6 }, () => 202));
    // Six messages of 30 MB; the clients are in this process as well.
    expect(peak).toBeLessThan(150 * 1024 * 1024);
    expect(await readdir(join(world.folder, 'data', 'uploads'))).toEqual([]);
    expect(world.errors).toEqual([]);
  }, 120_000);

  test('that break off leave nothing behind and are no failure of ours', async () => {
    world = await ApiWorld.start();
    const key = await world.addKey();
    const parts = 'Content-Disposition: form-data; name="attachments"; filename="a"';
    const begun: readonly (readonly [string, string])[] = [
      ['message/rfc822', 'To: a@example.com\r\n\r\n'],
      ['multipart/form-data; boundary=b', `--b\r\n${parts}\r\n\r\n`],
      ['application/json', '{"to": "'],
    ];
    for (const [type, beginning] of begun) {
      const headers = { authorization: `Bearer ${key}`, 'content-type': type };
      const asked = request(`${world.url}/v1/messages`, { method: 'POST', headers, agent: false });
      const over = once(asked, 'error');
      asked.write(beginning);
      for (let at = 0; at < 20; at += 1) {
        asked.write(Buffer.alloc(100_000, 'x'));
        await wait(5);
      }
      asked.destroy(new Error('The client breaks off.'));
      await over;
    }
    const left = async (): Promise<readonly string[]> =>
      await readdir(join(world.folder, 'data', 'uploads')).catch(() => []);
    await expect.poll(left, WAIT).toEqual([]);
    const listed = await world.server.control.listMessages({ filter: {}, page: {} });
    expect(listed).toMatchObject({ ok: true, value: { messages: [] } });
    expect(world.errors).toEqual([]);
  });
});

describe('the end of the service', () => {
  test('ends streams at once, and a request that is being answered is answered', async () => {
    world = await ApiWorld.start();
    const key = await world.addKey({ name: 'reader', scopes: ['read'] });
    const stream = await fetch(`${world.url}/v1/events`, { headers: { authorization: `Bearer ${key}` } });
    const reader = stream.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe(': still here\n\n');
    const begun = performance.now();
    const closing = world.server.close({ graceMs: 20_000 });
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read());
    await closing;
    expect(performance.now() - begun).toBeLessThan(10_000);
    await expect(fetch(`${world.url}/health/ping`)).rejects.toThrow();
  });
});

describe('an operation that answers piece by piece', () => {
  test('is ended with the service, whatever happens meanwhile', async () => {
    world = await ApiWorld.start();
    const [admin, key] = [
      await world.addKey({ name: 'admin', scopes: ['admin'], mailboxes: [] }),
      await world.addKey(),
    ];
    const connected = connectRemoteControl({ url: world.url, key: Secret.of(admin), environment: {} });
    if (!connected.ok) throw new Error(connected.fault.message);
    const traced = await connected.value.trace({ wanted: '' });
    if (!traced.ok) throw new Error(traced.fault.message);
    const follower = fetch(`${world.url}/v1/events`, { headers: { authorization: `Bearer ${admin}` } });
    const stream = (await follower).body?.getReader();
    for (let at = 0; at < 5; at += 1)
      await (await world.ask('/v1/messages', { key, json: { to: 'ann@example.com' } })).json();
    const items: unknown[] = [];
    const following = (async (): Promise<void> => {
      for await (const item of traced.value) items.push(item);
    })();
    const ended = expect(following).rejects.toThrow();
    await expect.poll(() => items.length, WAIT).toBeGreaterThan(5);
    // What ends with the service is told to those who still listen, or to nobody; it must not be written behind an end.
    await world.server.close({ graceMs: 1000 });
    await ended;
    await stream?.cancel().catch(() => undefined);
    expect(world.errors).toEqual([]);
  });
});

describe('an operation that answers piece by piece for a key that is revoked', () => {
  test('is ended before its next piece', async () => {
    world = await ApiWorld.start();
    const [admin, key] = [
      await world.addKey({ name: 'admin', scopes: ['admin'], mailboxes: [] }),
      await world.addKey(),
    ];
    const connected = connectRemoteControl({ url: world.url, key: Secret.of(admin), environment: {} });
    const traced = connected.ok ? await connected.value.trace({ wanted: '' }) : connected;
    if (!traced.ok) throw new Error(traced.fault.message);
    await world.server.control.revokeKey({ name: 'admin', actor: 'test' });
    await (await world.ask('/v1/messages', { key, json: { to: 'ann@example.com' } })).json();
    const items: unknown[] = [];
    await expect(
      (async (): Promise<void> => {
        for await (const item of traced.value) items.push(item);
      })(),
    ).rejects.toMatchObject({ fault: { code: 'SERVICE_ANSWER_CUT' } });
    expect(items).toEqual([]);
  });
});

describe('a stream of events', () => {
  test('tells what becomes of a message, to a follower that begins before it', async () => {
    world = await ApiWorld.start();
    const key = await world.addKey({ scopes: ['send', 'read'] });
    const stream = await fetch(`${world.url}/v1/events`, { headers: { authorization: `Bearer ${key}` } });
    expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    const answer = await world.ask('/v1/messages', { key, json: { to: 'ann@example.com', subject: 'Event' } });
    const { id } = (await answer.json()) as { id: string };
    let heard = '';
    for await (const part of stream.body ?? []) {
      heard += Buffer.from(part).toString();
      if (/event: message\.settled\ndata: .*\n\n/.test(heard)) break;
    }
    expect(heard).toMatch(new RegExp(`event: message\\.queued\\ndata: .*"id":"${id}"`));
    expect(heard).toMatch(new RegExp(`event: message\\.settled\\ndata: .*"state":"delivered"`));
  });
});

describe('what a key may have waiting and hand in', () => {
  test('is asked before the bytes, told with the time to come again, and felt by no other', async () => {
    world = await ApiWorld.start({ appLimits: { queuedMessages: 2, messagesPerMinute: 5, recipientsPerMinute: 100 } });
    const [key, other] = [await world.addKey(), await world.addKey({ name: 'other' })];
    await world.server.control.holdLane({
      lane: `default/${world.emulator.defaults.mailbox}`,
      sender: '',
      actor: 'test',
    });
    const send = async (by: string, json: object = { to: 'a@example.com' }): Promise<[number, string, boolean]> => {
      const answer = await world.ask('/v1/messages', { key: by, json });
      const body = (await answer.json()) as { code?: string };
      return [answer.status, body.code ?? '', Number(answer.headers.get('retry-after')) > 0];
    };
    const taken = [202, '', false];
    expect([await send(key), await send(key)]).toEqual([taken, taken]);
    expect(await send(key)).toEqual([429, 'MESSAGE_QUOTA_REACHED', true]);
    expect(await send(other)).toEqual(taken);
    const batch = await world.ask('/v1/messages/batch', { key, json: { messages: [{ to: 'a@example.com' }] } });
    expect(await batch.json()).toMatchObject({
      results: [{ status: 429, problem: { code: 'MESSAGE_QUOTA_REACHED' } }],
    });
    const many = Array.from({ length: 101 }, (_, at) => `${at}@example.com`);
    expect(await send(other, { to: many })).toEqual([429, 'MESSAGE_RATE_REACHED', true]);
    expect(await send(other)).toEqual(taken);
    expect(world.events.filter(({ name }) => name === 'submission.refused').length).toBe(3);
    expect(world.errors).toEqual([]);
  });
});
