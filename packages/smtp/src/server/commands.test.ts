/** Commands, their arguments and their order, as dialogues without encryption. */
import type { PostbearerEvent } from '@postbearer/core';
import { describe, expect, it } from 'vitest';
import { createSmtpServer } from './index.ts';
import { collectingServer } from './testing/collecting-server.ts';
import { listening } from './testing/listening.ts';
import { MemoryStream, replies, settled, somewhere, speak } from './testing/memory-client.ts';
import { SocketClient } from './testing/socket-client.ts';

const MAIL = 'MAIL FROM:<a@example.com>';
const RCPT = 'RCPT TO:<b@example.com>';

describe('the greeting', () => {
  it('comes at once, also to a client that talks first', async () => {
    const { server } = collectingServer();
    expect(await speak(server, ['NOOP\r\n'])).toBe('220 mail.example.com ESMTP\r\n250 2.0.0 OK\r\n');
  });

  it('can be replaced or refused by the handler', async () => {
    const greeting = collectingServer({ handler: { connect: () => ({ code: 220, text: 'Welcome' }) } });
    expect(await speak(greeting.server, [])).toBe('220 Welcome\r\n');
    const refusal = collectingServer({
      handler: { connect: (session) => ({ code: 554, enhanced: '5.7.1', text: `Not ${session.remoteAddress}` }) },
    });
    expect(await speak(refusal.server, ['NOOP\r\n'])).toBe('554 5.7.1 Not 192.0.2.1\r\n');
  });
});

describe('EHLO and HELO', () => {
  it('list what is offered without TLS, and nothing at HELO', async () => {
    const { server } = collectingServer();
    expect(await replies(server, 'EHLO client.example.com')).toEqual([
      '250-mail.example.com',
      '250-PIPELINING',
      '250-SIZE 52428800',
      '250-ENHANCEDSTATUSCODES',
      '250-8BITMIME',
      '250-SMTPUTF8',
      '250 CHUNKING',
    ]);
    expect(await replies(server, 'HELO client.example.com')).toEqual(['250 mail.example.com']);
  });

  it('give the handler control over every line, but never AUTH without TLS nor STARTTLS without a certificate', async () => {
    const { server } = collectingServer({
      handler: {
        ehlo: (session, name) => ({ code: 250, text: `mail.example.com Hello [${session.remoteAddress}] ${name}` }),
        extensions: () => ['SIZE 157286400', 'AUTH LOGIN XOAUTH2', 'AUTH=LOGIN', 'STARTTLS', 'XRDST'],
        authenticate: () => ({ identity: 'x' }),
      },
    });
    expect(await replies(server, 'EHLO me')).toEqual([
      '250-mail.example.com Hello [192.0.2.1] me',
      '250-SIZE 157286400',
      '250 XRDST',
    ]);
  });

  it('cost a 451 where the handler cannot say what it offers', async () => {
    const { server, errors } = collectingServer({
      handler: {
        extensions: () => {
          throw new Error('no list');
        },
      },
    });
    expect(await replies(server, 'EHLO a', MAIL)).toEqual([
      '451 4.3.0 Local error, try again later',
      '503 5.5.1 Send EHLO first',
    ]);
    expect(errors).toHaveLength(1);
  });

  it('need a name, and a refusal leaves the session as it was', async () => {
    const { server } = collectingServer({ handler: { ehlo: () => ({ code: 550, text: 'No' }) } });
    expect(await replies(server, 'EHLO', 'EHLO a', MAIL)).toEqual([
      '501 5.5.4 Invalid arguments',
      '550 No',
      '503 5.5.1 Send EHLO first',
    ]);
  });

  it('end an open transaction', async () => {
    const { server } = collectingServer();
    expect((await replies(server, 'HELO a', MAIL, RCPT, 'HELO a', 'DATA')).at(-1)).toBe(
      '503 5.5.1 Send MAIL FROM first',
    );
  });
});

