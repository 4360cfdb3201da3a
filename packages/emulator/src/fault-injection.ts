/**
 * Failures on demand: at a stage, so many times or for a share of the cases, with a reply, a delay, a cut or silence.
 *
 * Stages come in the order of a session. `content` is while the message arrives: nothing of it is kept, a cut comes in its
 * midst, a reply at its end. `final` is after its end: a reply refuses the message and it is not kept; a cut, a hang or a delay comes after
 * it was kept, the case in which a sender cannot know. The first fault that applies wins, in the order they were added; chance comes from the given random.
 */
import { emulatorFaults, EmulatorError } from './faults.ts';
import { mistakeInFault, type FaultAction, type FaultStage, type InjectedFault } from './injected-fault.ts';

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
    const mistake = mistakeInFault(fault);
    if (mistake !== undefined) throw new EmulatorError(emulatorFaults.make('EMULATOR_FAULT_INVALID', { ...mistake }));
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
