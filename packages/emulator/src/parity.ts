/**
 * How true the emulator is to Microsoft 365, behaviour by behaviour. `PARITY.md` is generated from this table and a test
 * holds every row against the test that shows it.
 *
 * `captured`: compared with a reply that was taken from the real service. `modelled`: written after Microsoft's pages or texts
 * that people published; the source says which. `absent`: the real service does it, the emulator does not.
 */
import { AADSTS, type AadstsDefinition } from './entra/errors.ts';
import { graphParity } from './graph/parity.ts';
import { absent, modelled, shown, type ParityRow, type ParitySection } from './parity-row.ts';

const OAUTHDOC = 'learn.microsoft.com, "Authenticate an IMAP, POP or SMTP connection using OAuth"';
const RBACDOC = 'MicrosoftDocs/office-developer-exchange-docs, docs/legacy-protocols/smtp-app-rbac-onboarding.md';
const PSDOC = 'learn.microsoft.com, Set-CASMailbox and Set-TransportConfig';
const SUBDOC = 'learn.microsoft.com/exchange/troubleshoot/send-emails/smtp-submission-improvements';
const NDRDOC = 'learn.microsoft.com/exchange/troubleshoot/email-delivery/ndr/non-delivery-reports-in-exchange-online';
const CCDOC = 'learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow';
const SESSION_LOG = 'a session of 2025-11-23 in a public log of a PHP mailer';
const CAPTURE = 'real tenant, 2026-08-13';

const TOKEN = 'entra/token-endpoint.test.ts';
const CLAIMS = 'entra/access-token.test.ts';
const ASSERTION = 'entra/client-assertion.test.ts';
const CAPTURED = 'entra/captured.test.ts';
const SIGN_IN = 'exchange/sign-in.test.ts';
const SESSION = 'exchange/submission.test.ts';
const LIMITS = 'exchange/sending-limits.test.ts';
const FAULTS = 'fault-injection.test.ts';
const CAPTURED_TITLE = 'have exactly the captured shape: %s';
const CASE_TITLE = '$condition with AADSTS$code';

/** Where each refusal is shown; the rest are cases of {@link CASE_TITLE}. */
const REFUSALS_ELSEWHERE: Readonly<Record<number, readonly [file: string, title: string]>> = {
  50027: [ASSERTION, 'is refused where it is no JSON Web Token, or its type is not said'],
  50196: [FAULTS, '%j is answered'],
  53003: [FAULTS, '%j is answered'],
  65001: [FAULTS, 'the consent that administrators are told of is AADSTS65001'],
  90033: [FAULTS, '%j is answered'],
  90055: [FAULTS, 'throttling says how long to wait'],
  700021: [ASSERTION, 'is refused with %s as AADSTS%d'],
  700023: [ASSERTION, 'is refused with %s as AADSTS%d'],
  700024: [ASSERTION, 'is refused with %s as AADSTS%d'],
  700027: [ASSERTION, 'is refused with %s as AADSTS%d'],
  700211: [ASSERTION, 'is refused for another %s as AADSTS%d'],
  700212: [ASSERTION, 'is refused for another %s as AADSTS%d'],
  700213: [ASSERTION, 'is refused for another %s as AADSTS%d'],
  900561: [TOKEN, 'another method than POST with AADSTS900561'],
  7000112: [TOKEN, 'a disabled app is AADSTS7000112'],
  7000222: [TOKEN, 'an expired secret is AADSTS7000222 and a new one works beside it'],
  7000229: [TOKEN, 'an app without service principal is AADSTS7000229'],
};

const CAPTURED_NAMES: Readonly<Record<number, string>> = {
  70003: 'unknownGrant',
  500011: 'unknownResource',
  700038: 'emptyClientId',
  7000215: 'wrongSecret',
};

function refusalRow(number: string, definition: AadstsDefinition): ParityRow {
  const code = Number(number);
  const behaviour = `AADSTS${number}: ${definition.error}`;
  if (definition.grounds === 'captured')
    return shown('captured', behaviour, definition.source, CAPTURED, CAPTURED_TITLE, CAPTURED_NAMES[code] ?? number);
  const [file, title] = REFUSALS_ELSEWHERE[code] ?? [TOKEN, CASE_TITLE];
  return modelled(behaviour, definition.source, file, title, number);
}

