/** The faults that the SMTP client can report: what failed, why, and what an administrator does about it. */
import {
  defineFaults,
  type FaultCatalogue,
  type FaultDefinition,
  type NextStep,
  type SmtpStage,
} from '@postbearer/core';

const READ = '2026-11-24';

/** Codes of faults on the way to an open session. */
type SessionCode =
  | 'SMTP_HOST_NOT_FOUND'
  | 'SMTP_NAME_LOOKUP_FAILED'
  | 'SMTP_CONNECTION_REFUSED'
  | 'SMTP_UNREACHABLE'
  | 'SMTP_OPTIONS_INVALID'
  | 'SMTP_GREETING_REFUSED'
  | 'SMTP_GREETING_DEFERRED'
  | 'SMTP_EHLO_REFUSED'
  | 'SMTP_PROTOCOL_ERROR'
  | 'SMTP_CONNECTION_LOST'
  | 'SMTP_SERVICE_CLOSING';

/** Codes of faults of encryption. */
type TlsCode =
  | 'SMTP_STARTTLS_NOT_OFFERED'
  | 'SMTP_STARTTLS_REFUSED'
  | 'SMTP_STARTTLS_UNAVAILABLE'
  | 'SMTP_STARTTLS_INJECTION'
  | 'SMTP_TLS_HANDSHAKE_FAILED'
  | 'SMTP_TLS_INTERRUPTED'
  | 'SMTP_TLS_VERSION_UNSUPPORTED'
  | 'SMTP_CERTIFICATE_EXPIRED'
  | 'SMTP_CERTIFICATE_NOT_YET_VALID'
  | 'SMTP_CERTIFICATE_WRONG_HOST'
  | 'SMTP_CERTIFICATE_COMMON_NAME_ONLY'
  | 'SMTP_CERTIFICATE_SELF_SIGNED'
  | 'SMTP_CERTIFICATE_UNKNOWN_AUTHORITY'
  | 'SMTP_CERTIFICATE_WEAK'
  | 'SMTP_CERTIFICATE_REJECTED';

/** Codes of faults of signing in. */
type AuthCode =
  | 'SMTP_AUTH_REFUSED'
  | 'SMTP_AUTH_DEFERRED'
  | 'SMTP_AUTH_REQUIRED'
  | 'SMTP_AUTH_NEEDS_TLS'
  | 'SMTP_AUTH_MECHANISM_NOT_OFFERED'
  | 'SMTP_AUTH_CREDENTIALS_INVALID';

/** Codes of faults of one message. */
type MessageCode =
  | 'SMTP_SENDER_REFUSED'
  | 'SMTP_SENDER_DEFERRED'
  | 'SMTP_RECIPIENT_REFUSED'
  | 'SMTP_RECIPIENT_DEFERRED'
  | 'SMTP_MESSAGE_REFUSED'
  | 'SMTP_MESSAGE_DEFERRED'
  | 'SMTP_MESSAGE_TOO_LARGE'
  | 'SMTP_8BITMIME_NOT_OFFERED'
  | 'SMTP_SMTPUTF8_NOT_OFFERED'
  | 'SMTP_DSN_NOT_OFFERED'
  | 'SMTP_OUTCOME_UNCERTAIN'
  | 'MESSAGE_BARE_LINE_ENDING'
  | 'MESSAGE_DSN_INVALID';

type TimeoutCode = `SMTP_${Uppercase<SmtpStage>}_TIMEOUT`;

/** Every fault code of the client. */
export type ClientFaultCode = SessionCode | TlsCode | AuthCode | MessageCode | TimeoutCode;

