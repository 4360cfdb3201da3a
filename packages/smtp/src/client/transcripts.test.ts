import { Buffer } from 'node:buffer';
import { Secret, type Message, type PostbearerEvent, type Verdict } from '@postbearer/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates, type CertificateSet } from '../../../../tests/setup/certificates.ts';
import { connectSmtp, type SmtpConnection, type SmtpSecurity } from './index.ts';
import { address, HELLO, inPieces, message } from './testing/sample-messages.ts';
import { DELIVERIES, serveTranscripts, type Delivery } from './testing/transcript.ts';

let certificates: CertificateSet;
beforeAll(async () => {
  certificates = await makeCertificates();
});

const TOKEN = 'short-token-for-one-line';
const BEARER = { kind: 'bearer', username: 'app@example.com', token: Secret.of(TOKEN) } as const;
const xoauth2 = (token: string): string =>
  Buffer.from(`user=app@example.com\u0001auth=Bearer ${token}\u0001\u0001`).toString('base64');

interface Session {
  readonly transcript: string;
  readonly delivery: Delivery;
  readonly security?: SmtpSecurity;
  readonly onEvent?: (event: PostbearerEvent) => void;
}

/** Plays a transcript against the client: the server checks every byte of it. */
async function play<T>(session: Session, use: (connection: SmtpConnection) => Promise<T>): Promise<T> {
  const { transcript, delivery, security = 'none', onEvent } = session;
  await using server = await serveTranscripts([transcript], { delivery, tls: certificates.good });
  const connected = await connectSmtp({
    host: 'localhost',
    port: server.port,
    security,
    clientName: 'client.example.com',
    tls: { ca: [certificates.trusted] },
    timeouts: { quit: 1000 },
    ...(onEvent === undefined ? {} : { onEvent, dialogue: true }),
  });
  if (!connected.ok) throw new Error(`${connected.fault.code}: ${connected.fault.message}`);
  const outcome = await use(connected.value);
  connected.value.close();
  await server.finished();
  return outcome;
}

const opening = (...offers: string[]): string =>
  [
    'S: 220 mx.example.com ready',
    'C: EHLO client.example.com',
    ...['mx.example.com', ...offers].map((text, index) => `S: 250${index === offers.length ? ' ' : '-'}${text}`),
  ].join('\n');

const outcomes = (verdicts: readonly Verdict[]): string[] =>
  verdicts.map((verdict) =>
    verdict.outcome === 'accepted' ? `accepted ${verdict.reply.code}` : `${verdict.outcome} ${verdict.fault.code}`,
  );

