/**
 * Named points in the work of the service, at which a test may stop it.
 *
 * Before and after everything that must not be lost, the code says the name of the place on a diagnostics channel of Node.
 * Nobody listens in production; then a passage costs one comparison. A test listens in a process of its own and kills it
 * at the passage that it was told (`docs/decisions/0015-named-points.md`).
 */
import { channel } from 'node:diagnostics_channel';

const points = channel('postbearer.point');

/** Says that the work has come to a named point. */
export function passPoint(name: string): void {
  if (points.hasSubscribers) points.publish(name);
}