const sessionDefinitions: Readonly<Record<SessionCode, FaultDefinition>> = {
  SMTP_HOST_NOT_FOUND: {
    title: 'SMTP server name not found',
    message: 'The name {host} does not exist.',
    cause: 'The name of the SMTP server is misspelt, or the DNS server of this machine does not know it.',
    remedy: {
      steps: ['Check the name of the SMTP server in the settings.', 'Check that this machine can resolve {host}.'],
      command: 'nslookup {host}',
    },
    next: 'fix-configuration',
    source: 'RFC 5321 section 5.1',
    read: READ,
  },
  SMTP_NAME_LOOKUP_FAILED: {
    title: 'Name lookup failed',
    message: 'The name {host} could not be looked up: {detail}.',
    cause: 'The DNS server of this machine did not answer.',
    remedy: { steps: ['Check the DNS settings and the network of this machine.'], command: 'nslookup {host}' },
    next: 'retry',
    source: 'RFC 5321 section 5.1',
    read: READ,
  },
  SMTP_CONNECTION_REFUSED: {
    title: 'Connection refused',
    message: '{host} refuses connections on port {port}.',
    cause: 'Nothing listens on that port, or a firewall answers in place of the server.',
    remedy: {
      steps: [
        'Check the port: 587 for STARTTLS, 465 for TLS from the start.',
        'Open outgoing TCP port {port} to {host} in the firewall.',
      ],
    },
    next: 'retry',
    source: 'RFC 8314 section 3.3',
    read: READ,
  },
  SMTP_UNREACHABLE: {
    title: 'SMTP server not reachable',
    message: 'No connection to {host} port {port}: {detail}.',
    cause: 'The network between this machine and the server is down, or something on the way ends connections.',
    remedy: { steps: ['Check the network, the routes and the firewall between this machine and {host}.'] },
    next: 'retry',
    source: 'RFC 5321 section 5.1',
    read: READ,
  },
  SMTP_OPTIONS_INVALID: {
    title: 'SMTP settings not usable',
    message: 'The setting {setting} cannot be used: {reason}.',
    cause: 'A name that goes into an SMTP command may hold only visible ASCII characters.',
    remedy: { steps: ['Correct {setting}.'] },
    next: 'fix-configuration',
    source: 'RFC 5321 section 4.1.2',
    read: READ,
  },
  SMTP_GREETING_REFUSED: {
    title: 'Server takes no mail from here',
    message: '{host} refused the connection with {code}.',
    cause: 'The server does not serve this address, or it is not an SMTP server for this use.',
    remedy: {
      steps: ['Check host and port.', 'Ask the operator of {host} whether the address of this machine is blocked.'],
    },
    next: 'fix-configuration',
    source: 'RFC 5321 section 3.1',
    read: READ,
  },
  SMTP_GREETING_DEFERRED: {
    title: 'Server not available now',
    message: '{host} is not available now and answered {code}.',
    cause: 'The server is busy, is being shut down, or limits connections from here.',
    remedy: { steps: ['Wait; the next attempt may work.', 'If it lasts, use fewer connections.'] },
    next: 'retry',
    source: 'RFC 5321 section 4.2.2',
    read: READ,
  },
  SMTP_EHLO_REFUSED: {
    title: 'Server does not speak ESMTP',
    message: '{host} refused EHLO with {code}.',
    cause: 'Encryption and signing in are extensions of SMTP, which begin with EHLO. Without it neither is possible.',
    remedy: {
      steps: ['Check host and port.', 'Look for a firewall that filters SMTP commands and switch that filter off.'],
    },
    next: 'fix-configuration',
    source: 'RFC 5321 section 3.2',
    read: READ,
  },
  SMTP_PROTOCOL_ERROR: {
    title: 'Answer out of order',
    message: '{host} answered {stage} in a way that SMTP does not allow: {reason}.',
    cause: 'The server, or something between, is out of step with this client. The connection was dropped.',
    remedy: {
      steps: [
        'Wait; the next attempt may work.',
        'If it lasts, look for a proxy or firewall that changes SMTP traffic.',
      ],
    },
    next: 'retry',
    source: 'RFC 5321 section 4.3',
    read: READ,
  },
  SMTP_CONNECTION_LOST: {
    title: 'Connection lost',
    message: 'The connection to {host} broke during {stage}: {detail}.',
    cause: 'The server or the network ended the connection before the message was handed over.',
    remedy: { steps: ['Wait; the next attempt may work.', 'If it lasts, check the network between here and {host}.'] },
    next: 'retry',
    source: 'RFC 5321 section 3.8',
    read: READ,
  },
  SMTP_SERVICE_CLOSING: {
    title: 'Server ends the session',
    message: '{host} ended the session with {code}.',
    cause: 'The server is being shut down, limits messages or time of a session, or the session was idle too long.',
    remedy: { steps: ['Wait; the next attempt opens a new session.'] },
    next: 'retry',
    source: 'RFC 5321 section 3.8',
    read: READ,
  },
};

const certificate = {
  next: 'fix-configuration',
  source: 'RFC 9525 section 6, RFC 5280 section 6',
  read: READ,
} as const satisfies Partial<FaultDefinition>;

