/** Code that uses nodemailer changes one line and sends with a token. */
import { Readable } from 'node:stream';
import type { Emulator } from '@postbearer/emulator';
import { createMailer, type Mailer } from '@postbearer/mailer';
import { createNodemailerTransport, PostbearerSendError } from '@postbearer/mailer/nodemailer';
import nodemailer from 'nodemailer';
import PostalMime from 'postal-mime';
import { startCanaryEmulator } from '../setup/canary-emulator.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';

let emulator: Emulator;
let mailer: Mailer;

beforeEach(async () => {
  emulator = await startCanaryEmulator();
  mailer = createMailer(emulator.settings(), { environment: {} });
});

afterEach(async () => {
  await mailer.close();
  await emulator.close();
});

const MAIL = {
  from: 'notifications@contoso.example',
  to: ['a@example.com', 'b@example.com'],
  bcc: 'c@example.com',
  subject: 'Hi',
  text: 'x',
};

test('sendMail delivers, streams included, and reports as nodemailer does', async () => {
  const transport = nodemailer.createTransport(createNodemailerTransport(mailer));
  const bytes = Buffer.alloc(300_000, 'stream');
  const info = await transport.sendMail({
    ...MAIL,
    attachments: [{ filename: 's.bin', content: Readable.from([bytes]) }],
  });
  expect(info).toMatchObject({ accepted: ['a@example.com', 'b@example.com', 'c@example.com'], rejected: [] });
  const [message] = emulator.messages;
  const mail = await PostalMime.parse(message?.bytes ?? '');
  expect(info.messageId).toBe(mail.messageId);
  expect(Buffer.from(mail.attachments[0]?.content as ArrayBuffer).equals(bytes)).toBe(true);
});

test('a refused sign-in is an error that carries the fault', async () => {
  emulator.state.expireSecret(emulator.defaults.clientId);
  const transport = nodemailer.createTransport(createNodemailerTransport(mailer));
  const error: unknown = await transport.sendMail(MAIL).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(PostbearerSendError);
  expect(error).toMatchObject({
    code: 'M365_CLIENT_SECRET_EXPIRED',
    message: expect.stringContaining('Client secret expired'),
  });
});

test('recipients that were refused come back as rejected, the others as accepted', async () => {
  emulator.faults.add({ stage: 'rcpt', times: 1, action: { kind: 'reply', text: '550 5.1.1 User unknown' } });
  const transport = nodemailer.createTransport(createNodemailerTransport(mailer));
  const info = await transport.sendMail(MAIL);
  expect(info).toMatchObject({ rejected: ['a@example.com'], accepted: ['b@example.com', 'c@example.com'] });
});

test('verify says whether mail would go out', async () => {
  const transport = nodemailer.createTransport(createNodemailerTransport(mailer));
  expect(await transport.verify()).toBe(true);
  emulator.state.setSmtpAuth({ tenant: emulator.defaults.tenantId, enabled: false });
  await expect(transport.verify()).rejects.toMatchObject({ code: 'M365_SMTP_AUTH_DISABLED_TENANT' });
});
