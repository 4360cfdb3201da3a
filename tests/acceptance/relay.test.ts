/** The relay as devices and administrators meet it: what it offers, who gets in, who does not and why, and how that is mended. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { plainResponse, RelayWorld, submit, type Dialogue } from '../setup/relay-world.ts';
import { runCommand } from '../setup/run-command.ts';

const WAIT = { timeout: 20_000, interval: 500 };
const USER = 'user@example.com';

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** The commands on the way to a message, without it. */
async function toData(dialogue: Dialogue, mail: string, rcpts: readonly string[]): Promise<string[]> {
  const replies = [await dialogue.say(mail)];
  for (const rcpt of rcpts) replies.push(await dialogue.say(rcpt));
  replies.push(await dialogue.say('DATA'));
  return replies;
}

describe('what is offered', () => {
  test('is offered on each listener, AUTH only within TLS and never on the plain one', async () => {
    await using world = await RelayWorld.start();
    await world.addApp({ networks: ['127.0.0.0/8'] });
    const lines: Record<string, string[]> = {};
    for (const security of ['starttls', 'tls', 'plain'] as const) {
      const dialogue = await world.dial(security);
      const before = await dialogue.open();
      lines[security] = before
        .split('\r\n')
        .slice(1)
        .map((line) => line.slice(4));
      if (security !== 'starttls') continue;
      const encrypted = await world.dial(security);
      lines['encrypted'] = (await encrypted.open(true))
        .split('\r\n')
        .slice(1)
        .map((line) => line.slice(4));
    }
    const base = ['PIPELINING', 'SIZE 36700160'];
    const rest = ['ENHANCEDSTATUSCODES', '8BITMIME', 'SMTPUTF8', 'CHUNKING', 'DSN'];
    expect(lines).toEqual({
      starttls: [...base, 'STARTTLS', ...rest],
      encrypted: [...base, 'AUTH PLAIN LOGIN', ...rest],
      tls: [...base, 'AUTH PLAIN LOGIN', ...rest],
      plain: [...base, ...rest],
    });
  });

  test('is true: pipelined, in chunks, with 8-bit text and international addresses, each byte arrives', async () => {
    await using world = await RelayWorld.start();
    const dialogue = await world.signedIn(await world.addApp());
    const text = `From: ${world.mailbox}\r\nDate: x\r\nMessage-ID: <1@x>\r\nSubject: Grüße\r\n\r\n.\r\n..\r\nÄ\r\n`;
    const bytes = Buffer.from(text);
    dialogue.write(`MAIL FROM:<${world.mailbox}> SIZE=${bytes.length} BODY=8BITMIME SMTPUTF8\r\n`);
    dialogue.write(`RCPT TO:<用户@example.com>\r\nBDAT 50\r\n`);
    dialogue.write(bytes.subarray(0, 50));
    dialogue.write(`BDAT ${bytes.length - 50} LAST\r\n`);
    dialogue.write(bytes.subarray(50));
    const replies = [];
    for (let index = 0; index < 4; index += 1) replies.push((await dialogue.reply()).slice(0, 3));
    expect(replies).toEqual(['250', '250', '250', '250']);
    const [message] = await world.emulator.waitForMessages(1);
    expect(message?.envelope.recipients).toEqual(['用户@example.com']);
    expect(
      Buffer.from(message?.bytes ?? '')
        .toString('utf8')
        .endsWith(text),
    ).toBe(true);
  });

  test('SIZE: what is declared too large is refused at MAIL, and what turns out too large is not taken', async () => {
    await using world = await RelayWorld.start({ service: { maxMessageBytes: 100_000 } });
    const password = await world.addApp();
    const first = await world.signedIn(password);
    expect(await first.say(`MAIL FROM:<${world.mailbox}> SIZE=100001`)).toMatch(/^552 5\.3\.4/);
    const second = await world.signedIn(password);
    await toData(second, `MAIL FROM:<${world.mailbox}>`, [`RCPT TO:<${USER}>`]);
    second.write(`Subject: x\r\n\r\n${'x'.repeat(998)}\r\n`.repeat(150));
    expect(await second.reply()).toMatch(/^552 5\.3\.4/);
    await second.over();
    expect(world.emulator.messages).toHaveLength(0);
  });
});