const tlsDefinitions: Readonly<Record<TlsCode, FaultDefinition>> = {
  SMTP_STARTTLS_NOT_OFFERED: {
    title: 'No encryption offered',
    message: '{host} does not offer STARTTLS on port {port}.',
    cause: 'It is the wrong port, or something between removes the offer. Nothing is sent without encryption.',
    remedy: {
      steps: [
        'Use port 587 for STARTTLS, or 465 with TLS from the start.',
        'Look for a firewall or a virus scanner that filters SMTP and switch that filter off.',
      ],
    },
    next: 'fix-configuration',
    source: 'RFC 3207 section 4',
    read: READ,
  },
  SMTP_STARTTLS_REFUSED: {
    title: 'Encryption refused',
    message: '{host} refused STARTTLS with {code}.',
    cause: 'The server offers encryption and does not do it, or something between stands in the way.',
    remedy: { steps: ['Ask the operator of {host}.', 'Look for a firewall that filters SMTP commands.'] },
    next: 'fix-configuration',
    source: 'RFC 3207 section 4',
    read: READ,
  },
  SMTP_STARTTLS_UNAVAILABLE: {
    title: 'Encryption not available now',
    message: '{host} cannot encrypt now and answered {code}.',
    cause: 'The server reports a temporary problem with TLS. Nothing is sent without encryption.',
    remedy: { steps: ['Wait; the next attempt may work.', 'If it lasts, ask the operator of {host}.'] },
    next: 'retry',
    source: 'RFC 3207 section 4',
    read: READ,
  },
  SMTP_STARTTLS_INJECTION: {
    title: 'Plain text after STARTTLS',
    message: '{host} sent more text after agreeing to STARTTLS.',
    cause: 'Somebody on the way may be putting words into the session before it is encrypted. The session was dropped.',
    remedy: {
      steps: ['Treat the network path as attacked until shown otherwise.', 'Ask the operator of {host} if it lasts.'],
    },
    next: 'fix-configuration',
    source: 'RFC 3207 section 6 (STARTTLS injection, CVE-2011-0411)',
    read: READ,
  },
  SMTP_TLS_HANDSHAKE_FAILED: {
    title: 'Encryption could not be agreed',
    message: 'The TLS handshake with {host} failed: {detail}.',
    cause: 'The other side does not speak TLS here, or offers nothing that is safe enough.',
    remedy: {
      steps: ['Check the port: 587 for STARTTLS, 465 for TLS from the start.', 'Ask the operator of {host}.'],
    },
    next: 'fix-configuration',
    source: 'RFC 8446 section 4',
    read: READ,
  },
  SMTP_TLS_INTERRUPTED: {
    title: 'Connection lost while encrypting',
    message: 'The connection to {host} broke during the TLS handshake: {detail}.',
    cause: 'The server or something between ended the connection.',
    remedy: {
      steps: [
        'Wait; the next attempt may work.',
        'If it lasts, look for a firewall that does not let TLS pass on port {port}.',
      ],
    },
    next: 'retry',
    source: 'RFC 8446 section 4',
    read: READ,
  },
  SMTP_TLS_VERSION_UNSUPPORTED: {
    title: 'TLS too old',
    message: '{host} has no TLS version of at least {minVersion}.',
    cause: 'The server speaks only TLS 1.0 or 1.1, which are broken and no longer allowed.',
    remedy: { steps: ['Have TLS 1.2 or later switched on at {host}.'] },
    next: 'fix-configuration',
    source: 'RFC 8996',
    read: READ,
  },
  SMTP_CERTIFICATE_EXPIRED: {
    ...certificate,
    title: 'Certificate expired',
    message: 'The certificate of {host} has expired.',
    cause: 'The certificate was not renewed, or the clock of this machine is wrong.',
    remedy: { steps: ['Check the clock of this machine.', 'Have the certificate of {host} renewed.'] },
  },
  SMTP_CERTIFICATE_NOT_YET_VALID: {
    ...certificate,
    title: 'Certificate not yet valid',
    message: 'The certificate of {host} is not valid yet.',
    cause: 'The clock of this machine is behind, or the certificate was put to use too early.',
    remedy: { steps: ['Check the clock of this machine.', 'Have the certificate of {host} checked.'] },
  },
  SMTP_CERTIFICATE_WRONG_HOST: {
    ...certificate,
    title: 'Certificate for another name',
    message: 'The certificate of the server is not for {servername}.',
    cause: 'The settings name the server by another name than its certificate, or another server answers.',
    remedy: {
      steps: [
        'Use a name of the server that its certificate lists.',
        'If the name is right, find out who answers in its place.',
      ],
    },
  },
  SMTP_CERTIFICATE_COMMON_NAME_ONLY: {
    ...certificate,
    title: 'Certificate without host names',
    message: 'The certificate of {servername} names its host only as common name.',
    cause: 'The common name is free text and proves nothing; host names stand in the subject alternative names.',
    remedy: { steps: ['Have a certificate issued for {servername} that lists the name as subject alternative name.'] },
  },
  SMTP_CERTIFICATE_SELF_SIGNED: {
    ...certificate,
    title: 'Self-signed certificate',
    message: 'The certificate of {host} is signed by itself.',
    cause: 'Nobody but the server vouches for its name, so anybody on the way could show such a certificate.',
    remedy: {
      steps: [
        'Have a certificate issued by an authority that this machine trusts.',
        'If it is your own server, name the certificate in smtp.caFile or EMAIL_SERVER_CA_FILE.',
      ],
    },
  },
  SMTP_CERTIFICATE_UNKNOWN_AUTHORITY: {
    ...certificate,
    title: 'Certificate of an unknown authority',
    message: 'The certificate of {host} comes from an authority that this machine does not trust.',
    cause: 'It is a private authority, the server leaves out an intermediate certificate, or another server answers.',
    remedy: {
      steps: [
        'If it is your own authority, name its certificate in smtp.caFile or EMAIL_SERVER_CA_FILE.',
        'Otherwise have {host} send its intermediate certificates.',
      ],
    },
  },
  SMTP_CERTIFICATE_WEAK: {
    ...certificate,
    title: 'Certificate too weak',
    message: 'The certificate of {host} is too weak to prove anything: {detail}.',
    cause:
      'It, or an authority above it, has an RSA key of less than 2048 bits or a signature with SHA-1; such can be forged.',
    remedy: { steps: ['Have a certificate issued for {host} with a key of 2048 bits or more, signed with SHA-256.'] },
  },
  SMTP_CERTIFICATE_REJECTED: {
    ...certificate,
    title: 'Certificate not acceptable',
    message: 'The certificate of {host} cannot be accepted: {detail}.',
    cause: 'The certificate breaks a rule of certificates, such as its purpose.',
    remedy: { steps: ['Have a correct certificate issued for {host}.'] },
  },
};

