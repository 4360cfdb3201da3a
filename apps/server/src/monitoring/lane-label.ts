/**
 * The name of a lane in metrics.
 *
 * A lane is named after its mailbox, and no mail address may stand in a label. So the label is the name of the upstream and eight
 * digits of the SHA-256 of the lane's whole name, such as `default-3f2a9c1b`: the same after a restart and on every node.
 * `postbearer status --json` and `GET /v1/lanes` show both names side by side.
 */
import { createHash } from 'node:crypto';

const DIGITS = 8;
const KNOWN_LABELS = 10_000;
const labels = new Map<string, string>();

/** A name from the settings as it may stand in a label: nothing in it could be an address. */
export function labelText(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 64);
}

/** The label of a lane `upstream/mailbox`: the upstream and eight digits that stand for both, such as `default-1f0a5d3c`. */
export function laneLabel(lane: string): string {
  const known = labels.get(lane);
  if (known !== undefined) return known;
  const digest = createHash('sha256').update(lane.toLowerCase()).digest('hex').slice(0, DIGITS);
  const cut = lane.indexOf('/');
  const label = `${labelText(cut < 0 ? '' : lane.slice(0, cut))}-${digest}`;
  if (labels.size < KNOWN_LABELS) labels.set(lane, label);
  return label;
}