describe('signing in', () => {
  test('works for each habit of old devices, and for nobody else', async () => {
    await using world = await RelayWorld.start();
    const password = await world.addApp();
    const plain = plainResponse('scanner', password);
    const habits: readonly (readonly string[])[] = [
      [`AUTH PLAIN ${plain}`],
      ['AUTH PLAIN', plain],
      ['AUTH LOGIN', base64('scanner'), base64(password)],
      [`AUTH LOGIN ${base64('scanner')}`, base64(password)],
      [`auth login ${base64('scanner')}`, base64(password)],
      [`AUTH Plain ${plain.replace(/=+$/, '')}`],
      ['AUTH LOGIN', base64('scanner').replace(/=+$/, ''), base64(password).replace(/=+$/, '')],
      [`AUTH PLAIN ${base64(`scanner\0scanner\0${password}`)}`],
      [`AUTH PLAIN ${plainResponse('SCANNER', password)}`],
    ];
    const outcomes: string[] = [];
    for (const lines of habits) {
      const dialogue = await world.dial('tls');
      await dialogue.open();
      let last = '';
      for (const line of lines) last = await dialogue.say(line);
      outcomes.push(last.slice(0, 3));
    }
    expect(outcomes).toEqual(habits.map(() => '235'));
    const wrong = [
      ['AUTH LOGIN', '*'],
      ['AUTH PLAIN', '!!!'],
      [`AUTH PLAIN ${'A'.repeat(20_000)}`],
      [`AUTH PLAIN ${base64('scanner\0scanner\0wrong')}`],
      [`AUTH PLAIN ${base64(`other\0scanner\0${password}`)}`],
      [`AUTH PLAIN ${base64(`\0scanner\0${password}\0`)}`],
      [`AUTH XOAUTH2 ${base64('user=scanner\u0001auth=Bearer x\u0001\u0001')}`],
      ['AUTH CRAM-MD5'],
    ];
    for (const lines of wrong) {
      const dialogue = await world.dial('tls');
      await dialogue.open();
      let last = '';
      for (const line of lines) last = await dialogue.say(line);
      expect(last, lines.join(' ')).toMatch(/^5\d\d /);
    }
    const twice = await world.signedIn(password);
    expect(await twice.say(`AUTH PLAIN ${plain}`)).toMatch(/^503/);
  });

  test('is not possible without TLS, whatever the listener', async () => {
    await using world = await RelayWorld.start();
    const password = await world.addApp({ networks: ['127.0.0.1'] });
    for (const security of ['starttls', 'plain'] as const) {
      const dialogue = await world.dial(security);
      await dialogue.open();
      expect(await dialogue.say(`AUTH PLAIN ${plainResponse('scanner', password)}`)).toMatch(/^5(?:30|02) /);
    }
  });
});

