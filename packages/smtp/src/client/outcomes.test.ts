import { Buffer } from 'node:buffer';
import type { SmtpStage, Verdict } from '@postbearer/core';
import { describe, expect, it } from 'vitest';
import { connectSmtp, type ConnectOptions, type SmtpConnection } from './index.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { servePeers, type Peer, type PeerServer, type Script } from './testing/peer-server.ts';
import { HELLO, inPieces, message } from './testing/sample-messages.ts';

const HELLO_END = `${HELLO}.\r\n`;

async function open(server: PeerServer, options: Partial<ConnectOptions> = {}): Promise<SmtpConnection> {
  const connected = await connectSmtp({ host: '127.0.0.1', port: server.port, security: 'none', ...options });
  if (!connected.ok) throw new Error(connected.fault.message);
  return connected.value;
}

const greet =
  (offers: readonly string[], then: Script): Script =>
  async (peer, index) => {
    peer.say('220 ready\r\n');
    await peer.line();
    peer.say(`250-mx.example.com\r\n${offers.map((offer) => `250-${offer}\r\n`).join('')}250 HELP\r\n`);
    await then(peer, index);
  };

const summary = (verdicts: readonly Verdict[]): string[] =>
  verdicts.map((verdict) => (verdict.outcome === 'accepted' ? 'accepted' : `${verdict.outcome} ${verdict.fault.code}`));

/** The moments of a pipelined session, in order: what has been said and heard when the line breaks. */
const MOMENTS: readonly {
  readonly name: string;
  readonly go: (peer: Peer) => Promise<void>;
  readonly verdict: string;
}[] = [
  {
    name: 'before any answer',
    go: async (peer) => void (await peer.until('DATA\r\n')),
    verdict: 'deferred SMTP_CONNECTION_LOST',
  },
  {
    name: 'after the answer to MAIL FROM',
    go: async (peer) => {
      await peer.until('DATA\r\n');
      peer.say('250 ok\r\n');
    },
    verdict: 'deferred SMTP_CONNECTION_LOST',
  },
  {
    name: 'in the middle of the answer to DATA',
    go: async (peer) => {
      await peer.until('DATA\r\n');
      peer.say('250 ok\r\n250 ok\r\n35');
    },
    verdict: 'deferred SMTP_CONNECTION_LOST',
  },
  {
    name: 'after the end of the message',
    go: async (peer) => {
      await peer.until('DATA\r\n');
      peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
      await peer.until('\r\n.\r\n');
    },
    verdict: 'uncertain SMTP_OUTCOME_UNCERTAIN',
  },
  {
    name: 'in the middle of the last answer',
    go: async (peer) => {
      await peer.until('DATA\r\n');
      peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
      await peer.until('\r\n.\r\n');
      peer.say('250 2.0.0 tak');
    },
    verdict: 'uncertain SMTP_OUTCOME_UNCERTAIN',
  },
  {
    name: 'after the last answer',
    go: async (peer) => {
      await peer.until('DATA\r\n');
      peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
      await peer.until('\r\n.\r\n');
      peer.say('250 2.0.0 taken\r\n');
    },
    verdict: 'accepted',
  },
];