describe('the order of commands', () => {
  it.each([
    [[MAIL], '503 5.5.1 Send EHLO first'],
    [['HELO a', RCPT], '503 5.5.1 Send MAIL FROM first'],
    [['HELO a', 'DATA'], '503 5.5.1 Send MAIL FROM first'],
    [['HELO a', MAIL, MAIL], '503 5.5.1 Sender already specified'],
    [['HELO a', MAIL, 'DATA'], '554 5.5.1 No valid recipients'],
    [['HELO a', MAIL, RCPT, 'RSET', 'DATA'], '503 5.5.1 Send MAIL FROM first'],
    [['HELO a', 'STARTTLS'], '502 5.5.1 Command not offered'],
    [['HELO a', 'AUTH PLAIN AGEAYg=='], '502 5.5.1 Command not offered'],
    [['AUTH PLAIN AGEAYg=='], '503 5.5.1 Send EHLO first'],
  ])('is kept: %j', async (lines, last) => {
    const { server } = collectingServer();
    expect((await replies(server, ...lines)).at(-1)).toBe(last);
  });
});

describe('single commands', () => {
  it.each([
    ['NOOP', '250 2.0.0 OK'],
    ['noop anything', '250 2.0.0 OK'],
    ['NOOP   ', '250 2.0.0 OK'],
    ['RSET', '250 2.0.0 OK'],
    ['RSET now', '501 5.5.4 Invalid arguments'],
    ['VRFY b@example.com', '252 2.1.5 Cannot verify the address; send a message to it'],
    ['EXPN list', '502 5.5.1 Command not offered'],
    ['HELP', '214 2.0.0 See RFC 5321'],
    ['QUIT now', '501 5.5.4 Invalid arguments'],
    ['QUIT', '221 2.0.0 Closing connection'],
    ['', '500 5.5.1 Command not recognized'],
    [' NOOP', '500 5.5.1 Command not recognized'],
    ['MAILFROM:<a@example.com>', '500 5.5.1 Command not recognized'],
    ['constructor', '500 5.5.1 Command not recognized'],
    ['NOOP \u0000', '500 5.5.2 Command holds a control character or is not UTF-8'],
    ['NOOP \r', '500 5.5.2 Command holds a control character or is not UTF-8'],
    ['NO\tOP', '500 5.5.2 Command holds a control character or is not UTF-8'],
  ])('%j', async (line, reply) => {
    const { server } = collectingServer();
    expect(await replies(server, line)).toEqual([reply]);
  });

  it('refuses bytes that are not UTF-8', async () => {
    const { server } = collectingServer();
    const said = await speak(server, [Buffer.from('NOOP \xff\r\nNOOP \xc0\xaf\r\n', 'latin1')]);
    expect(said.match(/^500 5\.5\.2/gm)).toHaveLength(2);
  });

  it('ends after QUIT, whatever follows', async () => {
    const { server } = collectingServer();
    expect(await replies(server, 'QUIT', 'NOOP')).toEqual(['221 2.0.0 Closing connection']);
  });
});

describe('pipelining', () => {
  it('answers a group of commands in one write', async () => {
    const { server, messages } = collectingServer();
    const writes: number[] = [];
    const stream = new MemoryStream();
    const done = server.serve(stream, somewhere);
    await settled();
    for (const group of [`EHLO a\r\n`, `${MAIL}\r\n${RCPT}\r\n${RCPT}\r\nDATA\r\n`, 'text\r\n.\r\nQUIT\r\n']) {
      const before = stream.writes;
      stream.say(group);
      await settled();
      writes.push(stream.writes - before);
    }
    stream.push(null);
    await done;
    expect(writes).toEqual([1, 1, 1]);
    expect(messages).toHaveLength(1);
  });
});