const authDefinitions: Readonly<Record<AuthCode, FaultDefinition>> = {
  SMTP_AUTH_REFUSED: {
    title: 'Sign-in refused',
    message: '{host} refused to sign in {username} with {mechanism}.',
    cause: 'The credentials are wrong, or the mailbox or organisation does not allow this way of signing in.',
    remedy: {
      steps: [
        'Check the user name and the credentials.',
        'Check that the mailbox may sign in over SMTP with {mechanism}.',
      ],
    },
    next: 'needs-person',
    source: 'RFC 4954 section 6',
    read: READ,
  },
  SMTP_AUTH_DEFERRED: {
    title: 'Sign-in not possible now',
    message: '{host} cannot sign in {username} now and answered {code}.',
    cause: 'The server reports a temporary problem with signing in.',
    remedy: { steps: ['Wait; the next attempt may work.'] },
    next: 'retry',
    source: 'RFC 4954 section 6',
    read: READ,
  },
  SMTP_AUTH_REQUIRED: {
    title: 'Server wants a sign-in',
    message: '{host} takes mail only after signing in.',
    cause: 'No credentials were used on this connection.',
    remedy: { steps: ['Set up OAuth, or a user name and a password, for this server.'] },
    next: 'fix-configuration',
    source: 'RFC 4954 section 6',
    read: READ,
  },
  SMTP_AUTH_NEEDS_TLS: {
    title: 'No sign-in without encryption',
    message: 'The connection to {host} is not encrypted, so nothing of the credentials was sent.',
    cause: 'Credentials go only over an encrypted connection whose certificate was verified; no setting changes that.',
    remedy: { steps: ['Switch on encryption (enableSsl) for {host}.'] },
    next: 'fix-configuration',
    source: 'RFC 4954 section 4, RFC 8314 section 3',
    read: READ,
  },
  SMTP_AUTH_MECHANISM_NOT_OFFERED: {
    title: 'Way of signing in not offered',
    message: '{host} offers {offered}, none of which is {wanted}.',
    cause: 'The server does not take this kind of credentials, or offers it only elsewhere.',
    remedy: { steps: ['Check host and port.', 'Use credentials of a kind that {host} takes: {offered}.'] },
    next: 'fix-configuration',
    source: 'RFC 4954 section 3',
    read: READ,
  },
  SMTP_AUTH_CREDENTIALS_INVALID: {
    title: 'Credentials not usable',
    message: 'The {part} cannot be used to sign in: {reason}.',
    cause: 'It is empty or holds a character that the sign-in format does not allow.',
    remedy: { steps: ['Correct the {part}.'] },
    next: 'fix-configuration',
    source: 'RFC 4616 section 2, RFC 7628 section 3.1',
    read: READ,
  },
};