describe('notices that a sender asks for', () => {
  const ask = [
    `RCPT TO:<a@example.com> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;first+2B1@example.com`,
    `RCPT TO:<b@example.com> NOTIFY=NEVER`,
    'RCPT TO:<c@example.com>',
  ];

  test('go to the upstream where it sends notices', async () => {
    await using world = await RelayWorld.start();
    const dialogue = await world.signedIn(await world.addApp());
    await toData(dialogue, `MAIL FROM:<${world.mailbox}> RET=HDRS ENVID=QQ+3D314`, ask);
    dialogue.write('Subject: x\r\n\r\n.\r\n');
    expect(await dialogue.reply()).toMatch(/^250/);
    const [message] = await world.emulator.waitForMessages(1);
    expect(message).toMatchObject({
      parameters: {
        mail: { return: 'headers', envelopeId: 'QQ=314' },
        recipients: [
          {
            notify: ['success', 'delay'],
            originalRecipient: { addressType: 'rfc822', address: 'first+1@example.com' },
          },
          { notify: [] },
          {},
        ],
      },
    });
  });

  test('are ours where the upstream refuses: to whom they were asked for, with the names that the sender gave', async () => {
    await using world = await RelayWorld.start();
    const dialogue = await world.signedIn(await world.addApp());
    world.emulator.faults.add({
      stage: 'rcpt',
      times: 3,
      action: { kind: 'reply', text: '550 5.1.1 User unknown' },
    });
    const failing = [
      `RCPT TO:<a@example.com> NOTIFY=FAILURE ORCPT=rfc822;first@example.com`,
      `RCPT TO:<b@example.com> NOTIFY=NEVER`,
      'RCPT TO:<c@example.com> NOTIFY=SUCCESS',
    ];
    await toData(dialogue, `MAIL FROM:<${world.mailbox}> ENVID=E1`, failing);
    dialogue.write('Subject: x\r\n\r\n.\r\n');
    await dialogue.reply();
    const [notice] = await world.emulator.waitForMessages(1);
    const text = Buffer.from(notice?.bytes ?? '').toString('latin1');
    expect(text).toContain('Original-Envelope-Id: E1\r\n');
    expect(text).toContain(
      'Original-Recipient: rfc822; first@example.com\r\nFinal-Recipient: rfc822; a@example.com\r\n',
    );
    expect(text.match(/^Final-Recipient:/gm)).toHaveLength(1);
  });
});

describe('what goes out', () => {
  test('has no Bcc and no idempotency key, whatever their case and folding', async () => {
    await using world = await RelayWorld.start();
    const dialogue = await world.signedIn(await world.addApp());
    const header = `From: ${world.mailbox}\r\nBCC:\r\n hidden1@example.com,\r\n\thidden2@example.com\r\nResent-bcc : hidden3@example.com\r\npostbearer-IDEMPOTENCY-key: k\r\n`;
    expect(
      await submit(dialogue, world.mailbox, [USER], `${header}Subject: x\r\n\r\nBcc: stays in the body\r\n`),
    ).toMatch(/^250/);
    const [message] = await world.emulator.waitForMessages(1);
    const text = Buffer.from(message?.bytes ?? '').toString('latin1');
    expect(text).not.toMatch(/hidden|idempotency/i);
    expect(text).toContain('Bcc: stays in the body\r\n');
  });
});

describe('who is turned away', () => {
  test('is listed with the one command that admits them, and that command does', async () => {
    await using world = await RelayWorld.start();
    const data = ['--data', `${world.folder}/data`];
    await world.addApp({ name: 'other', networks: ['127.0.0.9'] });
    const printer = await world.dial('plain', '127.0.0.7');
    expect(await printer.reply()).toMatch(/^554 5\.7\.1/);
    const copier = await world.dial('tls', '127.0.0.8');
    await copier.open();
    expect(await copier.say(`AUTH PLAIN ${plainResponse('copier@contoso.example', 'what it has')}`)).toMatch(
      /^535 5\.7\.8/,
    );
    const other = await world.dial('plain', '127.0.0.9');
    await other.open();
    expect(await submit(other, 'ceo@contoso.example', [USER], 'Subject: x\r\n\r\n')).toMatch(/^550 5\.7\.1/);

    const shown = await runCommand(['app', 'refused', ...data]);
    expect(shown).toMatchObject({ exitCode: 0, err: '' });
    expect(shown.out).toContain('127.0.0.7  no name\n  Not allowed to send (once,');
    const listed = await runCommand(['app', 'refused', '--json', ...data]);
    const { refused } = JSON.parse(listed.out) as { refused: { address: string; command: string }[] };
    expect(new Set(refused.map(({ command }) => command))).toEqual(
      new Set([
        `postbearer app add device-127-0-0-7 --mailbox ${world.mailbox} --network 127.0.0.7`,
        `postbearer app add copier@contoso.example --mailbox ${world.mailbox} --password-stdin`,
        'postbearer app allow other --from ceo@contoso.example',
      ]),
    );
    for (const { command } of refused) {
      const done = await runCommand([...command.split(' ').slice(1), ...data], { input: 'what it has\n' });
      expect(done, command).toMatchObject({ exitCode: 0, err: '' });
    }
    const again = await world.dial('plain', '127.0.0.7');
    await again.open();
    expect(await submit(again, world.mailbox, [USER], 'Subject: x\r\n\r\n')).toMatch(/^250/);
    const signedIn = await world.signedIn('what it has', 'copier@contoso.example', '127.0.0.8');
    expect(await submit(signedIn, world.mailbox, [USER], 'Subject: x\r\n\r\n')).toMatch(/^250/);
    expect(await submit(other, 'ceo@contoso.example', [USER], 'Subject: x\r\n\r\n')).toMatch(/^250/);
    expect(JSON.stringify(listed.out)).not.toContain('what it has');
  }, 60_000);
});

