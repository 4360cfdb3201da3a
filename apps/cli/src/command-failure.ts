/** How a command ends when it cannot do what it was asked: thrown anywhere in it, told in one place (`run-command.ts`). */
import type { Fault, Result } from '@postbearer/core';
import { EXIT, exitCodeOf } from './exit-codes.ts';

/** A mistake in the words of the command, or a fault with its remedy. */
export class CommandFailure extends Error {
  readonly exitCode: number;
  readonly fault: Fault | undefined;

  private constructor(message: string, exitCode: number, fault?: Fault) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
    this.fault = fault;
  }

  /** The call is wrong: exit code 64, and where the manual is. */
  static usage(message: string): CommandFailure {
    return new CommandFailure(message, EXIT.usage);
  }

  /** Something failed in an expected way: the exit code follows from the fault. */
  static of(fault: Fault): CommandFailure {
    return new CommandFailure(fault.message, exitCodeOf(fault), fault);
  }
}

/** The value of a result, or the end of the command with its fault. */
export function need<T>(result: Result<T>): T {
  if (!result.ok) throw CommandFailure.of(result.fault);
  return result.value;
}
