/**
 * Failures on demand: at a stage, so many times or for a share of the cases, with a reply, a delay, a cut or silence.
 *
 * Stages come in the order of a session. `content` is while the message arrives: nothing of it is kept, a reply is given at
 * its end. `final` is after its end: a reply refuses the message and it is not kept; a cut, a hang or a delay comes after
 * it was kept, the case in which a sender cannot know. The first fault that applies wins, in the order they were added; chance comes from the given random.
 */
import { emulatorFaults, EmulatorError } from './faults.ts';
import { isAadstsCode } from './entra/errors.ts';

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
  /** Stage `token` only: any HTTP reply. */
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

/** A fault with its id and how often it was seen. */
export interface ListedFault {
  readonly id: string;
  readonly fault: InjectedFault;
  readonly applied: number;
}

interface Armed {
  readonly id: string;
  readonly fault: InjectedFault;
  seen: number;
  applied: number;
}

const TOKEN_ACTIONS: ReadonlySet<string> = new Set(['delay', 'cut', 'hang', 'aadsts', 'http']);
const SMTP_ACTIONS: ReadonlySet<string> = new Set(['reply', 'delay', 'cut', 'hang']);

function isCount(value: unknown): boolean {
  return value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0);
}

function actionMistake(action: FaultAction): string | undefined {
  switch (action.kind) {
    case 'reply':
      return /^[245]\d\d [\x20-\x7e]+$/.test(action.text)
        ? undefined
        : 'text must be one reply line such as "451 4.7.0 Try later"';
    case 'delay':
      return isCount(action.ms) && action.ms !== undefined ? undefined : 'ms must be a whole number of milliseconds';
    case 'aadsts':
      return isAadstsCode(action.code) ? undefined : 'code is not one that the emulator knows';
    case 'http':
      return Number.isInteger(action.status) && action.status >= 200 && action.status <= 599
        ? undefined
        : 'status must be from 200 to 599';
    case 'cut':
    case 'hang':
      return undefined;
  }
}

function mistakeOf(fault: InjectedFault): readonly [string, string] | undefined {
  if (!FAULT_STAGES.includes(fault.stage)) return ['stage', `one of ${FAULT_STAGES.join(', ')} is expected`];
  const fitting = fault.stage === 'token' ? TOKEN_ACTIONS : SMTP_ACTIONS;
  if (!fitting.has(fault.action?.kind)) return ['action.kind', `one of ${[...fitting].join(', ')} is expected`];
  const reason = actionMistake(fault.action);
  if (reason !== undefined) return ['action', reason];
  if (!isCount(fault.times)) return ['times', 'a whole number is expected'];
  if (!isCount(fault.skip)) return ['skip', 'a whole number is expected'];
  if (fault.share !== undefined && !(fault.share >= 0 && fault.share <= 1))
    return ['share', 'a number from 0 to 1 is expected'];
  return undefined;
}

/** The faults of one emulator. */
export class FaultInjector {
  readonly #random: () => number;
  readonly #onApplied: (id: string, stage: FaultStage) => void;
  #armed: Armed[] = [];
  #lastId = 0;

  constructor(random: () => number, onApplied: (id: string, stage: FaultStage) => void) {
    this.#random = random;
    this.#onApplied = onApplied;
  }

  /**
   * Arms a fault.
   *
   * @returns its id.
   * @throws EmulatorError with `EMULATOR_FAULT_INVALID`.
   */
  add(fault: InjectedFault): string {
    const mistake = mistakeOf(fault);
    if (mistake !== undefined)
      throw new EmulatorError(emulatorFaults.make('EMULATOR_FAULT_INVALID', { key: mistake[0], reason: mistake[1] }));
    this.#lastId += 1;
    const id = `fault-${this.#lastId}`;
    this.#armed.push({ id, fault, seen: 0, applied: 0 });
    return id;
  }

  /** All faults in order, also those that are used up. */
  list(): readonly ListedFault[] {
    return this.#armed.map(({ id, fault, applied }) => ({ id, fault, applied }));
  }

  /** Forgets one fault, or all. @returns how many. */
  clear(id?: string): number {
    const before = this.#armed.length;
    this.#armed = id === undefined ? [] : this.#armed.filter((armed) => armed.id !== id);
    return before - this.#armed.length;
  }

  #hits(armed: Armed): boolean {
    const { skip = 0, times = Number.POSITIVE_INFINITY, share = 1 } = armed.fault;
    armed.seen += 1;
    return armed.seen > skip && armed.applied < times && (share >= 1 || this.#random() < share);
  }

  /** What is to go wrong now, if anything. */
  next(stage: FaultStage, mailbox?: string): FaultAction | undefined {
    for (const armed of this.#armed) {
      const { fault } = armed;
      const fits = fault.mailbox === undefined || fault.mailbox.toLowerCase() === mailbox?.toLowerCase();
      if (fault.stage !== stage || !fits || !this.#hits(armed)) continue;
      armed.applied += 1;
      this.#onApplied(armed.id, stage);
      return fault.action;
    }
    return undefined;
  }
}