describe('a line that breaks', () => {
  it.each(MOMENTS)('$name: $verdict', async ({ go, verdict }) => {
    await using server = await servePeers(
      greet(['PIPELINING'], async (peer) => {
        await go(peer);
        peer.end();
      }),
    );
    const connection = await open(server);
    expect(summary(await connection.send(message(HELLO)))).toEqual([verdict]);
    connection.close();
    await server.finished();
  });

  it('in the middle of a long message: deferred, since its end was never written', async () => {
    await using server = await servePeers(
      greet(['PIPELINING'], async (peer) => {
        await peer.until('DATA\r\n');
        peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
        await peer.bytes(100_000);
        peer.cut();
      }),
    );
    const connection = await open(server);
    const long = Buffer.alloc(30_000_000, 'x'.repeat(70).concat('\r\n'));
    expect(summary(await connection.send(message(long)))).toEqual(['deferred SMTP_CONNECTION_LOST']);
  });

  it('after the end of a chunk: uncertain for whoever was not refused', async () => {
    await using server = await servePeers(
      greet(['PIPELINING', 'CHUNKING'], async (peer) => {
        await peer.until('b@example.com>\r\n');
        peer.say('250 ok\r\n550 no such user\r\n250 ok\r\n');
        await peer.until('Hello.\r\n');
        peer.cut();
      }),
    );
    const connection = await open(server);
    const verdicts = await connection.send(message(HELLO, 'a@example.com', 'b@example.com'));
    expect(summary(verdicts)).toEqual(['refused SMTP_RECIPIENT_REFUSED', 'uncertain SMTP_OUTCOME_UNCERTAIN']);
  });

  it('at MAIL FROM or RCPT TO of a message that would go by chunk: deferred, and none of it was sent', async () => {
    for (const answers of ['', '250 ok\r\n', '250 ok\r\n250 ok\r\n']) {
      await using server = await servePeers(
        greet(['PIPELINING', 'CHUNKING'], async (peer) => {
          await peer.until('b@example.com>\r\n');
          peer.say(answers);
          peer.end();
        }),
      );
      const connection = await open(server);
      const verdicts = await connection.send(message(HELLO, 'a@example.com', 'b@example.com'));
      expect(summary(verdicts)).toEqual(['deferred SMTP_CONNECTION_LOST', 'deferred SMTP_CONNECTION_LOST']);
      expect(server.peers[0]?.heard.includes('Hello')).toBe(false);
    }
  });

  it('with nonsense after the end of the message: uncertain too', async () => {
    await using server = await servePeers(
      greet(['PIPELINING'], async (peer) => {
        await peer.until('DATA\r\n');
        peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
        await peer.until('\r\n.\r\n');
        peer.say('what was that\r\n');
        await peer.over();
      }),
    );
    const connection = await open(server);
    const verdicts = await connection.send(message(HELLO));
    expect(summary(verdicts)).toEqual(['uncertain SMTP_OUTCOME_UNCERTAIN']);
    expect(verdicts).toMatchObject([{ fault: { reported: 'SMTP_REPLY_MALFORMED' } }]);
    expect(connection.isUsable).toBe(false);
  });
});

describe('a server that takes every line for a command', () => {
  it('hears none of the message when it refuses all recipients', async () => {
    const commands: string[] = [];
    await using server = await servePeers(
      greet(['PIPELINING', 'CHUNKING'], async (peer) => {
        for (let line = await peer.line(); line !== undefined; line = await peer.line()) {
          commands.push(line);
          if (line === 'QUIT') return peer.end();
          peer.say(line.startsWith('RCPT') ? '550 no\r\n' : line.startsWith('BDAT') ? '502 what\r\n' : '250 ok\r\n');
        }
      }),
    );
    const connection = await open(server);
    // After the first message the connection was in use a moment ago, which must change nothing.
    for (const _ of [1, 2])
      expect(summary(await connection.send(message('RSET\r\nMAIL FROM:<evil@example.com>\r\n')))).toEqual([
        'refused SMTP_RECIPIENT_REFUSED',
      ]);
    await connection.quit();
    const envelope = ['MAIL FROM:<app@example.com>', 'RCPT TO:<user@example.com>'];
    expect(commands).toEqual([...envelope, 'RSET', ...envelope, 'QUIT']);
  });
});

describe('a server that answers a recipient twice', () => {
  const TWICE = '250 ok\r\n250 ok\r\n250 ok\r\n';

  it.each([
    { name: 'by chunk', offers: ['PIPELINING', 'CHUNKING'], steps: [['RCPT', TWICE]] },
    {
      name: 'by chunk, the third answer unfinished',
      offers: ['PIPELINING', 'CHUNKING'],
      steps: [['RCPT', `${TWICE}2`]],
    },
    {
      name: 'by chunk, one command at a time',
      offers: ['CHUNKING'],
      steps: [
        ['MAIL', '250 ok\r\n'],
        ['RCPT', '250 ok\r\n250 ok\r\n'],
      ],
    },
    {
      name: 'by DATA, one command at a time',
      offers: [],
      steps: [
        ['MAIL', '250 ok\r\n'],
        ['RCPT', '250 ok\r\n354 go\r\n'],
      ],
    },
    {
      name: 'by DATA, pipelined',
      offers: ['PIPELINING'],
      steps: [['DATA', '250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n']],
    },
  ])('has taken no message $name: deferred, and none of it was sent', async ({ offers, steps }) => {
    await using server = await servePeers(
      greet(offers, async (peer) => {
        for (const [command = '', answer = ''] of steps) {
          while ((await peer.line())?.startsWith(command) === false);
          peer.say(answer);
        }
        await peer.over();
      }),
    );
    const connection = await open(server);
    expect(summary(await connection.send(message(HELLO)))).toEqual(['deferred SMTP_PROTOCOL_ERROR']);
    expect(connection.isUsable).toBe(false);
    expect(server.peers[0]?.heard.includes('Hello')).toBe(false);
  });
});