describe('learning', () => {
  test('enrols the devices that call in from a network, tells which, and ends when it is told', async () => {
    await using world = await RelayWorld.start();
    const data = ['--data', `${world.folder}/data`];
    const learn = ['app', 'add', '--learn', '127.0.1.0/24', '--mailbox', world.mailbox];
    const begun = await runCommand([...learn, '--for', '2h', ...data]);
    expect(begun.out).toMatch(/^Learning the devices of 127\.0\.1\.0\/24 until /);
    const printer = await world.dial('plain', '127.0.1.7');
    await printer.open();
    // Its own idea of a sender becomes the mailbox.
    expect(await submit(printer, 'printer@local.lan', [USER], 'Subject: learnt\r\n\r\n')).toMatch(/^250/);
    await world.signedIn('its own password', 'copier', '127.0.1.8');
    const outside = await world.dial('plain', '127.0.2.7');
    expect(await outside.reply()).toMatch(/^554/);

    const [message] = await world.emulator.waitForMessages(1);
    expect(message?.envelope.sender).toBe(world.mailbox);
    expect(world.events.filter(({ name }) => name === 'app.enrolled')).toMatchObject([
      { app: 'device-127-0-1-7', address: '127.0.1.7', network: '127.0.1.0/24' },
      { app: 'copier', address: '127.0.1.8', network: '127.0.1.0/24' },
    ]);
    const list = await runCommand(['app', 'list', ...data]);
    expect(list.out).toMatch(/^device-127-0-1-7 .* 127\.0\.1\.7 .* by calling in$/m);
    expect(list.out).toMatch(/^copier .* by calling in$/m);
    expect(list.out).toContain('Learning the devices of 127.0.1.0/24 until ');
    await runCommand([...learn, '--for', '0', ...data]);
    const late = await world.dial('plain', '127.0.1.9');
    expect(await late.reply()).toMatch(/^554/);
    // What was learnt stays.
    const known = await world.dial('plain', '127.0.1.7');
    await known.open();
    expect(await submit(known, world.mailbox, [USER], 'Subject: x\r\n\r\n')).toMatch(/^250/);
  }, 60_000);

  test('is refused for the Internet, for too long, and where it is not clear what is meant', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'relay-learn-'));
    const cases: readonly (readonly [readonly string[], number, string])[] = [
      [['--learn', '0.0.0.0/0', '--for', '2h'], 78, 'ACCESS_LEARN_PUBLIC'],
      [['--learn', '10.0.0.0/8', '--for', '9d'], 78, 'ACCESS_LEARN_TIME'],
      [['--learn', '10.0.0.0/8', '--for', 'long'], 64, '--for is a time such as 30m'],
      [['name', '--learn', '10.0.0.0/8'], 64, 'and not both'],
      [[], 64, 'and not both'],
    ];
    for (const [args, exitCode, said] of cases) {
      const done = await runCommand(['app', 'add', ...args, '--mailbox', 'notes@example.com', '--data', folder]);
      expect([done.exitCode, done.err.includes(said)], args.join(' ')).toEqual([exitCode, true]);
    }
    await rm(folder, { recursive: true });
  }, 60_000);
});