function byServer(title: string, message: string, cause: string, next: NextStep, source: string): FaultDefinition {
  const steps = next === 'retry' ? ['Wait; the next attempt may work.'] : ['Read what the server said and act on it.'];
  return { title, message, cause, remedy: { steps }, next, source, read: READ };
}

const messageDefinitions: Readonly<Record<MessageCode, FaultDefinition>> = {
  SMTP_SENDER_REFUSED: byServer(
    'Sender refused',
    '{host} refused the sender {sender}.',
    'The server does not let this sender send, or refuses the message as announced.',
    'give-up',
    'RFC 5321 section 3.3',
  ),
  SMTP_SENDER_DEFERRED: byServer(
    'Sender not taken now',
    '{host} does not take mail from {sender} now.',
    'The server reports a temporary problem, or limits mail from this sender.',
    'retry',
    'RFC 5321 section 3.3',
  ),
  SMTP_RECIPIENT_REFUSED: byServer(
    'Recipient refused',
    '{host} refused the recipient {recipient}.',
    'The recipient does not exist there, or may not be written to.',
    'give-up',
    'RFC 5321 section 3.3',
  ),
  SMTP_RECIPIENT_DEFERRED: byServer(
    'Recipient not taken now',
    '{host} does not take mail for {recipient} now.',
    'The server reports a temporary problem with this recipient, or the message has too many of them.',
    'retry',
    'RFC 5321 section 3.3',
  ),
  SMTP_MESSAGE_REFUSED: byServer(
    'Message refused',
    '{host} refused the message.',
    'The server will not take this message.',
    'give-up',
    'RFC 5321 section 3.3',
  ),
  SMTP_MESSAGE_DEFERRED: byServer(
    'Message not taken now',
    '{host} does not take the message now.',
    'The server reports a temporary problem, or limits mail from this sender.',
    'retry',
    'RFC 5321 section 3.3',
  ),
  SMTP_MESSAGE_TOO_LARGE: {
    title: 'Message too large',
    message: 'The message has {size} bytes; {host} takes at most {limit}.',
    cause: 'The server states the largest message that it takes, and this one is larger.',
    remedy: { steps: ['Send smaller attachments, or a link in their place.', 'Have the limit at {host} raised.'] },
    next: 'fix-message',
    source: 'RFC 1870 section 6.1',
    read: READ,
  },
  SMTP_8BITMIME_NOT_OFFERED: {
    title: 'Server takes no 8-bit text',
    message: 'The message holds 8-bit bytes and {host} does not offer 8BITMIME.',
    cause: 'The server may damage such bytes, and a message is never changed on its way.',
    remedy: { steps: ['Encode the message as quoted-printable or base64.'] },
    next: 'fix-message',
    source: 'RFC 6152 section 3',
    read: READ,
  },
  SMTP_SMTPUTF8_NOT_OFFERED: {
    title: 'Server takes no international addresses',
    message: 'The {part} holds characters outside ASCII and {host} does not offer SMTPUTF8.',
    cause: 'Such addresses and header fields can be passed only to servers that offer SMTPUTF8.',
    remedy: { steps: ['Use addresses in ASCII.', 'Encode header fields as RFC 2047 says.'] },
    next: 'fix-message',
    source: 'RFC 6531 section 3.4',
    read: READ,
  },
  SMTP_DSN_NOT_OFFERED: {
    title: 'Server sends no delivery notices',
    message: 'Delivery notices were asked for and {host} does not offer them.',
    cause: 'The server does not have the DSN extension, so the request cannot be handed over with the message.',
    remedy: { steps: ['Send the message without asking for delivery notices.'] },
    next: 'fix-message',
    source: 'RFC 3461 section 4',
    read: READ,
  },
  SMTP_OUTCOME_UNCERTAIN: {
    title: 'Perhaps sent',
    message: 'The message was handed to {host} and no answer came back: {detail}.',
    cause: 'The connection ended between the end of the message and the reply of the server, which may have taken it.',
    remedy: {
      steps: [
        'Look whether the message arrived, or stands in Sent Items.',
        'Send it again only if a second copy does no harm.',
      ],
    },
    next: 'uncertain',
    source: 'RFC 1047',
    read: READ,
  },
  MESSAGE_BARE_LINE_ENDING: {
    title: 'Wrong line ending',
    message: 'Line {line} of the message holds {ending}.',
    cause:
      'Every line of a message ends with CR LF. Servers disagree about other endings, and that hides messages in messages.',
    remedy: { steps: ['Convert the line endings of the message to CR LF.'] },
    next: 'fix-message',
    source: 'RFC 5321 section 2.3.8',
    read: READ,
  },
  MESSAGE_DSN_INVALID: {
    title: 'Envelope name not usable',
    message: 'The envelope name of the message cannot be used: {reason}.',
    cause: 'The name that delivery notices carry back is printable ASCII of at most 100 characters.',
    remedy: { steps: ['Use a shorter name of printable ASCII characters.'] },
    next: 'fix-message',
    source: 'RFC 3461 section 4.4',
    read: READ,
  },
};

