/**
 * Texts that manuals and deployments leave to be replaced.
 *
 * Rule: whole values only, of shapes that no real value has. The list holds what the guide shows, what this program itself
 * writes in place of a secret, and references that a platform should have resolved.
 */

const EXAMPLE_GUIDS: ReadonlySet<string> = new Set([
  '12345678-1234-1234-1234-123456789012',
  '00000000-0000-0000-0000-000000000000',
  '11111111-1111-1111-1111-111111111111',
]);

const WHOLE: readonly RegExp[] = [
  /^your(?:[-_ ][a-z]+)+$/i,
  /^(?:[x*.\u2026]{3,}|(?:x+-)+x+)$/i,
  /^change[-_ ]?(?:me|it)$/i,
  /^<[\w -]+>$/,
  /^\{[\w -]+\}$/,
  // What Terraform and App Service put there to be resolved later
  /^\$\{\w+\}$/,
  /^@Microsoft\.KeyVault\(/i,
  /^stored-in-keeper$/i,
  // How a masked secret is shown: pasted back from a listing
  /^\[secret\]$/i,
];

/** A host or the end of an address of a manual: `notifications@yourdomain.com`. */
const DOMAIN = /(?:^|[@.])your-?(?:domain|company|organization|org|tenant)\.[a-z]{2,}(?:\.[a-z]{2,})?$/i;

/** Whether it is a GUID that manuals print. */
export function isExampleGuid(text: string): boolean {
  return EXAMPLE_GUIDS.has(text);
}

/** Whether a whole value is a placeholder. */
export function isPlaceholder(text: string): boolean {
  const trimmed = text.trim();
  return isExampleGuid(trimmed) || DOMAIN.test(trimmed) || WHOLE.some((shape) => shape.test(trimmed));
}
