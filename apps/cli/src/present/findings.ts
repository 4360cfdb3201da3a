/** Findings of the settings for the eye: all mistakes, then all warnings, each with its place and its mend. */
import { relative } from 'node:path';
import { oneLine, type Fault } from '@postbearer/core';
import type { Finding, SettingsReading } from '@postbearer/settings';
import type { Terminal } from '../terminal.ts';
import { wrap } from './wrap.ts';

/** A path as a person in this folder would type it. */
function shortPath(file: string, { workingFolder }: Terminal): string {
  const inside = relative(workingFolder, file);
  return inside.startsWith('..') || inside === '' ? file : inside;
}

function placeOf({ evidence }: Fault, terminal: Terminal): string {
  if (evidence?.kind !== 'settings') return '';
  const file =
    evidence.file === undefined
      ? ''
      : `${shortPath(evidence.file, terminal)}${evidence.line === undefined ? '' : `:${evidence.line}`}  `;
  return oneLine(`${file}${evidence.key}`);
}

function presentFinding({ severity, fault }: Finding, terminal: Terminal): string[] {
  const mark = severity === 'error' ? terminal.style('red', '✗ error  ') : terminal.style('yellow', '! warning');
  const indent = ' '.repeat(10);
  const width = terminal.width - indent.length;
  return [
    `${mark} ${terminal.style('bold', placeOf(fault, terminal))}  ${terminal.style('dim', fault.code)}`,
    ...wrap(oneLine(fault.message), width).map((line) => indent + line),
    ...fault.remedy.steps.flatMap((step) => wrap(`→ ${oneLine(step)}`, width).map((line) => indent + line)),
    ...(fault.remedy.command === undefined
      ? []
      : [`${indent}  ${terminal.style('cyan', oneLine(fault.remedy.command))}`]),
  ];
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

/** The findings and a closing line that counts them, with a final line break. */
export function presentFindings(reading: SettingsReading, terminal: Terminal): string {
  const errors = reading.findings.filter(({ severity }) => severity === 'error');
  const warnings = reading.findings.filter(({ severity }) => severity === 'warning');
  const place = reading.file === undefined ? 'the environment' : oneLine(shortPath(reading.file, terminal));
  const verdict =
    errors.length === 0
      ? terminal.style('green', '✓ The settings can be used')
      : terminal.style('red', '✗ The settings cannot be used');
  return `${[
    ...[...errors, ...warnings].flatMap((finding) => [...presentFinding(finding, terminal), '']),
    `${verdict}: ${count(errors.length, 'error')}, ${count(warnings.length, 'warning')} in ${place}.`,
  ].join('\n')}\n`;
}
