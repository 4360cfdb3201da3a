/**
 * The error contract that all faces are made from.
 *
 * A fault says: which failure (code), in one sentence what happened here (message), why (cause), what to do (remedy),
 * who has to act next (next), what was being done (during) and what the other side said (evidence). Its wording stands
 * once, in a catalogue; every face (log line, exit code, HTTP problem, console, mail) renders the same fault.
 *
 * Classification is by stage and code, then by whole phrases of a dated table; never by digits or words found anywhere
 * in a text.
 */
import { oneLine } from './one-line.ts';
import type { Evidence } from './evidence.ts';

/**
 * Who has to act, and how:
 *
 * - `retry`: temporary, the same call may work later;
 * - `needs-person`: somebody must grant or renew something (secret, consent, SMTP AUTH) where mail is administered;
 * - `fix-configuration`: the settings of this program are wrong;
 * - `fix-message`: the message or its addresses are wrong;
 * - `give-up`: the server refused for good;
 * - `uncertain`: the message may have been accepted; sending again may double it.
 */
export type NextStep = 'retry' | 'needs-person' | 'fix-configuration' | 'fix-message' | 'give-up' | 'uncertain';

/** A stable name of a failure, with its owner as prefix. Never reused, never renamed. */
export type FaultCode =
  `${'CONFIG' | 'NETWORK' | 'OAUTH' | 'SMTP' | 'M365' | 'MESSAGE' | 'SECRET' | 'DATABASE' | 'QUEUE' | 'ACCESS' | 'RELAY' | 'SENDMAIL' | 'SERVICE' | 'EMULATOR' | 'DIAGNOSIS' | 'CLI'}_${string}`;

/** What to do about a fault. */
export interface Remedy {
  /** Steps in order, each one sentence. */
  readonly steps: readonly string[];
  /** The one line to run, with the reader's own values filled in, where there is one. */
  readonly command?: string;
}

/** A failure with everything a person or a program needs to act on it. */
export interface Fault {
  readonly code: FaultCode;
  /** A few words: the heading. */
  readonly title: string;
  /** One plain sentence with the values of this case. */
  readonly message: string;
  /** Why this happens. */
  readonly cause: string;
  readonly remedy: Remedy;
  readonly next: NextStep;
  /** What was being done, as a phrase: `getting a token for contoso.com`. */
  readonly during?: string;
  readonly evidence?: Evidence;
  /** How long the other side asked to wait (Retry-After), milliseconds. */
  readonly retryAfterMs?: number;
  /** The fault that this one explains more precisely, as it was reported by the lower layer. */
  readonly reported?: FaultCode;
}

/** One entry of a catalogue: the wording of a fault, with `{name}` where a value of the case goes. */
export interface FaultDefinition {
  readonly title: string;
  readonly message: string;
  readonly cause: string;
  readonly remedy: Remedy;
  readonly next: NextStep;
  /** Where the knowledge comes from: an RFC section or a Microsoft page. */
  readonly source?: string;
  /** The day the source was read, `YYYY-MM-DD`. */
  readonly read?: string;
}

/** What a case adds to its definition. */
export interface FaultDetails {
  readonly during?: string;
  readonly evidence?: Evidence;
  readonly retryAfterMs?: number;
  readonly reported?: FaultCode;
}

/** The values that fill `{name}`; one left out shows as `<name>`, as in a manual. */
export type FaultValues = Readonly<Record<string, string | number | undefined>>;

/** A set of definitions and the one way to make faults from them. */
export interface FaultCatalogue<Code extends FaultCode> {
  readonly definitions: Readonly<Record<Code, FaultDefinition>>;
  /** Makes the fault `code` with its wording filled in. Values are flattened to one line, so foreign bytes cannot break a face. */
  make(code: Code, values?: FaultValues, details?: FaultDetails): Fault;
}

const LONGEST_VALUE = 400;

function fill(template: string, values: FaultValues): string {
  return template.replaceAll(/\{([a-zA-Z0-9]+)\}/g, (_, name: string) => {
    const value = values[name];
    return value === undefined || value === '' ? `<${name}>` : oneLine(String(value), LONGEST_VALUE);
  });
}

/**
 * Declares the faults that a package can report.
 *
 * @example
 * ```ts
 * import { defineFaults } from '@postbearer/core';
 *
 * const faults = defineFaults({
 *   SMTP_EXAMPLE: {
 *     title: 'No answer',
 *     message: '{host} did not answer.',
 *     cause: 'A firewall drops the packets.',
 *     remedy: { steps: ['Open outgoing TCP port {port} to {host}.'] },
 *     next: 'retry',
 *   },
 * });
 * faults.make('SMTP_EXAMPLE', { host: 'smtp.office365.com', port: 587 }).message; // => 'smtp.office365.com did not answer.'
 * faults.make('SMTP_EXAMPLE', { host: 'a' }).remedy.steps[0]; // => 'Open outgoing TCP port <port> to a.'
 * ```
 */
export function defineFaults<const Code extends FaultCode>(
  definitions: Readonly<Record<Code, FaultDefinition>>,
): FaultCatalogue<Code> {
  return {
    definitions,
    make(code: Code, values: FaultValues = {}, details: FaultDetails = {}): Fault {
      const definition = definitions[code];
      return {
        code,
        title: definition.title,
        message: fill(definition.message, values),
        cause: fill(definition.cause, values),
        remedy: {
          steps: definition.remedy.steps.map((step) => fill(step, values)),
          ...(definition.remedy.command === undefined ? {} : { command: fill(definition.remedy.command, values) }),
        },
        next: definition.next,
        ...details,
      };
    },
  };
}
