/**
 * Which values of settings a message may show.
 *
 * Rule: a secret may stand in the wrong place, so a message shows a value only where its shape is short and harmless: a number
 * of at most 7 digits, a word of at most 5 letters, or a placeholder of manuals that is made of words. Any other is described
 * by its length; the place that is named with it says where to look. `config show` prints values, that is its purpose, but for
 * secrets and for what follows the path of a URL.
 */
import { isExampleGuid, isPlaceholder } from './placeholder.ts';

const SHORT = /^(?:-?\d{1,7}|[a-z]{1,5})$/i;
const WORDS = /^\$?[<{]?[a-z]+(?:[-_ .@][a-z]+){0,5}[>}]?$/i;
const LONGEST_PLACEHOLDER = 60;

/** Whether a value has a shape that may be shown. */
export function mayShow(text: string): boolean {
  if (SHORT.test(text) || isExampleGuid(text)) return true;
  return text.length <= LONGEST_PLACEHOLDER && WORDS.test(text) && isPlaceholder(text);
}

/** The value in double quotes, or what it is. */
export function shown(text: string): string {
  return mayShow(text) ? `"${text}"` : `a text of ${text.length} characters`;
}

/** A URL without its query and fragment, which may hold a key. */
export function shownUrl(url: string): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : `${url.slice(0, end)} (the rest is not shown)`;
}
