/** The steps of a set-up as they come out, one line each, on standard error. */
import type { EntraStepOutcome, GraphWait } from '@postbearer/microsoft365';
import type { Terminal } from '../terminal.ts';

const WORDS: Readonly<Record<EntraStepOutcome, readonly [mark: string, words: string]>> = {
  present: ['✓', 'there already'],
  made: ['✓', 'made'],
  'not-needed': ['–', 'not needed this way'],
};
const REASONS: Readonly<Record<GraphWait['reason'], string>> = {
  throttled: 'Microsoft Graph asks to slow down',
  unavailable: 'Microsoft Graph does not answer',
  propagation: 'not known everywhere yet',
};

/** Writes them. */
export class StepLines {
  readonly #terminal: Terminal;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** A step that came out; one that only begins is not told. */
  step(title: string, outcome: EntraStepOutcome | 'begun'): void {
    if (outcome === 'begun') return;
    const [mark, words] = WORDS[outcome];
    const style = outcome === 'not-needed' ? 'dim' : 'green';
    this.#terminal.err(`${this.#terminal.style(style, mark)} ${title}  ${this.#terminal.style('dim', words)}\n`);
  }

  /** Why it takes longer. */
  wait({ reason, what, waitMs }: GraphWait): void {
    const seconds = Math.ceil(waitMs / 1000);
    this.#terminal.err(`  … ${what}: ${REASONS[reason]}; asking again in ${seconds} s\n`);
  }
}
