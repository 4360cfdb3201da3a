/**
 * What `postbearer sendmail` needs, and nothing else of the service: it starts for every mail that a program sends.
 *
 * @packageDocumentation
 */
export { dropMessage } from './drop-writer.ts';
export type { DropHead } from './drop-format.ts';
export { sendmailFaults, type SendmailFaultCode } from './faults.ts';
export { readLocalMessage, type LocalSubmission, type ReadyMessage } from './local-message.ts';
