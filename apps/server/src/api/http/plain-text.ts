/** Texts of requests that are looked up or stored: one line, and nothing that a database refuses. */
import { z } from 'zod';

// oxlint-disable-next-line no-control-regex -- control characters are what is refused
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Whether a text is one line of whole characters. */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !UNSAFE.test(text);
}

/** One line of text. */
export function plainText(longest: number): z.ZodString {
  return z.string().max(longest).refine(isPlainText, 'It holds a line break, a control character or half a character.');
}