describe('a password', () => {
  test('is changed without a gap where a grace is given, and at once where none is', async () => {
    await using world = await RelayWorld.start();
    const data = ['--data', `${world.folder}/data`];
    const first = await world.addApp();
    const open = await world.signedIn(first);
    const rotated = await runCommand(['app', 'rotate', 'scanner', '--grace', '24h', ...data]);
    const second = /^Password {2}(\S{32})$/m.exec(rotated.out)?.[1] ?? '';
    await world.signedIn(first);
    await world.signedIn(second);
    await runCommand(['app', 'rotate', 'scanner', ...data]);
    await expect(world.signedIn(first)).rejects.toThrow(/^535/);
    await expect(world.signedIn(second)).rejects.toThrow(/^535/);
    // A session that is open goes on; it proved itself when it began.
    expect(await submit(open, world.mailbox, [USER], 'Subject: x\r\n\r\n')).toMatch(/^250/);
    const short = await runCommand(['app', 'rotate', 'scanner', '--password-stdin', ...data], { input: 'short\n' });
    expect(short.err).toContain('ACCESS_PASSWORD_UNFIT');
    const none = await runCommand(['app', 'rotate', 'scanner', '--password-stdin', ...data], { input: '' });
    expect(none.exitCode).toBe(64);
  }, 60_000);
});

describe('limits of an app', () => {
  test('what waits has a quota, and what is handed in a rate: refused for now, in words, and no other app feels it', async () => {
    await using world = await RelayWorld.start({
      service: { appLimits: { queuedMessages: 5, recipientsPerMinute: 50 } },
    });
    const [flood, other] = [await world.addApp({ name: 'flood' }), await world.addApp({ name: 'other' })];
    await world.server.control.holdLane({ lane: `default/${world.mailbox}`, sender: '', actor: 'test' });
    const first = await world.signedIn(flood, 'flood');
    const replies: string[] = [];
    for (let index = 0; index < 8; index += 1) {
      replies.push(await submit(first, world.mailbox, [USER], `Subject: ${index}\r\n\r\n`));
    }
    expect(replies.map((reply) => reply.slice(0, 9))).toEqual([
      ...Array.from({ length: 5 }, () => '250 2.0.0'),
      ...Array.from({ length: 3 }, () => '452 4.3.1'),
    ]);
    expect(replies.at(-1)).toMatch(/Of the app "flood" 5 messages with \d+ MB wait/);
    const second = await world.signedIn(other, 'other');
    expect(await submit(second, world.mailbox, [USER], 'Subject: x\r\n\r\n')).toMatch(/^250/);
    const many = Array.from({ length: 60 }, (_, index) => `user${index}@example.com`);
    await second.say(`MAIL FROM:<${world.mailbox}>`);
    const rcpts: string[] = [];
    for (const recipient of many) rcpts.push((await second.say(`RCPT TO:<${recipient}>`)).slice(0, 9));
    expect(rcpts.filter((reply) => reply === '250 2.1.5')).toHaveLength(49);
    expect(rcpts.at(-1)).toBe('452 4.7.1');
    // It passes by itself once mail goes out.
    await world.server.control.releaseLane({ lane: `default/${world.mailbox}`, sender: '', actor: 'test' });
    await world.emulator.waitForMessages(6);
    await vi.waitFor(async () => {
      const again = await world.signedIn(flood, 'flood');
      expect(await submit(again, world.mailbox, [USER], 'Subject: again\r\n\r\n')).toMatch(/^250/);
    }, WAIT);
  }, 60_000);
});
