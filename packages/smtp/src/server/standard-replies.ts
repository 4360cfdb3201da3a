/**
 * The wording of every reply that the server gives by itself.
 *
 * Any of them can be replaced by name (`options.replies`), so that a server can speak word for word like another one. Each carries an
 * enhanced status code (RFC 2034) where RFC 3463 has one for it.
 */
import { checkReply, type SpokenReply } from './reply.ts';

/** Every standard reply, by what it is given for. */
export interface StandardReplies {
  /** First line of a connection. */
  readonly greeting: SpokenReply;
  /** First line to EHLO, the only one to HELO. */
  readonly hello: SpokenReply;
  readonly goodbye: SpokenReply;
  readonly noop: SpokenReply;
  readonly reset: SpokenReply;
  readonly help: SpokenReply;
  /** VRFY. */
  readonly verifyNotTold: SpokenReply;

  readonly unknownCommand: SpokenReply;
  /** A command whose extension is not offered, and EXPN. */
  readonly commandNotOffered: SpokenReply;
  /** Arguments missing, too many or of the wrong form; after BDAT the connection ends. */
  readonly argumentsInvalid: SpokenReply;
  readonly charactersInvalid: SpokenReply;
  readonly lineTooLong: SpokenReply;
  /** A command line that ends with LF alone. The connection always ends. */
  readonly bareLineFeed: SpokenReply;
  readonly badSequence: SpokenReply;
  readonly helloFirst: SpokenReply;

  readonly startTlsReady: SpokenReply;
  readonly startTlsActive: SpokenReply;
  /** Something was sent behind STARTTLS. The connection always ends. */
  readonly startTlsNotLast: SpokenReply;
  /** AUTH before STARTTLS. */
  readonly encryptionRequired: SpokenReply;

  /** The handler gave an identity and no reply. */
  readonly authenticated: SpokenReply;
  readonly authAlready: SpokenReply;
  readonly authMechanismNotOffered: SpokenReply;
  /** Not base64, not UTF-8, or not of the form of its mechanism. */
  readonly authUndecodable: SpokenReply;
  readonly authCancelled: SpokenReply;
  readonly authLineTooLong: SpokenReply;

  readonly senderAccepted: SpokenReply;
  readonly senderAlready: SpokenReply;
  readonly senderInvalid: SpokenReply;
  readonly recipientAccepted: SpokenReply;
  readonly recipientInvalid: SpokenReply;
  /** RCPT, DATA or BDAT without MAIL. */
  readonly senderFirst: SpokenReply;
  readonly tooManyRecipients: SpokenReply;
  readonly parameterUnknown: SpokenReply;
  readonly parameterInvalid: SpokenReply;
  readonly addressNeedsSmtpUtf8: SpokenReply;

  /** DATA or BDAT without an accepted recipient. */
  readonly noRecipients: SpokenReply;
  readonly startInput: SpokenReply;
  /** A chunk of BDAT that is not the last. */
  readonly chunkReceived: SpokenReply;
  readonly chunkAfterFailure: SpokenReply;
  /** At MAIL by its SIZE parameter; while reading, where the connection always ends. */
  readonly messageTooLarge: SpokenReply;
  /** Bare CR, bare LF or NUL in the content; after DATA the connection always ends. */
  readonly contentMalformed: SpokenReply;
  /** The handler has no `message`. */
  readonly messagesNotTaken: SpokenReply;

  /** The handler threw. */
  readonly internalError: SpokenReply;
  /** The connection always ends, as after the next four. */
  readonly tooManyErrors: SpokenReply;
  readonly tooManyCommands: SpokenReply;
  readonly tooManyConnections: SpokenReply;
  readonly idleTooLong: SpokenReply;
  readonly shuttingDown: SpokenReply;
}

/** Replies in place of standard ones, by name. A function is asked anew for each reply, for a text that names its moment. */
export type ReplacedReplies = {
  readonly [Name in keyof StandardReplies]?: SpokenReply | (() => SpokenReply);
};