describe('a handler', () => {
  it('can replace and refuse at every stage', async () => {
    const { server, messages } = collectingServer({
      handler: {
        mail: (_, { sender }) => ({ code: 250, enhanced: '2.1.0', text: `From ${sender}` }),
        recipient: (_, { recipient }) =>
          recipient.startsWith('no') ? { code: 550, enhanced: '5.1.1', text: ['Nobody', 'by that name'] } : undefined,
        dataStart: (_, { recipients }) => ({ code: 354, text: `For ${recipients.length}` }),
        reset: () => ({ code: 250, text: 'Forgotten' }),
        quit: () => ({ code: 221, text: 'Bye' }),
      },
    });
    const said = await replies(
      server,
      'HELO a',
      MAIL,
      'RCPT TO:<no@example.com>',
      RCPT,
      'DATA',
      'x',
      '.',
      'RSET',
      'QUIT',
    );
    expect(said.slice(1)).toEqual([
      '250 2.1.0 From a@example.com',
      '550-5.1.1 Nobody',
      '550 5.1.1 by that name',
      '250 2.1.5 Recipient OK',
      '354 For 1',
      '250 2.6.0 Kept',
      '250 Forgotten',
      '221 Bye',
    ]);
    expect(messages[0]?.envelope.recipients).toEqual(['b@example.com']);
  });

  it('refuses MAIL so that there is no transaction', async () => {
    const { server } = collectingServer({
      handler: { mail: () => ({ code: 530, enhanced: '5.7.57', text: 'Client not authenticated' }) },
    });
    expect((await replies(server, 'HELO a', MAIL, RCPT)).slice(1)).toEqual([
      '530 5.7.57 Client not authenticated',
      '503 5.5.1 Send MAIL FROM first',
    ]);
  });

  it('cuts the line without a reply, what was said before still being sent', async () => {
    const { server } = collectingServer({ handler: { recipient: () => ({ drop: true }) } });
    expect(await replies(server, 'HELO a', MAIL, RCPT, 'NOOP')).toEqual([
      '250 mail.example.com',
      '250 2.1.0 Sender OK',
    ]);
  });

  it('cuts the line in the midst of a message, without waiting for its end', async () => {
    const { server } = collectingServer({ handler: { message: () => ({ drop: true }) } });
    const client = SocketClient.to(await listening(server));
    await client.hear(/^220 .*\r\n/);
    for (const line of ['HELO a', MAIL, RCPT, 'DATA']) await client.ask(line);
    client.say('Subject: the end of this never comes\r\n');
    expect(await client.over()).toBe('');
  });

  it('ends the connection after a reply that says so', async () => {
    const { server } = collectingServer({
      // oxlint-disable-next-line unicorn/no-thenable -- the word of the face
      handler: { mail: () => ({ code: 421, text: 'Later', then: 'close' }) },
    });
    expect((await replies(server, 'HELO a', MAIL, 'NOOP')).at(-1)).toBe('421 Later');
  });

  it('that throws costs a 451 and is reported; the connection goes on', async () => {
    const problem = new Error('disk on fire');
    const { server, errors } = collectingServer({
      handler: {
        mail: () => {
          throw problem;
        },
        message: () => Promise.reject(problem),
      },
    });
    expect((await replies(server, 'HELO a', MAIL, 'NOOP')).slice(1)).toEqual([
      '451 4.3.0 Local error, try again later',
      '250 2.0.0 OK',
    ]);
    expect(errors).toEqual([problem]);
  });

  it('that replies with a number that is no reply code is reported as a mistake', async () => {
    const { server, errors } = collectingServer({ handler: { mail: () => ({ code: 99, text: 'odd' }) } });
    expect((await replies(server, 'HELO a', MAIL)).at(-1)).toBe('451 4.3.0 Local error, try again later');
    expect(errors).toHaveLength(1);
  });

  it('cannot break the framing of a reply with its text', async () => {
    const { server } = collectingServer({ handler: { mail: () => ({ code: 250, text: 'OK\r\n550 no' }) } });
    expect((await replies(server, 'HELO a', MAIL)).at(-1)).toBe('250 OK\\x0d\\x0a550 no');
  });

  it('keeps what it likes in the state of the session', async () => {
    const server = createSmtpServer<{ seen: number }>({
      hostname: 'mail.example.com',
      security: 'plain',
      newState: () => ({ seen: 0 }),
      handler: {
        mail: (session) => {
          session.state.seen += 1;
          return { code: 450, text: `${session.state.seen}` };
        },
      },
    });
    expect((await replies(server, 'HELO a', MAIL, MAIL)).slice(1)).toEqual(['450 1', '450 2']);
    expect((await replies(server, 'HELO a', MAIL)).slice(1)).toEqual(['450 1']);
  });

  it('is told the end of each session that it was told the beginning of', async () => {
    const told: string[] = [];
    const { server } = collectingServer({
      handler: {
        connect: (session) => void told.push(`connect ${session.id}`),
        closed: (session) => void told.push(`closed ${session.id} ${session.heloName} ${session.signal.aborted}`),
      },
    });
    await replies(server, 'HELO first');
    await replies(server, 'HELO second', 'QUIT');
    expect(told).toEqual(['connect s1', 'closed s1 first true', 'connect s2', 'closed s2 second true']);
  });

  it('takes no message where it has no method for it', async () => {
    const server = createSmtpServer({ hostname: 'mail.example.com', security: 'plain', handler: {} });
    expect((await replies(server, 'HELO a', MAIL, RCPT, 'DATA')).at(-1)).toBe(
      '554 5.3.2 This server takes no messages',
    );
  });
});