/** What each stage waits for, in words. */
const WAITED_FOR: Readonly<Record<SmtpStage, string>> = {
  connect: 'accept the connection',
  tls: 'finish the TLS handshake',
  greeting: 'greet',
  ehlo: 'answer EHLO',
  starttls: 'answer STARTTLS',
  auth: 'answer the sign-in',
  mail: 'answer MAIL FROM',
  rcpt: 'answer RCPT TO',
  data: 'answer DATA',
  content: 'take the next part of the message',
  final: 'answer the end of the message',
  rset: 'answer RSET',
  quit: 'answer QUIT',
};

function timeoutDefinition(stage: SmtpStage): FaultDefinition {
  const isUncertain = stage === 'final';
  return {
    title: isUncertain ? 'Perhaps sent: no answer in time' : 'No answer in time',
    message: `{host} did not ${WAITED_FOR[stage]} within {seconds} s.`,
    cause: isUncertain
      ? 'The whole message was handed over and the server did not say whether it took it.'
      : 'The server is overloaded, or something on the way drops the packets.',
    remedy: {
      steps: isUncertain
        ? messageDefinitions.SMTP_OUTCOME_UNCERTAIN.remedy.steps
        : stage === 'connect'
          ? ['Open outgoing TCP port {port} to {host} in the firewall.', 'Check host and port.']
          : ['Wait; the next attempt may work.', 'If it lasts, check the network between here and {host}.'],
    },
    next: isUncertain ? 'uncertain' : 'retry',
    source: 'RFC 5321 section 4.5.3.2',
    read: READ,
  };
}

const timeoutDefinitions: Readonly<Record<TimeoutCode, FaultDefinition>> = {
  SMTP_CONNECT_TIMEOUT: timeoutDefinition('connect'),
  SMTP_TLS_TIMEOUT: timeoutDefinition('tls'),
  SMTP_GREETING_TIMEOUT: timeoutDefinition('greeting'),
  SMTP_EHLO_TIMEOUT: timeoutDefinition('ehlo'),
  SMTP_STARTTLS_TIMEOUT: timeoutDefinition('starttls'),
  SMTP_AUTH_TIMEOUT: timeoutDefinition('auth'),
  SMTP_MAIL_TIMEOUT: timeoutDefinition('mail'),
  SMTP_RCPT_TIMEOUT: timeoutDefinition('rcpt'),
  SMTP_DATA_TIMEOUT: timeoutDefinition('data'),
  SMTP_CONTENT_TIMEOUT: timeoutDefinition('content'),
  SMTP_FINAL_TIMEOUT: timeoutDefinition('final'),
  SMTP_RSET_TIMEOUT: timeoutDefinition('rset'),
  SMTP_QUIT_TIMEOUT: timeoutDefinition('quit'),
};

/** The code of a timeout in `stage`. */
export function timeoutCode(stage: SmtpStage): TimeoutCode {
  return `SMTP_${stage.toUpperCase() as Uppercase<SmtpStage>}_TIMEOUT`;
}

/** All faults of the client. */
export const clientFaults: FaultCatalogue<ClientFaultCode> = defineFaults<ClientFaultCode>({
  ...sessionDefinitions,
  ...tlsDefinitions,
  ...authDefinitions,
  ...messageDefinitions,
  ...timeoutDefinitions,
});
