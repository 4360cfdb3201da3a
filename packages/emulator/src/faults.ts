/** The faults that this package can report: an emulator that cannot start, or a state that does not hold what was named. */
import { defineFaults, type Fault, type FaultCatalogue } from '@postbearer/core';

type Code =
  | 'EMULATOR_STATE_INVALID'
  | 'EMULATOR_STATE_UNREADABLE'
  | 'EMULATOR_HOST_NOT_LOOPBACK'
  | 'EMULATOR_CANNOT_LISTEN'
  | 'EMULATOR_NOT_IN_STATE'
  | 'EMULATOR_FAULT_INVALID'
  | 'EMULATOR_REQUEST_INVALID'
  | 'EMULATOR_NO_MESSAGE'
  | 'EMULATOR_SETTINGS_FILE_EXISTS'
  | 'EMULATOR_SETTINGS_FILE_NOT_WRITABLE';

/** Faults of the emulator. */
export const emulatorFaults: FaultCatalogue<Code> = defineFaults({
  EMULATOR_STATE_INVALID: {
    title: 'Emulator state not understood',
    message: '{source} is wrong at {key}: {reason}.',
    cause:
      'A state holds tenants with apps and mailboxes; every key and value is checked, so that a slip is not ignored.',
    remedy: { steps: ['Correct {key}, or leave it out to get its default.'] },
    next: 'fix-configuration',
  },
  EMULATOR_STATE_UNREADABLE: {
    title: 'Emulator state file not readable',
    message: 'The state file {file} cannot be read: {reason}.',
    cause: 'The file does not exist, may not be read, or is not JSON.',
    remedy: { steps: ['Check {file} and that it holds one JSON object with the key "tenants".'] },
    next: 'fix-configuration',
  },
  EMULATOR_HOST_NOT_LOOPBACK: {
    title: 'Emulator would be open to the network',
    message: '{host} is not an address of this machine alone.',
    cause: 'The emulator hands out its secrets to whoever asks, so it listens on loopback addresses only.',
    remedy: { steps: ['Leave the host out, or allow other machines on purpose.'] },
    next: 'fix-configuration',
  },
  EMULATOR_CANNOT_LISTEN: {
    title: 'Emulator cannot listen',
    message: 'The emulator cannot listen on {host} port {port}: {reason}.',
    cause: 'Another program uses the port, this one may not use it, or the address is not one of this machine.',
    remedy: { steps: ['Choose another port, or 0 for a free one.'] },
    next: 'fix-configuration',
  },
  EMULATOR_NOT_IN_STATE: {
    title: 'Not in the emulator',
    message: 'The emulator has no {kind} {name}.',
    cause: 'The name is not one of its state.',
    remedy: { steps: ['Use a {kind} of the state that the emulator was started with, or add it there.'] },
    next: 'fix-configuration',
  },
  EMULATOR_FAULT_INVALID: {
    title: 'Emulator fault not understood',
    message: 'The fault to inject is wrong at {key}: {reason}.',
    cause: 'A fault names a stage, what happens there, and how often.',
    remedy: { steps: ['Correct {key}.'] },
    next: 'fix-configuration',
  },
  EMULATOR_REQUEST_INVALID: {
    title: 'Request not understood',
    message: 'The request is wrong at {key}: {reason}.',
    cause: 'Changes are sent to the emulator as application/json; an operation takes a list of arguments.',
    remedy: { steps: ['Correct {key}.'] },
    next: 'fix-configuration',
  },
  EMULATOR_NO_MESSAGE: {
    title: 'Messages did not arrive',
    message: '{seen} of {count} messages arrived within {timeoutMs} ms.',
    cause: 'Fewer messages were sent, one was refused, or the time was too short.',
    remedy: { steps: ['Look at what the sender was told, and at the counters of the emulator.'] },
    next: 'retry',
  },
  EMULATOR_SETTINGS_FILE_EXISTS: {
    title: 'Settings that are not of an emulator',
    message: '{file} exists and was not written by an emulator; it was left as it is.',
    cause:
      'Settings are written over those of an earlier emulator only: their smtp.server is an address of this machine and their smtp.caFile lies in the folder of an emulator.',
    remedy: { steps: ['Choose another name for the settings of the emulator.'] },
    next: 'fix-configuration',
  },
  EMULATOR_SETTINGS_FILE_NOT_WRITABLE: {
    title: 'Settings file cannot be written',
    message: 'The settings file {file} cannot be written: {reason}.',
    cause: 'The settings of an emulator are written to a new file in the folder, which then takes the name.',
    remedy: { steps: ['Choose a folder that exists and that this account may write to.'] },
    next: 'fix-configuration',
  },
});

/** Thrown where the emulator is used wrongly or cannot start; `fault` says what and how to mend it. */
export class EmulatorError extends Error {
  override readonly name = 'EmulatorError';
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(`${fault.code}: ${fault.message}`);
    this.fault = fault;
  }
}
