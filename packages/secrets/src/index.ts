/**
 * Secrets, resolved at the moment of use.
 *
 * @packageDocumentation
 */
export { secretFaults, type SecretFaultCode } from './faults.ts';
export { withFileLock } from './rotation/file-lock.ts';
export { fileRotationLog, fileSlots } from './rotation/file-slots.ts';
export {
  rollBackSecret,
  ROTATION_NAME_PREFIX,
  rotateSecret,
  rotationDueAt,
  type IssuedSecret,
  type RotationLog,
  type RotationOptions,
  type RotationOutcome,
  type RotationRecord,
  type RotationStep,
  type SecretIssuer,
  type SecretSlots,
} from './rotation/rotation.ts';
export { resolveSecret, type SecretSources } from './resolve-secret.ts';
export { MAX_SECRET_BYTES, secretFileProblem } from './stores/file.ts';
export type { ReadFile } from './stores/read-bounded.ts';
