import { systemClock, type Clock } from '@postbearer/core';
import type { SendOutcome } from '@postbearer/mailer';
import { describe, expect, test } from 'vitest';
import { MailerSwitch } from './mailer-switch.ts';
import type { SendingMailer } from './way-mailer.ts';

/** A mailer that answers when it is told to, and closes when it has answered everything. */
class SlowMailer implements SendingMailer {
  readonly name: string;
  readonly asked: (() => void)[] = [];
  isClosed = false;
  #open = 0;
  #closed = Promise.withResolvers<void>();

  constructor(name: string) {
    this.name = name;
  }

  sendMessage = async (): Promise<SendOutcome> => {
    this.#open += 1;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.asked.push(resolve);
    await promise;
    this.#open -= 1;
    this.#end();
    return { ok: true, messageId: this.name, envelope: { sender: '', recipients: [] }, recipients: [] };
  };

  close = async (): Promise<void> => {
    this.isClosed = true;
    this.#end();
    await this.#closed.promise;
  };

  #end(): void {
    if (this.isClosed && this.#open === 0) this.#closed.resolve();
  }
}

/** A clock whose timers run when they are told to. */
function heldClock(): { clock: Clock; run: () => void; waiting: () => number } {
  const timers = new Set<() => void>();
  const clock: Clock = {
    ...systemClock,
    setTimer(callback) {
      timers.add(callback);
      return { cancel: () => void timers.delete(callback) };
    },
  };
  return { clock, run: () => timers.forEach((callback) => callback()), waiting: () => timers.size };
}

const ARGUMENTS = [{ envelope: { sender: '', recipients: [] }, content: new Uint8Array() }, {}] as const;

async function settled(): Promise<void> {
  await new Promise(setImmediate);
}

describe('a change of mailers', () => {
  test('lets the old one finish, and nothing goes through the new one before', async () => {
    const [old, next] = [new SlowMailer('old'), new SlowMailer('next')];
    const { clock, waiting } = heldClock();
    const both = new MailerSwitch(old, clock);
    const first = both.sendMessage(...ARGUMENTS);
    await settled();
    both.replace(next);
    const second = both.sendMessage(...ARGUMENTS);
    await settled();
    expect([old.asked.length, next.asked.length]).toEqual([1, 0]);
    old.asked[0]?.();
    expect((await first).messageId).toBe('old');
    await settled();
    expect(next.asked).toHaveLength(1);
    next.asked[0]?.();
    expect((await second).messageId).toBe('next');
    expect(waiting()).toBe(0);
    await both.close();
    expect(next.isClosed).toBe(true);
  });

  test('waits no longer than its time for a server that hangs, and closing waits for both', async () => {
    const [old, next] = [new SlowMailer('old'), new SlowMailer('next')];
    const { clock, run } = heldClock();
    const both = new MailerSwitch(old, clock);
    const first = both.sendMessage(...ARGUMENTS);
    await settled();
    both.replace(next);
    const second = both.sendMessage(...ARGUMENTS);
    await settled();
    run();
    await settled();
    expect(next.asked).toHaveLength(1);
    next.asked[0]?.();
    await second;
    let isOver = false;
    const closed = both.close().then(() => (isOver = true));
    await settled();
    expect(isOver).toBe(false);
    old.asked[0]?.();
    await first;
    expect(await closed).toBe(true);
  });

  test('twice in a row goes through the last one alone', async () => {
    const all = ['a', 'b', 'c'].map((name) => new SlowMailer(name));
    const [a, b, c] = all as [SlowMailer, SlowMailer, SlowMailer];
    const both = new MailerSwitch(a, heldClock().clock);
    const first = both.sendMessage(...ARGUMENTS);
    await settled();
    both.replace(b);
    both.replace(c);
    const second = both.sendMessage(...ARGUMENTS);
    a.asked[0]?.();
    await first;
    await settled();
    c.asked[0]?.();
    expect((await second).messageId).toBe('c');
    expect(b.asked).toHaveLength(0);
    await both.close();
    expect(all.every(({ isClosed }) => isClosed)).toBe(true);
  });
});
