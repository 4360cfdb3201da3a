/** Faults that only other people's programs report: Postbearer does not make these mistakes, but explains them. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

const READ = '2026-11-25';

/** What `explain` finds beside the faults that our own packages report. */
export const explainFaults: FaultCatalogue<
  | 'DIAGNOSIS_TLS_MODE'
  | 'DIAGNOSIS_NO_GREETING'
  | 'DIAGNOSIS_CREDENTIALS_EMPTY'
  | 'DIAGNOSIS_CLIENT_WITHOUT_TOKEN'
  | 'DIAGNOSIS_NOT_THE_TOKEN_ENDPOINT'
> = defineFaults({
  DIAGNOSIS_TLS_MODE: {
    title: 'TLS mode does not fit the port',
    message: 'The program began with TLS where the server begins in clear text.',
    cause:
      'Port 587 starts in clear text and is encrypted by STARTTLS; TLS from the first byte belongs to port 465, which smtp.office365.com does not serve.',
    remedy: {
      steps: [
        'Set the port to 587 and choose STARTTLS; programs call it "secure: false" with STARTTLS required, "TLS", "explicit TLS" or "ENABLESSL on 587".',
        'Turn off whatever is called SSL, "secure: true", "implicit TLS" or SMTPS for this server.',
      ],
    },
    next: 'fix-configuration',
    source: 'RFC 8314 section 3.3; RFC 3207 section 4',
    read: READ,
  },
  DIAGNOSIS_NO_GREETING: {
    title: 'No SMTP greeting',
    message: 'The connection stands, but the server did not say its 220 greeting.',
    cause:
      'The port wants TLS from the first byte and waits for it, or a firewall that inspects SMTP holds the session back.',
    remedy: {
      steps: [
        'For Microsoft 365 use smtp.office365.com, port 587, STARTTLS.',
        'Let the firewall pass SMTP to that host without inspection.',
        'If it happens only now and then, let the program wait longer: five minutes are usual for a greeting.',
      ],
    },
    next: 'retry',
    source: 'RFC 5321 section 4.5.3.2.1',
    read: READ,
  },
  DIAGNOSIS_CREDENTIALS_EMPTY: {
    title: 'No credentials in the program',
    message: 'The program wants to sign in and has no user name, password or token to do it with.',
    cause: 'A setting is empty, or is not read: another name, another environment, another file.',
    remedy: {
      steps: [
        'Print what the program really has for user name and secret: whether it is set, not its value.',
        'For OAuth give it the mailbox address as user and the access token, and choose OAuth 2 (XOAUTH2) as the way to sign in.',
        'A program that knows no OAuth can hand its mail to Postbearer with a password of its own: postbearer app add NAME --mailbox ADDRESS.',
      ],
    },
    next: 'fix-configuration',
    source: 'github.com/nodemailer/nodemailer issue 1255',
    read: READ,
  },
  DIAGNOSIS_CLIENT_WITHOUT_TOKEN: {
    title: 'The program got no token',
    message: 'The mail program itself has no usable token: it broke off before the mail server could judge anything.',
    cause:
      'It cannot run this grant, its stored token cannot be read or renewed, or the token endpoint refused it; the real reason stands in its token request.',
    remedy: {
      steps: [
        'Find the reply of the token endpoint in the log of the same program and explain that text: it begins with AADSTS or holds "error_description".',
        'Check that the account of the program may read and write its token file.',
        'If the program cannot do client credentials, get the token elsewhere and hand it over, or let Postbearer send for it: postbearer app add NAME --mailbox ADDRESS.',
      ],
    },
    next: 'fix-configuration',
    source: 'github.com/tarickb/sasl-xoauth2 issue 69; github.com/nodemailer/nodemailer issue 1552',
    read: READ,
  },
  DIAGNOSIS_NOT_THE_TOKEN_ENDPOINT: {
    title: 'Not the token endpoint',
    message: "What answered is not Microsoft's token endpoint.",
    cause:
      'The URL is another page or another provider, or a proxy or a filtering gateway answered in its place with a page of its own.',
    remedy: {
      steps: [
        'Use https://{loginHost}/{tenant}/oauth2/v2.0/token.',
        'If the answer is a page of a proxy or gateway, let {loginHost} pass it without inspection or sign-in.',
      ],
    },
    next: 'fix-configuration',
    source: 'https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow',
    read: READ,
  },
});
