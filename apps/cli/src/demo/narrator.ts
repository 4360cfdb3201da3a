/** The voice of the demo: numbered steps, ticks with times, quoted log lines. */
import { systemClock, type Clock } from '@postbearer/core';
import type { Terminal } from '../terminal.ts';

/** Tells a story in steps. */
export interface Narrator {
  /** Begins the next numbered step. */
  step(title: string): void;
  /** Something that was done. */
  done(text: string, detail?: string): void;
  /** Something that failed, as it should here. */
  failed(text: string): void;
  /** Lines as they are, indented. */
  quote(text: string): void;
}

/** A narrator that writes to the terminal. */
export function createNarrator(terminal: Terminal, clock: Clock = systemClock): Narrator {
  let number = 0;
  let since = clock.monotonicMs();
  const elapsed = (): string => {
    const now = clock.monotonicMs();
    const took = now - since;
    since = now;
    return terminal.style('dim', `${Math.round(took)} ms`);
  };
  return {
    step(title) {
      number += 1;
      terminal.out(`\n${terminal.style('bold', `${number}  ${title}`)}\n`);
      since = clock.monotonicMs();
    },
    done: (text, detail) =>
      terminal.out(
        `   ${terminal.style('green', '✓')} ${text}${detail === undefined ? '' : `  ${terminal.style('dim', detail)}`}  ${elapsed()}\n`,
      ),
    failed: (text) => terminal.out(`   ${terminal.style('red', '✗')} ${text}  ${elapsed()}\n`),
    quote: (text) => terminal.out(`${text.replace(/\n$/, '').replaceAll(/^/gm, '     ')}\n`),
  };
}
