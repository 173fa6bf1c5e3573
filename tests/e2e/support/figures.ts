// Results of a measurement: what, how often, and where; raw values are stored with the summary.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

import { repository } from './environment.ts';

export interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly values: readonly number[];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (upper + lower) / 2;
}

const round = (value: number): number => Math.round(value * 10) / 10;

/** One row of the table: what, how often, median, minimum to maximum. */
function row({ what, unit, values }: Figure): string {
  const spread = values.length === 1 ? '' : `${String(round(Math.min(...values)))} – ${String(round(Math.max(...values)))}`;
  return `| ${what} | ${String(values.length)} | ${String(round(median(values)))} ${unit} | ${spread} |`;
}

function machine(): object {
  return {
    date: new Date().toISOString(),
    revision: execFileSync('git', ['rev-parse', 'HEAD'], { cwd: repository, encoding: 'utf8' }).trim(),
    processor: cpus()[0]?.model,
    cores: cpus().length,
    memoryGiB: round(totalmem() / 2 ** 30),
    kernel: release(),
  };
}

/** Writes test-results/measurements/NAME.json and prints the table. */
export function report(name: string, figures: readonly Figure[]): void {
  const folder = join(repository, 'test-results/measurements');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ ...machine(), figures }, undefined, 1)}\n`);
  console.log(['| what | count | median | smallest – largest |', '| --- | --- | --- | --- |', ...figures.map(row)].join('\n'));
}