describe.each(DELIVERIES)('a session, replies %s', (delivery) => {
  it('encrypts, asks again what is offered, signs in and sends', async () => {
    const transcript = `
      S: 220 SG2PEPF000B66D0.outlook.office365.com Microsoft ESMTP MAIL Service ready
      C: EHLO client.example.com
      S: 250-SG2PEPF000B66D0.outlook.office365.com Hello [192.0.2.1]
      S: 250-SIZE 157286400
      S: 250-PIPELINING
      S: 250-STARTTLS
      S: 250 SMTPUTF8
      C: STARTTLS
      S: 220 2.0.0 SMTP server ready
      TLS
      C: EHLO client.example.com
      S: 250-SG2PEPF000B66D0.outlook.office365.com Hello [192.0.2.1]
      S: 250-SIZE 157286400
      S: 250-PIPELINING
      S: 250-DSN
      S: 250-ENHANCEDSTATUSCODES
      S: 250-AUTH LOGIN XOAUTH2
      S: 250-8BITMIME
      S: 250-BINARYMIME
      S: 250 SMTPUTF8
      C: AUTH XOAUTH2 ${xoauth2(TOKEN)}
      S: 235 2.7.0 Authentication successful
      C: MAIL FROM:<app@example.com> SIZE=26
      C: RCPT TO:<user@example.com>
      C: DATA
      S: 250 2.1.0 Sender OK
      S: 250 2.1.5 Recipient OK
      S: 354 Start mail input; end with <CRLF>.<CRLF>
      C: Subject: Hello
      C: 
      C: Hello.
      C: .
      S: 250 2.0.0 OK <id@example.com> [Hostname=SG2PEPF000B66D0] Queued mail for delivery
      C: QUIT
      S: 221 2.0.0 Service closing transmission channel
      END`;
    const events: PostbearerEvent[] = [];
    const verdicts = await play(
      { transcript, delivery, security: 'starttls', onEvent: (event) => events.push(event) },
      async (connection) => {
        expect(connection.capabilities).toMatchObject({ startTls: false, sizeLimitBytes: 157_286_400, dsn: true });
        expect(connection.tls).toMatchObject({ certificate: { names: expect.stringContaining('DNS:localhost') } });
        expect(await connection.authenticate(BEARER)).toEqual({ ok: true, value: { mechanism: 'XOAUTH2' } });
        const sent = await connection.send(message(HELLO));
        expect(connection.messagesSent).toBe(1);
        await connection.quit();
        expect(connection.isUsable).toBe(false);
        return sent;
      },
    );
    expect(verdicts).toEqual([
      {
        outcome: 'accepted',
        recipient: 'user@example.com',
        reply: {
          kind: 'smtp',
          stage: 'final',
          host: 'localhost',
          code: 250,
          enhanced: '2.0.0',
          lines: ['OK <id@example.com> [Hostname=SG2PEPF000B66D0] Queued mail for delivery'],
        },
      },
    ]);
    expect(events.map(({ name }) => name).filter((name) => name !== 'smtp.dialogue')).toEqual([
      'smtp.connected',
      'smtp.authenticated',
      'smtp.closed',
    ]);
    const told = events.flatMap((event) =>
      event.name === 'smtp.dialogue' && event.from === 'client' ? event.text : [],
    );
    expect(told).toContain('AUTH XOAUTH2 [secret]');
    expect(JSON.stringify(events)).not.toContain(TOKEN);
  });

  it('sends one command at a time where pipelining is not offered', async () => {
    const transcript = `
      ${opening()}
      C: MAIL FROM:<app@example.com>
      S: 250 ok
      C: RCPT TO:<a@example.com>
      S: 250 ok
      C: RCPT TO:<b@example.com>
      S: 251 will forward
      C: DATA
      S: 354 go
      C: Subject: Hello
      C: 
      C: Hello.
      C: .
      S: 250 taken`;
    const verdicts = await play({ transcript, delivery }, (connection) =>
      connection.send(message(HELLO, 'a@example.com', 'b@example.com')),
    );
    expect(outcomes(verdicts)).toEqual(['accepted 250', 'accepted 250']);
  });

  it('judges each recipient by its own reply, and sends to those that are left', async () => {
    const transcript = `
      ${opening('PIPELINING')}
      C: MAIL FROM:<app@example.com>
      C: RCPT TO:<gone@example.com>
      C: RCPT TO:<here@example.com>
      C: RCPT TO:<full@example.com>
      C: DATA
      S: 250 2.1.0 ok
      S: 550 5.1.1 no such user
      S: 250 2.1.5 ok
      S: 452 4.2.2 over quota
      S: 354 go
      C: Subject: Hello
      C: 
      C: Hello.
      C: .
      S: 250 2.0.0 taken`;
    const verdicts = await play({ transcript, delivery }, (connection) =>
      connection.send(message(HELLO, 'gone@example.com', 'here@example.com', 'full@example.com')),
    );
    expect(outcomes(verdicts)).toEqual([
      'refused SMTP_RECIPIENT_REFUSED',
      'accepted 250',
      'deferred SMTP_RECIPIENT_DEFERRED',
    ]);
    expect(verdicts[0]).toMatchObject({
      recipient: 'gone@example.com',
      fault: {
        message: 'localhost refused the recipient gone@example.com.',
        next: 'give-up',
        evidence: { stage: 'rcpt', code: 550, enhanced: '5.1.1', lines: ['no such user'] },
      },
    });
  });

  it('ends an empty message with a lone dot when every recipient was refused and DATA was not', async () => {
    const transcript = `
      ${opening('PIPELINING')}
      C: MAIL FROM:<app@example.com>
      C: RCPT TO:<gone@example.com>
      C: DATA
      S: 250 ok
      S: 550 5.1.1 no such user
      S: 354 go
      C: .
      S: 250 taken, says this odd server
      C: MAIL FROM:<app@example.com>
      C: RCPT TO:<user@example.com>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Subject: Hello
      C: 
      C: Hello.
      C: .
      S: 250 taken`;
    const both = await play({ transcript, delivery }, async (connection) => [
      await connection.send(message(HELLO, 'gone@example.com')),
      await connection.send(message(HELLO)),
    ]);
    expect(both.map(outcomes)).toEqual([['refused SMTP_RECIPIENT_REFUSED'], ['accepted 250']]);
  });

  it('says RSET before the next message only where a transaction was left open', async () => {
    const transcript = `
      ${opening('PIPELINING')}
      C: MAIL FROM:<app@example.com>
      C: RCPT TO:<gone@example.com>
      C: DATA
      S: 250 ok
      S: 550 5.1.1 no such user
      S: 503 5.5.1 no recipients
      C: RSET
      C: MAIL FROM:<app@example.com>
      C: RCPT TO:<user@example.com>
      C: DATA
      S: 250 reset
      S: 550 5.7.60 you may not send as this sender
      S: 503 5.5.1 MAIL first
      S: 503 5.5.1 MAIL first
      C: MAIL FROM:<app@example.com>
      C: RCPT TO:<user@example.com>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Subject: Hello
      C: 
      C: Hello.
      C: .
      S: 554 5.2.252 SendAsDenied
      C: MAIL FROM:<app@example.com>
      C: RCPT TO:<user@example.com>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 452 4.3.1 not now
      C: RSET
      S: 250 reset`;
    const all = await play({ transcript, delivery }, async (connection) => {
      const sent = [
        await connection.send(message(HELLO, 'gone@example.com')),
        await connection.send(message(HELLO)),
        await connection.send(message(HELLO)),
        await connection.send(message(HELLO)),
      ];
      expect(await connection.reset()).toEqual({ ok: true, value: undefined });
      return sent;
    });
    expect(all.map(outcomes)).toEqual([
      ['refused SMTP_RECIPIENT_REFUSED'],
      ['refused SMTP_SENDER_REFUSED'],
      ['refused SMTP_MESSAGE_REFUSED'],
      ['deferred SMTP_MESSAGE_DEFERRED'],
    ]);
    expect(all[2]).toMatchObject([{ fault: { evidence: { stage: 'final', code: 554, enhanced: '5.2.252' } } }]);
  });

  it('sends the envelope in one piece and the content as one chunk, where chunks and pipelining are offered', async () => {
    const transcript = `
      ${opening('PIPELINING', 'CHUNKING', 'SIZE 1000')}
      C: MAIL FROM:<app@example.com> SIZE=26
      C: RCPT TO:<a@example.com>
      C: RCPT TO:<b@example.com>
      S: 250 ok
      S: 550 5.1.1 no such user
      S: 250 ok
      C: BDAT 26 LAST
      C: Subject: Hello
      C: 
      C: Hello.
      S: 250 2.0.0 taken
      C: MAIL FROM:<app@example.com> SIZE=20
      C: RCPT TO:<user@example.com>
      S: 250 ok
      S: 250 ok
      C: BDAT 20 LAST
      C: Subject: x
      C: 
      C: .dot
      S: 250 2.0.0 taken`;
    const both = await play({ transcript, delivery }, async (connection) => [
      await connection.send(message(HELLO, 'a@example.com', 'b@example.com')),
      // The last line has no ending of its own and gets one.
      await connection.send(message('Subject: x\r\n\r\n.dot')),
    ]);
    expect(both.map(outcomes)).toEqual([['refused SMTP_RECIPIENT_REFUSED', 'accepted 250'], ['accepted 250']]);
  });

  it('sends no chunk when the sender or every recipient was refused', async () => {
    const transcript = `
      ${opening('PIPELINING', 'CHUNKING')}
      C: MAIL FROM:<app@example.com>
      C: RCPT TO:<gone@example.com>
      S: 250 ok
      S: 550 5.1.1 no such user
      C: RSET
      C: MAIL FROM:<app@example.com>
      C: RCPT TO:<user@example.com>
      S: 250 ok
      S: 530 5.7.57 Client not authenticated to send mail.
      S: 503 5.5.1 MAIL first
      C: MAIL FROM:<app@example.com>
      C: RCPT TO:<user@example.com>
      S: 250 ok
      S: 250 ok
      C: BDAT 26 LAST
      C: Subject: Hello
      C: 
      C: Hello.
      S: 250 taken`;
    const all = await play({ transcript, delivery }, async (connection) => [
      await connection.send(message(HELLO, 'gone@example.com')),
      await connection.send(message(HELLO)),
      await connection.send(message(HELLO)),
    ]);
    expect(all.map(outcomes)).toEqual([
      ['refused SMTP_RECIPIENT_REFUSED'],
      ['deferred SMTP_AUTH_REQUIRED'],
      ['accepted 250'],
    ]);
  });

  it('sends a chunk after its envelope where pipelining is not offered', async () => {
    const transcript = `
      ${opening('CHUNKING')}
      C: MAIL FROM:<app@example.com>
      S: 250 ok
      C: RCPT TO:<user@example.com>
      S: 250 ok
      C: BDAT 26 LAST
      C: Subject: Hello
      C: 
      C: Hello.
      S: 552 5.3.4 too large
      C: RSET
      S: 250 ok
      C: MAIL FROM:<app@example.com>
      S: 250 ok
      C: RCPT TO:<user@example.com>
      S: 550 5.1.1 no such user`;
    const both = await play({ transcript, delivery }, async (connection) => [
      await connection.send(message(HELLO)),
      await connection.send(message(HELLO)),
    ]);
    expect(both.map(outcomes)).toEqual([['refused SMTP_MESSAGE_REFUSED'], ['refused SMTP_RECIPIENT_REFUSED']]);
  });

  it('sends content that is read on the way by DATA, doubled dots and completed last line', async () => {
    const transcript = `
      ${opening('PIPELINING', 'CHUNKING', '8BITMIME')}
      C: MAIL FROM:<app@example.com> BODY=8BITMIME
      C: RCPT TO:<user@example.com>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Subject: Hello
      C: 
      C: ..
      C: ..hidden
      C: grüße
      C: .
      S: 250 taken`;
    const content = inPieces('Subject: Hello\r', '\n\r\n', '.', '\r\n.hid', 'den\r\n', 'grüße');
    const verdicts = await play({ transcript, delivery }, (connection) => connection.send(message(content)));
    expect(outcomes(verdicts)).toEqual(['accepted 250']);
  });

  it('asks for what the message needs: 8-bit bytes, international addresses, notices', async () => {
    const transcript = `
      ${opening('PIPELINING', '8BITMIME', 'SMTPUTF8', 'DSN')}
      C: MAIL FROM:<app@example.com> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=order+2B7+20x+3D1
      C: RCPT TO:<jürgen@example.com> NOTIFY=SUCCESS,FAILURE
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Subject: Grüße
      C: 
      C: .
      S: 250 taken
      C: MAIL FROM:<> RET=FULL
      C: RCPT TO:<user@example.com> NOTIFY=NEVER
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Subject: plain
      C: 
      C: .
      S: 250 taken`;
    const notices: Message = {
      content: Buffer.from('Subject: Grüße\r\n\r\n'),
      envelope: {
        sender: address('app@example.com'),
        recipients: [address('jürgen@example.com')],
        dsn: { return: 'headers', envelopeId: 'order+7 x=1', notify: ['success', 'failure'] },
      },
    };
    const bounce: Message = {
      content: Buffer.from('Subject: plain\r\n\r\n'),
      envelope: { sender: '', recipients: [address('user@example.com')], dsn: { return: 'full', notify: [] } },
    };
    const both = await play({ transcript, delivery }, async (connection) => [
      await connection.send(notices),
      await connection.send(bounce),
    ]);
    expect(both.map(outcomes)).toEqual([['accepted 250'], ['accepted 250']]);
  });

  it('asks for single recipients, and names for whom the message was at first', async () => {
    const transcript = `
      ${opening('PIPELINING', 'DSN')}
      C: MAIL FROM:<app@example.com> RET=HDRS
      C: RCPT TO:<a@example.com> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;old+2Bname@example.com
      C: RCPT TO:<b@example.com> NOTIFY=DELAY
      C: RCPT TO:<c@example.com> NOTIFY=NEVER ORCPT=rfc822;all+20of+20them
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Subject: plain
      C: 
      C: .
      S: 250 taken`;
    const [a, b, c] = [address('a@example.com'), address('b@example.com'), address('c@example.com')] as const;
    const asking: Message = {
      content: Buffer.from('Subject: plain\r\n\r\n'),
      envelope: {
        sender: address('app@example.com'),
        recipients: [a, b, c],
        dsn: {
          return: 'headers',
          notify: ['delay'],
          recipients: [
            { recipient: c, notify: [], originalRecipient: { addressType: 'rfc822', address: 'all of them' } },
            {
              recipient: a,
              notify: ['success', 'failure'],
              originalRecipient: { addressType: 'rfc822', address: 'old+name@example.com' },
            },
          ],
        },
      },
    };
    const verdicts = await play({ transcript, delivery }, async (connection) => await connection.send(asking));
    expect(outcomes(verdicts)).toEqual(['accepted 250', 'accepted 250', 'accepted 250']);
    expect(verdicts.some((verdict) => 'isDsnDropped' in verdict)).toBe(false);
  });

  it('leaves a request for notices out where it may, and says so with the verdict', async () => {
    const transcript = `
      ${opening('PIPELINING')}
      C: MAIL FROM:<app@example.com>
      C: RCPT TO:<a@example.com>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Subject: plain
      C: 
      C: .
      S: 250 taken`;
    const recipient = address('a@example.com');
    const dsn = { isOptional: true, envelopeId: 'x', recipients: [{ recipient, notify: ['success'] }] } as const;
    const asking: Message = {
      content: Buffer.from('Subject: plain\r\n\r\n'),
      envelope: { sender: address('app@example.com'), recipients: [recipient], dsn },
    };
    const verdicts = await play({ transcript, delivery }, async (connection) => await connection.send(asking));
    expect(verdicts).toMatchObject([{ outcome: 'accepted', isDsnDropped: true }]);
  });

  it('tries an envelope without sending a message', async () => {
    const transcript = `
      ${opening('PIPELINING')}
      C: MAIL FROM:<app@example.com>
      S: 250 ok
      C: RCPT TO:<user@example.com>
      S: 250 ok
      C: RSET
      S: 250 ok
      C: MAIL FROM:<app@example.com>
      S: 250 ok
      C: RCPT TO:<user@example.com>
      S: 550 5.1.1 no such user
      C: RSET
      S: 250 ok`;
    const { envelope } = message(HELLO);
    const both = await play({ transcript, delivery }, async (connection) => [
      await connection.checkEnvelope(envelope),
      await connection.checkEnvelope(envelope),
    ]);
    expect(both).toMatchObject([{ ok: true }, { ok: false, fault: { code: 'SMTP_RECIPIENT_REFUSED' } }]);
  });

  it('speaks HELO to a server that knows nothing else, where no encryption is asked for', async () => {
    const transcript = `
      S: 220-mx.example.com
      S: 220 second line of the greeting
      C: EHLO client.example.com
      S: 502 5.5.1 what
      C: HELO client.example.com
      S: 250 mx.example.com
      C: MAIL FROM:<app@example.com>
      S: 250 ok
      C: RCPT TO:<user@example.com>
      S: 250 ok
      C: DATA
      S: 354 go
      C: Subject: Hello
      C: 
      C: Hello.
      C: .
      S: 250 taken`;
    const verdicts = await play({ transcript, delivery }, (connection) => {
      expect(connection.capabilities.isExtended).toBe(false);
      return connection.send(message(HELLO));
    });
    expect(outcomes(verdicts)).toEqual(['accepted 250']);
  });
});

describe('the transcript server', () => {
  it('notices a client that says anything else', async () => {
    const transcript = `
      ${opening('PIPELINING')}
      C: MAIL FROM:<somebody.else@example.com>`;
    await expect(
      play({ transcript, delivery: 'all at once' }, (connection) => connection.send(message(HELLO))),
    ).rejects.toThrow('Expected "MAIL FROM:<somebody.else@example.com>');
  });
});
