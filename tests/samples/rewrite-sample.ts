/**
 * Turns the stated values of a sample into checks.
 *
 * `expression; // => literal` becomes a call that compares both deeply. The mark may stand on the line after the statement, and a literal
 * that does not end on its line goes on in the comment lines below. A statement may span several lines; one that declares a
 * name states the value of that name.
 */
import { tokensOf } from '../architecture/read-source.ts';

const MARK = /(?:^|\s)\/\/ => (.+)$/;
const COMMENT = /^\s*\/\/(.*)$/;

/** Whether every bracket that a text opens it also closes, and the reverse. */
function isBalanced(text: string): boolean {
  let depth = 0;
  for (const { kind, text: mark } of tokensOf(text)) {
    if (kind !== 'mark') continue;
    if ('([{'.includes(mark)) depth += 1;
    else if (')]}'.includes(mark)) depth -= 1;
    if (depth < 0) return false;
  }
  return depth === 0;
}

/** Whether a line ends what came before it. */
function isBoundary(line: string | undefined): boolean {
  return line === undefined || line.trim() === '' || COMMENT.test(line) || /[;{}]\s*$/.test(line);
}

/** The first line of the statement that ends on line `end`. */
function startOfStatement(lines: readonly string[], end: number): number {
  let start = end;
  const isWhole = (): boolean => isBoundary(lines[start - 1]) && isBalanced(lines.slice(start, end + 1).join('\n'));
  while (start > 0 && !isWhole()) start -= 1;
  return start;
}

/** The literal of a mark, with the comment lines that it goes on in; `last` is the index of the last line. */
function literalAt(
  lines: readonly string[],
  index: number,
  begun: string,
): { readonly literal: string; readonly last: number } {
  let [literal, last] = [begun, index];
  while (!isBalanced(literal)) {
    const more = COMMENT.exec(lines[last + 1] ?? '')?.[1];
    if (more === undefined) break;
    literal += `\n${more}`;
    last += 1;
  }
  return { literal, last };
}

function checkOf(statement: string, literal: string, line: number): string {
  const code = statement.trim().replace(/;$/, '');
  const declared = /^(?:export )?(?:const|let) (\w+)\b/.exec(code)?.[1];
  const check = (value: string): string => `globalThis.checkSampleValue(() => (${literal}), ${line}, ${value});`;
  // On the lines of the statement, so that a stack shows the lines of the sample.
  return declared === undefined ? check(code) : `${code}; ${check(declared)}`;
}

/**
 * A sample with its stated values checked by `globalThis.checkSampleValue`.
 *
 * @param firstLine - the number of its first line in the file that it stands in.
 * @returns the module, with as many lines as the sample, and how many values it states.
 */
export function rewriteSample(text: string, firstLine = 1): { readonly text: string; readonly values: number } {
  const lines = text.split('\n');
  let values = 0;
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    const begun = MARK.exec(line)?.[1];
    if (begun === undefined) continue;
    const { literal, last } = literalAt(lines, index, begun);
    const code = line.replace(MARK, '');
    const end = code.trim() === '' ? index - 1 : index;
    lines[index] = code;
    const start = startOfStatement(lines, end);
    const statement = lines.slice(start, end + 1).join('\n');
    const check = checkOf(statement, literal.replaceAll('\n', ' '), firstLine + index).split('\n');
    for (let at = start; at <= last; at += 1) lines[at] = check[at - start] ?? '';
    values += 1;
    index = last;
  }
  return { text: lines.join('\n'), values };
}
