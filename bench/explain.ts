/**
 * `npm run bench -- explain`: how well and how fast `explain` names causes.
 *
 * Reads real texts with their causes from the file that POSTBEARER_CASES names (JSON lines with `text` and `cause`), else from
 * the collection beside this repository where there is one, else those of the tests. Prints a table by cause.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { explain } from '@postbearer/diagnosis';
import { pastedTexts } from '../packages/diagnosis/src/explain/testing/pasted-texts.ts';

const BESIDE = join(import.meta.dirname, '../../shared/diagnosis/cases.jsonl');
const SURE = 0.8;

interface Case {
  readonly text: string;
  readonly cause: string;
}

function theCases(): readonly Case[] {
  const file = process.env['POSTBEARER_CASES'] ?? (existsSync(BESIDE) ? BESIDE : undefined);
  if (file === undefined)
    return pastedTexts.filter(([cause]) => cause !== '-').map(([cause, text]) => ({ cause, text }));
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Case);
}

interface Row {
  cases: number;
  first: number;
  firstThree: number;
  sure: number;
  sureAndWrong: number;
}

const cases = theCases();
const rows = new Map<string, Row>();
const times: number[] = [];
for (const { text, cause } of cases) {
  const row = rows.get(cause) ?? { cases: 0, first: 0, firstThree: 0, sure: 0, sureAndWrong: 0 };
  rows.set(cause, row);
  const begun = performance.now();
  const { causes } = explain(text);
  times.push(performance.now() - begun);
  const [top] = causes;
  row.cases += 1;
  if (top?.cause === cause) row.first += 1;
  if (causes.slice(0, 3).some((each) => each.cause === cause)) row.firstThree += 1;
  if (top !== undefined && top.confidence >= SURE) {
    row.sure += 1;
    if (top.cause !== cause) row.sureAndWrong += 1;
  }
}

const widest = Math.max(...[...rows.keys()].map((cause) => cause.length));
const line = (name: string, { cases: n, first, firstThree, sure, sureAndWrong }: Row): string =>
  `${name.padEnd(widest)}  ${String(n).padStart(5)}  ${String(first).padStart(5)}  ${String(firstThree).padStart(8)}  ${String(sure).padStart(4)}  ${String(sureAndWrong).padStart(10)}`;
const sum = [...rows.values()].reduce((total, row) => ({
  cases: total.cases + row.cases,
  first: total.first + row.first,
  firstThree: total.firstThree + row.firstThree,
  sure: total.sure + row.sure,
  sureAndWrong: total.sureAndWrong + row.sureAndWrong,
}));
const sorted = times.toSorted((a, b) => a - b);
const quantile = (part: number): string => (sorted[Math.floor((sorted.length - 1) * part)] ?? 0).toFixed(2);

console.log(`${'cause'.padEnd(widest)}  cases  first  in three  sure  sure,wrong`);
for (const cause of [...rows.keys()].toSorted()) console.log(line(cause, rows.get(cause) as Row));
console.log(line('all', sum));
console.log(
  `first ${((100 * sum.first) / sum.cases).toFixed(1)} %, in the first three ${((100 * sum.firstThree) / sum.cases).toFixed(1)} %; a text takes ${quantile(0.5)} ms (median), ${quantile(0.99)} ms (99 of 100)`,
);
