/**
 * Signs in (RFC 4954).
 *
 * An AUTH command is a command line like any other: with its initial response and CR LF it must fit into 512 octets (RFC
 * 4954 section 4, RFC 5321 section 4.5.3.1.4). Where it does not, the client sends the command alone, waits for 334 and
 * sends the response on a line of its own, which may be as long as the mechanism needs (RFC 4954 names 12288 octets as
 * enough; a longer one cannot be divided and is sent all the same). Tokens of Microsoft have 1,500 characters and more, so
 * this is the usual form. Servers that cut a long command line answer 535, as if the token were wrong.
 *
 * A refused token may be explained in a 334 challenge that holds base64 of JSON (RFC 7628 section 3.2.2; XOAUTH2 at Google
 * does the same): it is kept as evidence, and the client sends what lets the server go on to its 535.
 *
 * Nothing of a credential is written to a connection that is not encrypted, whatever the settings.
 */
import { Buffer } from 'node:buffer';
import { createScrubber, failure, oneLine, success, type Fault, type Result, type Scrubber } from '@postbearer/core';
import type { SmtpReply } from '../reply/index.ts';
import { exchange } from './exchange-command.ts';
import type { Mechanism, SmtpCredentials } from './mechanisms.ts';
import type { Wire } from './wire.ts';

const LONGEST_COMMAND_LINE = 512;
const CRLF_LENGTH = 2;
/** No mechanism here needs more; a server that goes on asking is not followed. */
const MOST_CHALLENGES = 5;

/** Knows the credentials in every form in which a server may repeat them. */
function scrubberFor(credentials: SmtpCredentials, mechanism: Mechanism): Scrubber {
  const scrubber = createScrubber();
  scrubber.add('secret', (credentials.kind === 'bearer' ? credentials.token : credentials.password).reveal());
  mechanism.responses.forEach((response, index) => scrubber.add(`response ${index}`, response));
  return scrubber;
}

/** The reason inside a challenge, as one safe line without credentials; `undefined` where it holds none. */
function readChallenge(reply: SmtpReply, scrubber: Scrubber): string | undefined {
  const text = reply.lines.join('').trim();
  if (text === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  // Cut only after scrubbing: half a token would not be known again.
  return oneLine(scrubber.scrub(Buffer.from(text, 'base64').toString('utf8')));
}

function refusal(
  wire: Wire,
  reply: SmtpReply,
  credentials: SmtpCredentials,
  mechanism: Mechanism,
  challenge: string | undefined,
): Fault {
  const kind = Math.trunc(reply.code / 100);
  const code =
    reply.code === 421
      ? 'SMTP_SERVICE_CLOSING'
      : kind === 4
        ? 'SMTP_AUTH_DEFERRED'
        : reply.code === 504
          ? 'SMTP_AUTH_MECHANISM_NOT_OFFERED'
          : 'SMTP_AUTH_REFUSED';
  const fault = wire.makeFault(code, 'auth', reply, {
    username: credentials.username,
    mechanism: mechanism.name,
    wanted: mechanism.name,
    offered: 'other ways of signing in',
  });
  return challenge === undefined ? fault : { ...fault, evidence: { ...wire.evidence('auth', reply), challenge } };
}

async function talk(
  wire: Wire,
  mechanism: Mechanism,
  credentials: SmtpCredentials,
  scrubber: Scrubber,
): Promise<Result<void>> {
  const [first = '', ...rest] = mechanism.responses;
  const commandLine = `AUTH ${mechanism.name}`;
  const oneStep = `${commandLine} ${first}`;
  const fits = mechanism.hasInitialResponse && oneStep.length + CRLF_LENGTH <= LONGEST_COMMAND_LINE;
  const waiting = fits ? rest : [first, ...rest];
  let reply = await exchange(wire, 'auth', () =>
    fits ? wire.writeSecretLine(oneStep, `${commandLine} `) : wire.writeLines(`${commandLine}\r\n`),
  );
  let challenge: string | undefined;
  for (let round = 0; reply.ok && reply.value.code === 334; round += 1) {
    if (round === MOST_CHALLENGES) return failure(outOfOrder(wire, reply.value, 'it asks without end'));
    const next = waiting.shift();
    if (next === undefined) challenge = readChallenge(reply.value, scrubber) ?? challenge;
    const answer = next ?? (round < MOST_CHALLENGES - 1 ? mechanism.afterChallenge : '*');
    reply = await exchange(wire, 'auth', () => wire.writeSecretLine(answer, ''));
  }
  if (!reply.ok) return reply;
  if (reply.value.code === 235) return success(undefined);
  if (reply.value.code >= 400) return failure(refusal(wire, reply.value, credentials, mechanism, challenge));
  return failure(outOfOrder(wire, reply.value, `it answered ${reply.value.code}`));
}

/** Nobody can say any more which answer belongs to what, so the connection goes. */
function outOfOrder(wire: Wire, reply: SmtpReply, reason: string): Fault {
  const fault = wire.makeFault('SMTP_PROTOCOL_ERROR', 'auth', reply, { reason });
  wire.fail(fault);
  return fault;
}

/** Signs in on `wire`, which must be encrypted. */
export async function authenticate(
  wire: Wire,
  credentials: SmtpCredentials,
  mechanism: Mechanism,
): Promise<Result<void>> {
  const scrubber = scrubberFor(credentials, mechanism);
  // For good: a server may repeat a credential at any later command.
  wire.scrubWith(scrubber);
  return talk(wire, mechanism, credentials, scrubber);
}
