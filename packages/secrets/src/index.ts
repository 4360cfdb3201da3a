/**
 * Secrets, resolved at the moment of use.
 *
 * @packageDocumentation
 */
export { secretFaults, type SecretFaultCode } from './faults.ts';
export { resolveSecret, type SecretSources } from './resolve-secret.ts';
export { MAX_SECRET_BYTES, secretFileProblem } from './stores/file.ts';
export type { ReadFile } from './stores/read-bounded.ts';
