/**
 * A report as a picture of the chain, for a terminal or a plain text file. Pure.
 *
 * Every link has a mark that can be told apart without colour, its time and what was found. The first broken link is pointed at,
 * and below the picture stand its cause and what to do. Lines are cut or folded at the width; a command is never cut, since it
 * is there to be copied.
 */
import { evidenceLine, oneLine, type Fault } from '@postbearer/core';
import { CHECK_STRANDS, type ChainReport, type CheckResult, type CheckStatus } from './report.ts';

/** How a picture is drawn. */
export interface RenderOptions {
  /** Adds ANSI colours; the text is the same without. */
  readonly color: boolean;
  /** Columns of the terminal; at least 40 are used. */
  readonly width: number;
  /** Draws with box characters; otherwise with ASCII alone. */
  readonly unicode: boolean;
}

interface Pen {
  readonly marks: Readonly<Record<CheckStatus, string>>;
  readonly line: string;
  readonly open: string;
  readonly close: string;
  readonly arrow: string;
  readonly cut: string;
}

const UNICODE: Pen = {
  marks: { passed: '✔', warning: '▲', failed: '✘', 'not-reached': '○', skipped: '–' },
  line: '│',
  open: '├─╮',
  close: '├─╯',
  arrow: '╰─▶',
  cut: '…',
};

const ASCII: Pen = {
  marks: { passed: 'ok', warning: '! ', failed: 'X ', 'not-reached': '. ', skipped: '- ' },
  line: '|',
  open: '+-.',
  close: "+-'",
  arrow: '`->',
  cut: '...',
};

const COLOURS: Readonly<Record<CheckStatus | 'dim' | 'bold', string>> = {
  passed: '32',
  warning: '33',
  failed: '31;1',
  'not-reached': '2',
  skipped: '2',
  dim: '2',
  bold: '1',
};

const STRAND_NAMES = { server: 'to the server', token: 'to a token' } as const;
const TITLE_WIDTH = 15;
const TIME_WIDTH = 8;
const LEAST_WIDTH = 40;

function timeText(result: CheckResult): string {
  if (result.status === 'not-reached' || result.status === 'skipped') return '';
  const { durationMs } = result;
  if (durationMs < 1) return '<1 ms';
  return durationMs < 1000 ? `${Math.round(durationMs)} ms` : `${(durationMs / 1000).toFixed(1)} s`;
}

