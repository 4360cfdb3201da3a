/**
 * The durable queue of messages.
 *
 * @packageDocumentation
 */

/** How urgent a message is: a password reset goes before a report. */
export type Priority = 'urgent' | 'normal' | 'bulk';