describe('a session that the server ends with 421', () => {
  it.each([
    ['MAIL FROM', '421 4.3.2 bye\r\n'],
    ['RCPT TO', '250 ok\r\n421 4.3.2 bye\r\n'],
    ['DATA', '250 ok\r\n250 ok\r\n421 4.3.2 bye\r\n'],
  ])('at %s: deferred, and the connection is not used again', async (_, answer) => {
    await using server = await servePeers(
      greet(['PIPELINING'], async (peer) => {
        await peer.until('DATA\r\n');
        peer.say(answer);
        await peer.over();
      }),
    );
    const connection = await open(server);
    const verdicts = await connection.send(message(HELLO));
    expect(verdicts).toMatchObject([
      { outcome: 'deferred', fault: { code: 'SMTP_SERVICE_CLOSING', next: 'retry', evidence: { code: 421 } } },
    ]);
    expect(connection.isUsable).toBe(false);
  });

  it('after the end of the message: a refusal for now', async () => {
    await using server = await servePeers(
      greet(['PIPELINING'], async (peer) => {
        await peer.until('DATA\r\n');
        peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
        await peer.until(HELLO_END);
        peer.say('421 4.3.2 bye\r\n');
        await peer.over();
      }),
    );
    const connection = await open(server);
    expect(summary(await connection.send(message(HELLO)))).toEqual(['deferred SMTP_SERVICE_CLOSING']);
  });

  it('while nothing is under way', async () => {
    await using server = await servePeers(
      greet([], async (peer) => {
        peer.say('421 4.4.2 idle too long\r\n');
        peer.end();
        await peer.over();
      }),
    );
    const connection = await open(server);
    await server.finished();
    expect(connection.isUsable).toBe(false);
    expect(summary(await connection.send(message(HELLO)))).toEqual(['deferred SMTP_SERVICE_CLOSING']);
  });
});

describe('an answer during the message', () => {
  it.each([
    ['552 5.3.4 too large', 'refused SMTP_MESSAGE_REFUSED'],
    ['451 4.3.0 disk trouble', 'deferred SMTP_MESSAGE_DEFERRED'],
    ['250 taken already?', 'deferred SMTP_PROTOCOL_ERROR'],
  ])('%s: %s, and the end of the message is never written', async (answer, verdict) => {
    await using server = await servePeers(
      greet(['PIPELINING'], async (peer) => {
        await peer.until('DATA\r\n');
        peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
        await peer.until('body');
        peer.say(`${answer}\r\n`);
        await peer.over();
      }),
    );
    const connection = await open(server);
    const { promise: never } = Promise.withResolvers<void>();
    const content = {
      async *open() {
        yield Buffer.from('Subject: x\r\n\r\nbody\r\n');
        await never;
      },
    };
    expect(summary(await connection.send(message(content)))).toEqual([verdict]);
    await server.finished();
    expect(server.peers.map(({ heard }) => heard.includes('\r\n.\r\n'))).toEqual([false]);
  });
});