/** Folds a text at spaces into lines of at most `width` characters; a longer word stays whole. */
function fold(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

class Canvas {
  readonly lines: string[] = [];
  readonly pen: Pen;
  readonly width: number;
  readonly #color: boolean;

  constructor(options: RenderOptions) {
    this.pen = options.unicode ? UNICODE : ASCII;
    this.width = Math.max(options.width, LEAST_WIDTH);
    this.#color = options.color;
  }

  paint(colour: keyof typeof COLOURS, text: string): string {
    return this.#color && text !== '' ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
  }

  cut(text: string, room: number): string {
    const { cut } = this.pen;
    return text.length <= room ? text : `${text.slice(0, Math.max(room - cut.length, 0))}${cut}`;
  }

  /** A folded text whose first line begins with `lead` and whose others are indented as far. */
  folded(lead: string, text: string): void {
    const indent = ' '.repeat(lead.length);
    fold(oneLine(text), this.width - lead.length).forEach((line, index) =>
      this.lines.push(`${index === 0 ? lead : indent}${line}`),
    );
  }
}

function drawLink(canvas: Canvas, result: CheckResult, isBroken: boolean): void {
  const { pen } = canvas;
  const indent = CHECK_STRANDS[result.name] === undefined ? ' ' : ` ${pen.line} `;
  const mark = pen.marks[result.status];
  const time = timeText(result).padStart(TIME_WIDTH);
  // Inside a strand the title gives up the room that the line takes, so that the times stand below each other.
  const title = result.title.padEnd(TITLE_WIDTH + 3 - indent.length);
  const used = indent.length + mark.length + 1 + title.length + time.length + 3;
  const detail = canvas.cut(oneLine(result.detail), canvas.width - used);
  canvas.lines.push(
    `${indent}${canvas.paint(result.status, mark)} ${title}${canvas.paint('dim', time)}   ${detail}`.trimEnd(),
  );
  if (isBroken) canvas.lines.push(`${indent}${canvas.paint('failed', `${pen.arrow} the chain breaks here`)}`);
}

function drawChain(canvas: Canvas, report: ChainReport): void {
  const { pen } = canvas;
  let strand: 'server' | 'token' | undefined;
  for (const result of report.results) {
    const next = CHECK_STRANDS[result.name];
    if (next !== strand) {
      if (next !== undefined) canvas.lines.push(` ${pen.open} ${canvas.paint('dim', STRAND_NAMES[next])}`);
      else canvas.lines.push(` ${pen.close}`);
      strand = next;
    }
    drawLink(canvas, result, result.name === report.firstBroken?.name);
  }
}

function drawFault(canvas: Canvas, heading: string, fault: Fault): void {
  canvas.lines.push('', canvas.paint('bold', canvas.cut(`${heading}: ${oneLine(fault.title)}`, canvas.width)));
  canvas.folded('  ', `${fault.message} (${fault.code})`);
  const said = evidenceLine(fault);
  if (said !== undefined) canvas.folded('  ', said);
  canvas.folded('  Cause: ', fault.cause);
  const { steps, command } = fault.remedy;
  steps.forEach((step, index) => canvas.folded(steps.length === 1 ? '  Next: ' : `  ${index + 1}. `, step));
  if (command !== undefined) canvas.lines.push('  Run:', `    ${oneLine(command)}`);
}

function drawEnd(canvas: Canvas, report: ChainReport): void {
  const warnings = report.results.filter(({ status, fault }) => status === 'warning' && fault !== undefined);
  const brokenCode = report.firstBroken?.fault?.code;
  for (const { title, fault, name } of report.results) {
    if (fault === undefined) continue;
    if (name === report.firstBroken?.name) drawFault(canvas, `${title} failed`, fault);
    // A second strand may be broken as well; and what only warned before may be what broke later.
    else if (fault.code !== brokenCode) {
      const isWarning = warnings.some((warning) => warning.name === name);
      drawFault(canvas, isWarning ? `${title}, a warning` : `${title} failed as well`, fault);
    }
  }
  canvas.lines.push('', summaryOf(report));
}

function summaryOf(report: ChainReport): string {
  const total = `${(report.totalMs / 1000).toFixed(1)} s`;
  if (!report.ok) return `The chain is broken; nothing was sent (${total}).`;
  const count = report.results.filter(({ status }) => status === 'warning').length;
  const warnings = count === 0 ? '' : count === 1 ? ', with 1 warning' : `, with ${count} warnings`;
  return `The chain holds${warnings}; nothing was sent (${total}).`;
}

/**
 * The picture, without a final line break.
 *
 * @example
 * ```ts
 * import { renderChain } from '@postbearer/diagnosis';
 *
 * const settings = { name: 'settings', title: 'Settings', status: 'passed', durationMs: 2, detail: 'complete' } as const;
 * const picture = renderChain(
 *   { upstream: 'default', mailbox: 'a@contoso.com', results: [settings], ok: true, totalMs: 2 },
 *   { color: false, width: 80, unicode: true },
 * );
 * picture.split('\n')[2]; // => ' ✔ Settings             2 ms   complete'
 * ```
 */
export function renderChain(report: ChainReport, options: RenderOptions): string {
  const canvas = new Canvas(options);
  const mailbox = oneLine(report.mailbox ?? 'no mailbox');
  const server = report.server === undefined ? '' : ` ${options.unicode ? '→' : '->'} ${oneLine(report.server)}`;
  const head = canvas.cut(`${mailbox}${server} (upstream ${oneLine(report.upstream)})`, canvas.width);
  canvas.lines.push(canvas.paint('bold', head), '');
  drawChain(canvas, report);
  drawEnd(canvas, report);
  return canvas.lines.join('\n');
}
