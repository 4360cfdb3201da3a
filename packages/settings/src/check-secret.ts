/** Checks of the text of a secret, wherever it stands. No finding holds the text. */
import { remark, mistake, type Place } from './place.ts';
import { isPlaceholder } from './placeholder.ts';
import { meaningOf, type UpstreamKey } from './schema.ts';
import type { Finding } from './settings.ts';

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What is wrong with a secret as it was pasted. One line break at the end of a file is no part of it and left off before. */
export function checkSecret(place: Place, key: UpstreamKey, text: string): Finding[] {
  if (isPlaceholder(text))
    return [mistake('CONFIG_PLACEHOLDER', place, { shown: 'the value of an example', meaning: meaningOf(key) })];
  const findings: Finding[] = [];
  // A private key has line breaks by nature.
  if (key !== 'oauth.privateKey' && (text !== text.trim() || /[\r\n]/.test(text)))
    findings.push(remark('CONFIG_SECRET_WHITESPACE', place));
  if (key === 'oauth.clientSecret' && GUID.test(text.trim())) findings.push(remark('CONFIG_SECRET_ID', place));
  return findings;
}