describe('standard replies', () => {
  it('can be replaced by name', async () => {
    const { server } = collectingServer({
      replies: { unknownCommand: { code: 500, enhanced: '5.3.3', text: 'Unrecognized command' } },
    });
    expect(await replies(server, 'HALLO')).toEqual(['500 5.3.3 Unrecognized command']);
  });

  it('can name their moment: a function is asked at each reply, not before', async () => {
    let moment = 0;
    const { server } = collectingServer({ replies: { noop: () => ({ code: 250, text: `It is ${moment}` }) } });
    const stream = new MemoryStream();
    const done = server.serve(stream, somewhere);
    for (moment of [1, 2]) {
      stream.say('NOOP\r\n');
      await settled();
    }
    stream.push(null);
    await done;
    expect(stream.said.split('\r\n').slice(1, -1)).toEqual(['250 It is 1', '250 It is 2']);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no words');
      },
    ],
    ['gives a number that is no reply code', () => ({ code: 99, text: 'what' })],
  ])('keep their standard wording where their function %s, and that is reported', async (_, reply) => {
    const { server, errors } = collectingServer({ replies: { noop: reply } });
    expect(await replies(server, 'NOOP', 'QUIT')).toEqual(['250 2.0.0 OK', '221 2.0.0 Closing connection']);
    expect(errors).toHaveLength(1);
  });
});

describe('events', () => {
  it('show the dialogue without content and without lines that may be a token', async () => {
    const lines: string[] = [];
    const { server } = collectingServer({
      onEvent: (event) => {
        if (event.name === 'smtp.dialogue') lines.push(`${event.connection} ${event.from}: ${event.text}`);
      },
    });
    const token = 'dXNlcj1hQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHRva2Vu';
    await replies(
      server,
      'HELO a',
      `AUTH XOAUTH2 ${token}`,
      `AUTH ${token}`,
      token,
      MAIL,
      RCPT,
      'DATA',
      'words',
      '.',
      'QUIT',
    );
    expect(lines.filter((line) => line.includes('client'))).toEqual([
      's1 client: HELO a',
      's1 client: AUTH XOAUTH2 [secret]',
      's1 client: AUTH [unknown mechanism]',
      's1 client: [48 characters that are no command]',
      `s1 client: ${MAIL}`,
      `s1 client: ${RCPT}`,
      's1 client: DATA',
      's1 client: QUIT',
    ]);
    expect(lines.join('\n')).not.toContain(token);
    expect(lines).toContain('s1 server: 250 2.6.0 Kept');
  });

  it('are made only while somebody wants them, and say whose they are', async () => {
    const lines: PostbearerEvent[] = [];
    let isWanted = false;
    const { server } = collectingServer({ onEvent: (event) => lines.push(event), wantsDialogue: () => isWanted });
    await replies(server, 'NOOP', 'QUIT');
    expect(lines).toEqual([]);
    isWanted = true;
    await replies(server, 'QUIT');
    expect(lines).toContainEqual(expect.objectContaining({ from: 'client', text: 'QUIT', client: expect.any(String) }));
  });

  it('that cannot be told are reported and change nothing', async () => {
    const { server, errors } = collectingServer({
      onEvent: () => {
        throw new Error('sink is full');
      },
    });
    expect(await replies(server, 'NOOP')).toEqual(['250 2.0.0 OK']);
    expect(errors.length).toBeGreaterThan(0);
  });
});

describe('making a server', () => {
  it('refuses what is no host name and a missing certificate as mistakes of the caller', () => {
    const handler = {};
    expect(() => createSmtpServer({ hostname: 'a\r\nb', security: 'plain', handler })).toThrow(TypeError);
    expect(() => createSmtpServer({ hostname: 'mail.example.com', security: 'tls', handler })).toThrow(TypeError);
  });
});
