/** Exchange Online's limits for one mailbox, seen from the wire. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startEmulator, type Emulator, type EmulatorOptions } from '../index.ts';
import { accessToken } from '../testing/https-client.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { Dialogue, HOSTNAME_DATA, message, shapeOfReply } from '../testing/smtp-dialogue.ts';

const MAILBOX = 'notifications@contoso.example';
const TOO_MANY = `432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. ${HOSTNAME_DATA}`;
const QUOTA = `554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException ${HOSTNAME_DATA}`;

let emulator: Emulator;
let clock: ManualClock;
let dialogues: Dialogue[];

async function start(options: EmulatorOptions = {}): Promise<void> {
  emulator = await startEmulator({ clock, ...options });
}

async function signedIn(): Promise<Dialogue> {
  const dialogue = await Dialogue.open(emulator);
  dialogues.push(dialogue);
  await dialogue.greet();
  await dialogue.signIn(MAILBOX, await accessToken(emulator));
  return dialogue;
}

function send(dialogue: Dialogue, recipients: readonly string[] = ['ann@example.com']): Promise<string> {
  return dialogue.submit(MAILBOX, recipients, message(MAILBOX));
}

beforeEach(() => {
  clock = new ManualClock(Date.UTC(2026, 10, 24));
  dialogues = [];
});
afterEach(async () => {
  for (const dialogue of dialogues) dialogue.destroy();
  await emulator.close();
});

describe('three connections of a mailbox may send at a time', () => {
  it('and the fourth is told 432 at the end of its message, until one of the others ends', async () => {
    await start();
    const [first, second, third, fourth] = await Promise.all([signedIn(), signedIn(), signedIn(), signedIn()]);
    for (const busy of [first, second, third]) await busy.say(`MAIL FROM:<${MAILBOX}>`);
    expect(shapeOfReply(await send(fourth))).toBe(TOO_MANY);
    await first.say('RSET');
    expect(await send(fourth)).toMatch(/^250 /);
    await first.say(`MAIL FROM:<${MAILBOX}>`);
    expect(await send(fourth)).toMatch(/^432 /);
  });

  it('where connections that are open but do not send are not counted', async () => {
    await start();
    const open = await Promise.all([signedIn(), signedIn(), signedIn(), signedIn(), signedIn()]);
    for (const dialogue of open) expect(await send(dialogue)).toMatch(/^250 /);
    expect(emulator.counters).toMatchObject({ connectionsMaxOpen: 5, messagesReceived: 5, messagesRefused: 0 });
  });

  it('where a broken connection gives its place back', async () => {
    await start({ limits: { concurrentConnections: 1 } });
    const [first, second] = await Promise.all([signedIn(), signedIn()]);
    await first.say(`MAIL FROM:<${MAILBOX}>`);
    expect(await send(second)).toMatch(/^432 /);
    first.destroy();
    await expect.poll(() => emulator.counters.connectionsOpen).toBe(1);
    expect(await send(second)).toMatch(/^250 /);
  });
});

describe('the pace of 30 messages a minute', () => {
  it('holds the reply to the 31st back until a minute after the first, and refuses nothing', async () => {
    await start();
    const dialogue = await signedIn();
    for (let count = 0; count < 30; count += 1) {
      expect(await send(dialogue)).toMatch(/^250 /);
      clock.advance(100);
    }
    const timer = clock.nextTimer();
    const last = send(dialogue);
    expect(await timer).toBe(60_000 - 3000);
    expect(emulator.messages.length).toBe(30);
    clock.advance(57_000);
    expect(await last).toMatch(/^250 /);
    expect(emulator.counters).toMatchObject({ messagesReceived: 31, messagesPaced: 1 });
  });

  it('passes as many times faster as the emulator is told', async () => {
    await start({ pace: 60, limits: { messagesPerMinute: 1 } });
    const dialogue = await signedIn();
    await send(dialogue);
    const timer = clock.nextTimer();
    const last = send(dialogue);
    expect(await timer).toBe(1000);
    clock.advance(1000);
    await last;
  });

  it('never holds anything back where it is infinite', async () => {
    await start({ pace: Number.POSITIVE_INFINITY });
    const three = await Promise.all([signedIn(), signedIn(), signedIn()]);
    const sent = three.map(async (dialogue) => {
      for (let count = 0; count < 40; count += 1) expect(await send(dialogue)).toMatch(/^250 /);
    });
    await Promise.all(sent);
    expect(emulator.counters).toMatchObject({ messagesReceived: 120, messagesPaced: 0, messagesRefused: 0 });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('10,000 recipients in 24 hours', () => {
  it('are counted over messages; what would be more is refused with 554 and not counted', async () => {
    await start({ limits: { recipientsPerDay: 5 } });
    const dialogue = await signedIn();
    const three = ['a@example.com', 'b@example.com', 'c@example.com'];
    expect(await send(dialogue, three)).toMatch(/^250 /);
    clock.advance(3_600_000);
    expect(shapeOfReply(await send(dialogue, three))).toBe(QUOTA);
    expect(await send(dialogue, three.slice(1))).toMatch(/^250 /);
    expect(await send(dialogue)).toMatch(/^554 /);
    clock.advance(23 * 3_600_000);
    expect(await send(dialogue, three)).toMatch(/^250 /);
    expect(await send(dialogue)).toMatch(/^554 /);
  });
});