/** The standard wording of a server of that name. */
function standardWording(hostname: string): StandardReplies {
  return {
    greeting: { code: 220, text: `${hostname} ESMTP` },
    hello: { code: 250, text: hostname },
    goodbye: { code: 221, enhanced: '2.0.0', text: 'Closing connection' },
    noop: { code: 250, enhanced: '2.0.0', text: 'OK' },
    reset: { code: 250, enhanced: '2.0.0', text: 'OK' },
    help: { code: 214, enhanced: '2.0.0', text: 'See RFC 5321' },
    verifyNotTold: { code: 252, enhanced: '2.1.5', text: 'Cannot verify the address; send a message to it' },

    unknownCommand: { code: 500, enhanced: '5.5.1', text: 'Command not recognized' },
    commandNotOffered: { code: 502, enhanced: '5.5.1', text: 'Command not offered' },
    argumentsInvalid: { code: 501, enhanced: '5.5.4', text: 'Invalid arguments' },
    charactersInvalid: { code: 500, enhanced: '5.5.2', text: 'Command holds a control character or is not UTF-8' },
    lineTooLong: { code: 500, enhanced: '5.5.2', text: 'Line too long' },
    bareLineFeed: { code: 500, enhanced: '5.5.2', text: 'Lines must end with CR LF' },
    badSequence: { code: 503, enhanced: '5.5.1', text: 'Bad sequence of commands' },
    helloFirst: { code: 503, enhanced: '5.5.1', text: 'Send EHLO first' },

    startTlsReady: { code: 220, enhanced: '2.0.0', text: 'Ready to start TLS' },
    startTlsActive: { code: 503, enhanced: '5.5.1', text: 'TLS is already active' },
    startTlsNotLast: { code: 503, enhanced: '5.5.1', text: 'Nothing may follow STARTTLS before its reply' },
    encryptionRequired: { code: 530, enhanced: '5.7.0', text: 'Must issue a STARTTLS command first' },

    authenticated: { code: 235, enhanced: '2.7.0', text: 'Authentication successful' },
    authAlready: { code: 503, enhanced: '5.5.1', text: 'Already authenticated' },
    authMechanismNotOffered: { code: 504, enhanced: '5.5.4', text: 'Authentication mechanism not offered' },
    authUndecodable: { code: 501, enhanced: '5.5.2', text: 'Cannot decode the authentication response' },
    authCancelled: { code: 501, enhanced: '5.7.0', text: 'Authentication cancelled' },
    authLineTooLong: { code: 500, enhanced: '5.5.6', text: 'Authentication exchange line is too long' },

    senderAccepted: { code: 250, enhanced: '2.1.0', text: 'Sender OK' },
    senderAlready: { code: 503, enhanced: '5.5.1', text: 'Sender already specified' },
    senderInvalid: { code: 501, enhanced: '5.1.7', text: 'Invalid sender address' },
    recipientAccepted: { code: 250, enhanced: '2.1.5', text: 'Recipient OK' },
    recipientInvalid: { code: 501, enhanced: '5.1.3', text: 'Invalid recipient address' },
    senderFirst: { code: 503, enhanced: '5.5.1', text: 'Send MAIL FROM first' },
    tooManyRecipients: { code: 452, enhanced: '4.5.3', text: 'Too many recipients' },
    parameterUnknown: { code: 555, enhanced: '5.5.4', text: 'Unsupported parameter' },
    parameterInvalid: { code: 501, enhanced: '5.5.4', text: 'Invalid parameter' },
    addressNeedsSmtpUtf8: { code: 553, enhanced: '5.6.7', text: 'A non-ASCII address needs SMTPUTF8 at MAIL FROM' },

    noRecipients: { code: 554, enhanced: '5.5.1', text: 'No valid recipients' },
    startInput: { code: 354, text: 'Start mail input; end with <CRLF>.<CRLF>' },
    chunkReceived: { code: 250, enhanced: '2.0.0', text: 'Chunk received' },
    chunkAfterFailure: { code: 503, enhanced: '5.5.1', text: 'An earlier chunk was refused; send RSET' },
    messageTooLarge: { code: 552, enhanced: '5.3.4', text: 'Message size exceeds the fixed maximum' },
    contentMalformed: { code: 550, enhanced: '5.6.11', text: 'Message holds a bare CR, bare LF or NUL' },
    messagesNotTaken: { code: 554, enhanced: '5.3.2', text: 'This server takes no messages' },

    internalError: { code: 451, enhanced: '4.3.0', text: 'Local error, try again later' },
    tooManyErrors: { code: 421, enhanced: '4.7.0', text: 'Too many errors' },
    tooManyCommands: { code: 421, enhanced: '4.7.0', text: 'Too many commands without a message' },
    tooManyConnections: { code: 421, enhanced: '4.7.0', text: 'Too many connections' },
    idleTooLong: { code: 421, enhanced: '4.4.2', text: 'Timeout, closing connection' },
    shuttingDown: { code: 421, enhanced: '4.3.2', text: 'Service shutting down' },
  };
}

/**
 * The standard wording of a server of that name, some of it replaced.
 *
 * @param onError - gets what the function of a reply threw, and the standard wording is given; thrown on where left out.
 */
export function standardReplies(
  hostname: string,
  replaced: ReplacedReplies = {},
  onError?: (error: unknown) => void,
): StandardReplies {
  const standard = standardWording(hostname);
  const ask = (name: keyof StandardReplies, reply: () => SpokenReply): SpokenReply => {
    try {
      return checkReply(reply());
    } catch (error) {
      if (onError === undefined) throw error;
      onError(error);
      return standard[name];
    }
  };
  const replies = { ...standard };
  for (const name of Object.keys(replaced) as (keyof StandardReplies)[]) {
    const reply = replaced[name];
    // A reply is read where it is given, so a function is asked at that moment.
    if (typeof reply === 'function') Object.defineProperty(replies, name, { get: () => ask(name, reply) });
    else if (reply !== undefined) Object.defineProperty(replies, name, { value: reply });
  }
  return replies;
}
