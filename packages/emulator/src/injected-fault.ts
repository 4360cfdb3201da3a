/**
 * A failure on demand as it is asked for: where, what, how often; and the check that refuses what makes no sense.
 *
 * Unknown members are refused: a misspelt `tiems` would otherwise give a fault that never ends.
 */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { isAadstsCode } from './entra/errors.ts';
import { must, record, text, variant, type Check, type Mistake } from './state/checks.ts';

/** Where a fault can happen. */
export const FAULT_STAGES = [
  'connect',
  'ehlo',
  'starttls',
  'auth',
  'mail',
  'rcpt',
  'data',
  'content',
  'final',
  'token',
  'graph',
] as const;

/** One of {@link FAULT_STAGES}. */
export type FaultStage = (typeof FAULT_STAGES)[number];

/** What happens instead of, or before, the usual answer. */
export type FaultAction =
  /** An SMTP reply such as `451 4.7.0 Temporary server error`. The connection stays, but for code 421. */
  | { readonly kind: 'reply'; readonly text: string }
  /** The usual answer, later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The connection is broken without a word. */
  | { readonly kind: 'cut' }
  /** Nothing more is said on this connection. */
  | { readonly kind: 'hang' }
  /** Stage `token` only: a refusal of Entra. */
  | { readonly kind: 'aadsts'; readonly code: number; readonly retryAfterSeconds?: number }
  /** Stages `token` and `graph` only: any HTTP reply. */
  | {
      readonly kind: 'http';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    };

/** A fault to be injected. */
export interface InjectedFault {
  readonly stage: FaultStage;
  readonly action: FaultAction;
  /** How many times in all; without end when left out. */
  readonly times?: number;
  /** How many cases pass unharmed first; none when left out. */
  readonly skip?: number;
  /** The share of the remaining cases that are hit, from 0 to 1; all when left out. */
  readonly share?: number;
  /** Only for this mailbox, from its sign-in on. */
  readonly mailbox?: string;
}

const wholeNumber = must((value) => Number.isSafeInteger(value) && Number(value) >= 0, 'a whole number is expected');

/** Timers of Node go no further: about 24 days. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;
const delayMs = must(
  (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= LONGEST_DELAY_MS,
  `a whole number of milliseconds up to ${LONGEST_DELAY_MS} is expected`,
);

/** These say how a body is sent; with them a reply could not be sent, or not be read. */
const FRAMING: ReadonlySet<string> = new Set(['trailer', 'transfer-encoding']);

function isHeader(name: string, value: unknown): boolean {
  if (typeof value !== 'string' || FRAMING.has(name.toLowerCase())) return false;
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}

/** The form of each action; its kind is judged before. */
const ACTIONS = {
  reply: record(
    {
      kind: text,
      text: must(
        (value) => typeof value === 'string' && /^[245]\d\d [\x20-\x7e]+$/.test(value),
        'one reply line such as "451 4.7.0 Try later" is expected',
      ),
    },
    ['text'],
  ),
  delay: record({ kind: text, ms: delayMs }, ['ms']),
  cut: record({ kind: text }),
  hang: record({ kind: text }),
  aadsts: record(
    {
      kind: text,
      code: must((value) => typeof value === 'number' && isAadstsCode(value), 'it is none that the emulator knows'),
      retryAfterSeconds: wholeNumber,
    },
    ['code'],
  ),
  http: record(
    {
      kind: text,
      status: must(
        (value) => Number.isInteger(value) && Number(value) >= 200 && Number(value) <= 599,
        'a number from 200 to 599 is expected',
      ),
      headers: must(
        (value) =>
          typeof value === 'object' &&
          value !== null &&
          Object.entries(value).every(([name, header]) => isHeader(name, header)),
        'an object of HTTP headers is expected, none of Trailer and Transfer-Encoding',
      ),
      body: text,
    },
    ['status'],
  ),
} as const satisfies Readonly<Record<FaultAction['kind'], Check>>;

function faultWith(action: Check): Check {
  const share = must(
    (value) => typeof value === 'number' && value >= 0 && value <= 1,
    'a number from 0 to 1 is expected',
  );
  return record({ stage: text, action, times: wholeNumber, skip: wholeNumber, share, mailbox: text }, ['action']);
}

const { reply, delay, cut, hang, aadsts, http } = ACTIONS;
const smtpFault = faultWith(variant('kind', { reply, delay, cut, hang }));
const tokenFault = faultWith(variant('kind', { delay, cut, hang, aadsts, http }));
const graphFault = faultWith(variant('kind', { delay, cut, hang, http }));
const WEB_FAULTS: Readonly<Partial<Record<FaultStage, Check>>> = { token: tokenFault, graph: graphFault };
const anyFault = variant(
  'stage',
  Object.fromEntries(FAULT_STAGES.map((stage) => [stage, WEB_FAULTS[stage] ?? smtpFault])),
);

/** The first mistake in a fault, as it may come from a foreign program. */
export function mistakeInFault(fault: unknown): Mistake | undefined {
  return anyFault(fault, '');
}