/** The whole table. */
export const PARITY: readonly ParitySection[] = [
  {
    heading: 'Token endpoint',
    rows: [
      shown('captured', 'the body of a granted request', CAPTURE, CAPTURED, CAPTURED_TITLE, 'granted'),
      shown(
        'captured',
        'members of a refusal, their order, and the end of its description',
        CAPTURE,
        CAPTURED,
        'would not pass with another text, another member or another order',
      ),
      shown('captured', '401 for invalid_client, 400 for the rest', CAPTURE, CAPTURED, CAPTURED_TITLE, 'wrongSecret'),
      modelled(
        'a tenant by its id or a domain; the client by form or by HTTP Basic',
        CCDOC,
        TOKEN,
        'is answered the same for the id and for a domain of the tenant, with the secret in the body or in HTTP Basic',
      ),
      modelled(
        'the correlation id is the caller’s client-request-id',
        'headers of MSAL',
        TOKEN,
        'repeats the correlation id of the caller, in a refusal too',
      ),
      modelled(
        'an empty tenant segment reads as the tenant "token"',
        'MicrosoftDocs/azure-docs#19593, microsoft/cross-tenant#83',
        TOKEN,
        'a path without a tenant with AADSTS90002, as if the tenant were called token',
      ),
      modelled(
        'a body that is no form counts as empty',
        'troubleshooting threads',
        TOKEN,
        'a JSON body as an empty form',
      ),
      modelled(
        'client assertions by certificate: thumbprint SHA-1 or SHA-256, RS256 or PS256',
        CCDOC,
        ASSERTION,
        'is taken with %s, and the token says so',
      ),
      modelled(
        'client assertions of a federated issuer',
        'learn.microsoft.com/entra/workload-id/workload-identity-federation',
        ASSERTION,
        'is taken from the issuer that the app trusts',
      ),
      modelled(
        'a missing consent gives a token without roles, not an error',
        CCDOC,
        CLAIMS,
        'has no roles without consent and is issued all the same; with several there are all',
      ),
      absent(
        'other grants than client_credentials, the v1 endpoint, sign-in of people',
        'not needed to send mail as an app',
      ),
      absent(
        'the order in which several mistakes of one request are judged',
        'not documented; ours stands in entra/token-endpoint.ts',
      ),
      absent('throttling and conditional access by themselves', 'only as faults on demand'),
      absent('a new secret that is refused for a short while', 'seen in the field; use a fault on demand'),
      absent('Microsoft Graph', 'not part of this package yet'),
    ],
  },
  {
    heading: 'Refusals of the token endpoint',
    rows: Object.entries(AADSTS).map(([number, definition]) => refusalRow(number, definition)),
  },
  {
    heading: 'Access tokens',
    rows: [
      modelled(
        'claims of a v1.0 app-only token for Exchange Online',
        'tokens in public logs; a capture exists only of a v2.0 token for another resource',
        CLAIMS,
        'has the claims of a v1.0 app-only token',
      ),
      modelled(
        'RS256, checked on the SMTP side; the key in the tenant’s key document',
        'learn.microsoft.com/entra/identity-platform/access-tokens',
        CLAIMS,
        'is signed by the key that the key document of its tenant shows',
      ),
      modelled(
        '60 to 90 minutes of life, start set back by five minutes',
        'learn.microsoft.com/entra/identity-platform/configurable-token-lifetimes',
        CLAIMS,
        'lives 60 to 90 minutes by the given random (%d gives %d seconds)',
      ),
      modelled(
        '1500 to 2000 characters',
        'tokens in public logs',
        CLAIMS,
        'is as long as real ones, 1500 to 2000 characters, so that it does not fit a line of 512 bytes',
      ),
    ],
  },
  {
    heading: 'SMTP session',
    rows: [
      modelled(
        'greeting, both EHLO replies with their lines and order, STARTTLS, MAIL, RCPT, DATA, QUIT',
        SESSION_LOG,
        SESSION,
        'goes word by word like one at Exchange Online',
      ),
      modelled(
        '250 2.0.0 OK <message id> [Hostname=…]',
        'logs of nodemailer and msmtp users',
        SESSION,
        'goes word by word like one at Exchange Online',
        '250 2.0.0 OK',
      ),
      modelled(
        'XOAUTH2 in one line or two',
        `${OAUTHDOC}; jstedfast/MailKit#1126`,
        SESSION,
        'takes the token in the second line too, after an empty challenge',
      ),
      modelled(
        '530 5.7.57 before STARTTLS and before signing in',
        'harishkrupo/oauth2ms#5',
        SESSION,
        'lets nobody send or sign in before STARTTLS',
      ),
      modelled(
        '504 5.7.4 for PLAIN and OAUTHBEARER',
        'QuantumNous/new-api#1989, nodemailer/nodemailer#189',
        SESSION,
        'knows neither PLAIN nor OAUTHBEARER',
      ),
      modelled('BDAT', 'CHUNKING in the EHLO reply', SESSION, 'may come in chunks (BDAT)'),
      absent('421 4.7.66 for TLS 1.0 and 1.1', 'our TLS does not speak them, the handshake fails'),
      absent('tarpits and disconnects after many errors', 'they would disturb tests'),
      absent('High Volume Email, IMAP, POP', 'other services'),
    ],
  },
  {
    heading: 'Sign-in',
    rows: [
      modelled(
        '535 5.7.3 while the service principal is not registered',
        OAUTHDOC,
        SIGN_IN,
        'while Exchange does not know its service principal',
      ),
      modelled(
        '535 5.7.3 with the object ID of the app registration',
        OAUTHDOC,
        SIGN_IN,
        'while it is registered with another object ID than the enterprise application has',
      ),
      modelled('535 5.7.3 without FullAccess', OAUTHDOC, SIGN_IN, 'while it has no FullAccess to the mailbox'),
      modelled(
        'or 430 4.2.0 at each message without FullAccess',
        'simonrob/email-oauth2-proxy#271',
        SIGN_IN,
        'lets the app sign in and refuses each message with 430 4.2.0',
      ),
      modelled('535 5.7.3 without roles', CCDOC, SIGN_IN, 'while its token has no role'),
      modelled('535 5.7.3 where user= is not a mailbox the app has', OAUTHDOC, SIGN_IN, 'where user= %s'),
      modelled(
        '535 5.7.3 for an expired token',
        OAUTHDOC,
        SIGN_IN,
        'when the token has expired, and not a second before',
      ),
      modelled(
        '535 5.7.3 for a token of another resource',
        OAUTHDOC,
        SIGN_IN,
        'when the token is for another resource',
      ),
      modelled(
        '535 5.7.3 for a token that is not Entra’s',
        OAUTHDOC,
        SIGN_IN,
        'when the token was signed by somebody else, changed, or is none',
      ),
      modelled(
        '535 5.7.139 tenant; the mailbox setting wins; tokens are refused too',
        `${PSDOC}; simonrob/email-oauth2-proxy#193`,
        SIGN_IN,
        'switched off for the tenant refuses, and the setting of the mailbox wins',
      ),
      modelled(
        '535 5.7.139 mailbox',
        PSDOC,
        SIGN_IN,
        'switched off for the mailbox refuses though it is on for the tenant',
      ),
      modelled(
        'RBAC for Applications needs neither role nor FullAccess',
        RBACDOC,
        SIGN_IN,
        'lets an app without role and without FullAccess send as the mailboxes in its scope, and no other',
      ),
      modelled(
        'with the API permission beside it FullAccess is asked for',
        RBACDOC,
        SIGN_IN,
        'is of no use while the API permission is there too, which asks for FullAccess',
      ),
      modelled(
        '535 5.7.139 credentials incorrect',
        'learn.microsoft.com, "Fix issues with printers, scanners, and LOB applications"',
        SIGN_IN,
        'is taken where it is right and nothing forbids it',
      ),
      modelled(
        '535 5.7.139 security defaults, for passwords only',
        'docs.bookyourpto.com; whether tokens are refused is not known',
        SIGN_IN,
        'is refused by %s, which does not concern tokens',
        'security defaults',
      ),
      modelled(
        '535 5.7.139 basic authentication is disabled',
        'rpremraj/mailR#107',
        SIGN_IN,
        'is refused by %s, which does not concern tokens',
        'blocked',
      ),
      modelled(
        '550 5.7.30 after the retirement of Basic',
        'quoted from the announcement in public documents',
        SIGN_IN,
        'is refused by %s, which does not concern tokens',
        'retired',
      ),
      absent('minutes to an hour until a change is felt', 'third-party guides; the emulator changes at once'),
      absent('535 5.7.139 for federated sign-in services and unmet criteria', 'use a fault on demand'),
    ],
  },
  {
    heading: 'Messages and limits',
    rows: [
      modelled('554 5.2.252 for another From', SESSION_LOG, SESSION, 'where %s', 'From is another mailbox'),
      modelled(
        'the same for another reverse path',
        'threads on SendAsDenied',
        SESSION,
        'where %s',
        'the reverse path is another mailbox',
      ),
      modelled(
        '550 5.1.20 several From without Sender',
        NDRDOC,
        SESSION,
        'where %s',
        'From names several without Sender',
      ),
      modelled('aliases and SendAs grants are allowed', OAUTHDOC, SESSION, 'not where From is %s'),
      modelled(
        '552 5.3.4 over 150 MB in SIZE',
        'jstedfast/MailKit#904',
        SESSION,
        'where MAIL announces more than 150 MB',
      ),
      modelled(
        '552 5.3.4 over the mailbox’s own size',
        'jstedfast/MailKit#904',
        SESSION,
        'where it is larger than the mailbox may send',
      ),
      modelled('554 5.2.2 mailbox full', SUBDOC, SESSION, 'where the mailbox is full'),
      modelled(
        '452 4.5.3 over the recipients of one message',
        NDRDOC,
        SESSION,
        'where a message gets more recipients than the mailbox may name',
      ),
      modelled(
        '432 4.3.2 on a fourth connection that sends',
        `${SUBDOC}; sabuhish/fastapi-mail#75`,
        LIMITS,
        'and the fourth is told 432 at the end of its message, until one of the others ends',
      ),
      modelled(
        '30 messages a minute, the rest delayed',
        SUBDOC,
        LIMITS,
        'holds the reply to the 31st back until a minute after the first, and refuses nothing',
      ),
      modelled(
        '554 5.2.0 over 10,000 recipients in 24 hours',
        SUBDOC,
        LIMITS,
        'are counted over messages; what would be more is refused with 554 and not counted',
      ),
      absent(
        'delivery, non-delivery reports, refusals of the recipient’s side',
        'what is accepted is kept and goes nowhere',
      ),
      absent('Sent Items that fill the mailbox', 'set the mailbox full instead'),
      absent('200 recipients of one domain, external recipients by licence, blocks for spam', NDRDOC),
    ],
  },
  graphParity,
];