describe('a server that takes too long', () => {
  const STAGES: readonly {
    readonly stage: SmtpStage;
    readonly limitMs: number;
    readonly says: string[];
    readonly outcome: string;
  }[] = [
    { stage: 'mail', limitMs: 300_000, says: [], outcome: 'deferred SMTP_MAIL_TIMEOUT' },
    { stage: 'rcpt', limitMs: 300_000, says: ['250 ok'], outcome: 'deferred SMTP_RCPT_TIMEOUT' },
    { stage: 'data', limitMs: 120_000, says: ['250 ok', '250 ok'], outcome: 'deferred SMTP_DATA_TIMEOUT' },
    { stage: 'final', limitMs: 600_000, says: ['250 ok', '250 ok', '354 go'], outcome: 'uncertain SMTP_FINAL_TIMEOUT' },
  ];

  it.each(STAGES)('at $stage gets the $limitMs ms of RFC 5321: $outcome', async ({ stage, limitMs, says, outcome }) => {
    const clock = new ManualClock();
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    let answersToCome = Number.POSITIVE_INFINITY;
    await using server = await servePeers(
      greet(['PIPELINING'], async (peer) => {
        await peer.until('DATA\r\n');
        peer.say(says.map((line) => `${line}\r\n`).join(''));
        await peer.over();
      }),
    );
    const connection = await open(server, {
      clock,
      dialogue: true,
      onEvent: (event) => {
        if (event.name !== 'smtp.dialogue') return;
        if (event.text === 'DATA') answersToCome = says.length;
        else if (event.from === 'server') answersToCome -= 1;
        if (answersToCome === 0) reach();
      },
    });
    const sending = connection.send(message(HELLO));
    await reached;
    let isDone = false;
    void sending.then(() => (isDone = true));
    clock.advance(limitMs - 1);
    await Promise.resolve();
    expect(isDone).toBe(false);
    clock.advance(1);
    const verdicts = await sending;
    expect(summary(verdicts)).toEqual([outcome]);
    expect(verdicts).toMatchObject([{ fault: { evidence: { kind: 'smtp', stage, code: 0 } } }]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('to take the next part of a message gets the 180000 ms of RFC 5321', async () => {
    const clock = new ManualClock();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    await using server = await servePeers(
      greet(['PIPELINING'], async (peer) => {
        await peer.until('DATA\r\n');
        peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
        await peer.bytes(100_000);
        peer.stopReading();
        begin();
      }),
    );
    const connection = await open(server, { clock });
    // More than any buffer on the way holds.
    const sending = connection.send(message(Buffer.alloc(60_000_000, 'x'.repeat(70).concat('\r\n'))));
    await begun;
    clock.advance(179_999);
    clock.advance(1);
    expect(summary(await sending)).toEqual(['deferred SMTP_CONTENT_TIMEOUT']);
  });

  it('does not take the time that our own source needs', async () => {
    const clock = new ManualClock();
    await using server = await servePeers(
      greet(['PIPELINING'], async (peer) => {
        await peer.until('DATA\r\n');
        peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
        await peer.until('\r\n.\r\n');
        peer.say('250 taken\r\n');
        await peer.over();
      }),
    );
    const connection = await open(server, { clock });
    const content = {
      async *open() {
        yield Buffer.from('Subject: x\r\n\r\n');
        yield Buffer.from('first\r\n');
        clock.advance(3_600_000);
        yield Buffer.from('second\r\n');
      },
    };
    expect(summary(await connection.send(message(content)))).toEqual(['accepted']);
    connection.close();
  });

  it('uses one timer, not one for each command', async () => {
    const clock = new ManualClock();
    let timers = 0;
    const counting = {
      ...clockFace(clock),
      setTimer: (callback: () => void, ms: number) => ((timers += 1), clock.setTimer(callback, ms)),
    };
    await using server = await servePeers(
      greet(['PIPELINING'], async (peer) => {
        for (;;) {
          if ((await peer.until('DATA\r\n')) === undefined) return;
          peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
          await peer.until('\r\n.\r\n');
          peer.say('250 taken\r\n');
        }
      }),
    );
    const connection = await open(server, { clock: counting });
    const before = timers;
    for (let count = 0; count < 20; count += 1) await connection.send(message(HELLO));
    // A stage with less time than the one before sets it once more; twenty messages have eighty commands.
    expect(timers - before).toBeLessThan(4);
    connection.close();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a caller that cancels', () => {
  const reason = new Error('the caller changed its mind');

  it('before anything was sent: the reason is thrown and nothing is sent', async () => {
    await using server = await servePeers(greet(['PIPELINING'], (peer) => peer.over()));
    const connection = await open(server);
    await expect(connection.send(message(HELLO), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(connection.isUsable).toBe(true);
    connection.close();
  });

  it('before the end of the message: the reason is thrown and the connection is closed', async () => {
    const controller = new AbortController();
    await using server = await servePeers(
      greet(['PIPELINING'], async (peer) => {
        await peer.until('DATA\r\n');
        controller.abort(reason);
        await peer.over();
      }),
    );
    const connection = await open(server);
    await expect(connection.send(message(HELLO), { signal: controller.signal })).rejects.toBe(reason);
    expect(connection.isUsable).toBe(false);
  });

  it('while its own source makes it wait: the reason is thrown', async () => {
    const controller = new AbortController();
    await using server = await servePeers(
      greet(['PIPELINING'], async (peer) => {
        await peer.until('DATA\r\n');
        peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
        await peer.until('body');
        controller.abort(reason);
        await peer.over();
      }),
    );
    const connection = await open(server);
    const { promise: never } = Promise.withResolvers<void>();
    const content = {
      async *open() {
        yield Buffer.from('Subject: x\r\n\r\nbody\r\n');
        await never;
      },
    };
    await expect(connection.send(message(content), { signal: controller.signal })).rejects.toBe(reason);
  });

  it('while its own source has not even begun: the reason is thrown and the connection stays', async () => {
    const controller = new AbortController();
    await using server = await servePeers(greet(['PIPELINING'], (peer) => peer.over()));
    const connection = await open(server);
    const { promise: never } = Promise.withResolvers<void>();
    let isLeft = false;
    const content = {
      open: () => ({
        [Symbol.asyncIterator]: () => ({
          next: async () => {
            controller.abort(reason);
            await never;
            return { done: true as const, value: undefined };
          },
          return: async () => {
            isLeft = true;
            return { done: true as const, value: undefined };
          },
        }),
      }),
    };
    await expect(connection.send(message(content), { signal: controller.signal })).rejects.toBe(reason);
    expect(isLeft).toBe(true);
    expect(connection.isUsable).toBe(true);
    connection.close();
  });

  it('after the end of the message: uncertain, since the server may have taken it', async () => {
    const controller = new AbortController();
    await using server = await servePeers(
      greet(['PIPELINING'], async (peer) => {
        await peer.until('DATA\r\n');
        peer.say('250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n');
        await peer.until('\r\n.\r\n');
        controller.abort(reason);
        await peer.over();
      }),
    );
    const connection = await open(server);
    const verdicts = await connection.send(message(HELLO, 'gone@example.com', 'here@example.com'), {
      signal: controller.signal,
    });
    expect(summary(verdicts)).toEqual(['refused SMTP_RECIPIENT_REFUSED', 'uncertain SMTP_OUTCOME_UNCERTAIN']);
  });

  it('while connecting, or while the server makes it wait for its greeting', async () => {
    const controller = new AbortController();
    await using server = await servePeers(async (peer) => {
      controller.abort(reason);
      await peer.over();
    });
    await expect(open(server, { signal: controller.signal })).rejects.toBe(reason);
    await expect(open(server, { signal: controller.signal })).rejects.toBe(reason);
  });
});

describe('a source of content that fails', () => {
  it('throws its own error; the end of the message is never written', async () => {
    await using server = await servePeers(
      greet(['PIPELINING'], async (peer) => {
        await peer.until('DATA\r\n');
        peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
        await peer.over();
      }),
    );
    const connection = await open(server);
    const content = {
      async *open() {
        yield Buffer.from('Subject: x\r\n\r\nbody\r\n');
        throw new Error('the disk is gone');
      },
    };
    await expect(connection.send(message(content))).rejects.toThrow('the disk is gone');
    await server.finished();
    expect(server.peers.map(({ heard }) => heard.includes('\r\n.\r\n'))).toEqual([false]);
  });

  it('while its beginning is read: nothing is sent and the connection stays', async () => {
    await using server = await servePeers(greet(['PIPELINING'], (peer) => peer.over()));
    const connection = await open(server);
    const content = {
      // oxlint-disable-next-line require-yield -- it fails before it gives anything
      async *open(): AsyncGenerator<Uint8Array> {
        throw new Error('no such file');
      },
    };
    await expect(connection.send(message(content))).rejects.toThrow('no such file');
    expect(connection.isUsable).toBe(true);
    connection.close();
  });

  it.each([
    ['because its header needs what is not offered', 'ü', 'refused SMTP_SMTPUTF8_NOT_OFFERED'],
    ['because every recipient is refused', 'x', 'refused SMTP_RECIPIENT_REFUSED'],
  ])('is closed when the message is over before it is, %s', async (_, subject, outcome) => {
    const { promise: closed, resolve: close } = Promise.withResolvers<void>();
    await using server = await servePeers(
      greet(['PIPELINING'], async (peer) => {
        await peer.until('DATA\r\n');
        peer.say('250 ok\r\n550 no such user\r\n503 no recipients\r\n');
        await peer.over();
      }),
    );
    const connection = await open(server);
    const content = {
      async *open() {
        try {
          yield Buffer.from(`Subject: ${subject}\r\n\r\nbody\r\n`);
          yield Buffer.from('more\r\n');
        } finally {
          close();
        }
      },
    };
    expect(summary(await connection.send(message(content)))).toEqual([outcome]);
    await closed;
    expect(connection.isUsable).toBe(true);
    connection.close();
  });
});

describe('a connection', () => {
  it('carries one message at a time', async () => {
    await using server = await servePeers(greet(['PIPELINING'], (peer) => peer.over()));
    const connection = await open(server);
    const first = connection.send(message(inPieces(HELLO)));
    await expect(connection.send(message(HELLO))).rejects.toThrow('already in use');
    connection.close();
    expect(summary(await first)).toEqual(['deferred SMTP_CONNECTION_LOST']);
  });

  it('needs nothing for a message without recipients', async () => {
    await using server = await servePeers(greet([], (peer) => peer.over()));
    const connection = await open(server);
    const { envelope, content } = message(HELLO);
    expect(await connection.send({ content, envelope: { ...envelope, recipients: [] } })).toEqual([]);
    connection.close();
  });
});

function clockFace(clock: ManualClock): { now: () => number; monotonicMs: () => number } {
  return { now: () => clock.now(), monotonicMs: () => clock.monotonicMs() };
}
