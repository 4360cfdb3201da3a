/** Finds the samples in docstrings and pages: the fenced blocks that say in which language they are. */

/** One fenced block. */
export interface Sample {
  /** Path from the root of the file that it stands in. */
  readonly file: string;
  /** The line of its first line of text, from 1. */
  readonly line: number;
  /** `ts`, `json`, `sh` and the like. */
  readonly language: string;
  /** Whether the fence says `no-run`. */
  readonly isRun: boolean;
  readonly text: string;
}

const FENCE = /^(\s*)```\s*([a-z]*)\s*(no-run)?\s*$/;

/** The fenced blocks in lines of Markdown; `firstLine` is the number of the first of them. */
function blocksOf(file: string, lines: readonly string[], firstLine: number): Sample[] {
  const samples: Sample[] = [];
  let open:
    | { readonly start: number; readonly indent: number; readonly language: string; readonly isRun: boolean }
    | undefined;
  for (const [index, line] of lines.entries()) {
    const [, indent = '', language = '', noRun] = FENCE.exec(line) ?? [];
    const isFence = FENCE.test(line);
    if (isFence && open === undefined) {
      open = { start: index + 1, indent: indent.length, language, isRun: noRun === undefined };
    } else if (isFence && open !== undefined) {
      const { start, indent: margin, ...rest } = open;
      const text = lines.slice(start, index).map((each) => each.slice(margin));
      samples.push({ file, line: firstLine + start, ...rest, text: text.join('\n') });
      open = undefined;
    }
  }
  return samples;
}

/** The samples of a Markdown page. */
export function samplesInPage(file: string, text: string): Sample[] {
  return blocksOf(file, text.split('\n'), 1);
}

/** The samples in the docstrings of a source. */
export function samplesInSource(file: string, text: string): Sample[] {
  const samples: Sample[] = [];
  const lines = text.split('\n');
  for (let index = 0; index < lines.length; index += 1) {
    if (!/^\s*\/\*\*/.test(lines[index] ?? '')) continue;
    const start = index;
    while (index < lines.length && !/\*\//.test(lines[index] ?? '')) index += 1;
    const comment = lines.slice(start, index).map((line) => line.replace(/^\s*(?:\/\*)?\* ?/, ''));
    samples.push(...blocksOf(file, comment, start + 1));
  }
  return samples;
}
