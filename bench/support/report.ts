import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineFacts } from './machine-facts.ts';
import type { Run } from './run.ts';
import { formatTable, medianOf, medianOfEach } from './statistics.ts';

/** All runs on a fleet of one size. */
export type Measured = {
  readonly servers: number;
  readonly runs: { readonly hawser: readonly Run[]; readonly byHand: readonly Run[] };
  /** SSH logins on one server over all runs, the warming ones too, and connections that are held at the end. */
  readonly connections: { readonly hawser: number; readonly byHand: number; readonly held: number };
};

const root = join(import.meta.dirname, '..', '..');
const [open, close] = ['<!-- push-to-live -->', '<!-- /push-to-live -->'];

/** The table of one fleet and where the time went, on the terminal. */
export function printMeasured(measured: Measured): void {
  console.log(`\n${formatSummary([measured])}\n${formatSpans(measured)}`);
}

/** Writes bench/results/push-to-live.json and the tables in docs/benchmarks.md. */
export async function saveResults(facts: MachineFacts, measured: readonly Measured[]): Promise<void> {
  const folder = join(root, 'bench', 'results');
  await mkdir(folder, { recursive: true });
  const whole = { facts, measured };
  await writeFile(join(folder, 'push-to-live.json'), `${JSON.stringify(whole, roundNumber, 2)}\n`);
  const file = join(root, 'docs', 'benchmarks.md');
  const text = await readFile(file, 'utf8');
  const [before = '', rest = ''] = text.split(open);
  const after = rest.split(close)[1] ?? '';
  await writeFile(file, `${before}${open}\n${formatTables(facts, measured)}${close}${after}`);
}

function formatTables(facts: MachineFacts, measured: readonly Measured[]): string {
  const sections = measured.map(
    (one) => `### Where the time goes, ${countOf(one.servers, 'server')}\n\n${formatSpans(one)}\n`,
  );
  const machine = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
  return `${formatSummary(measured)}\n${sections.join('')}Machine: ${machine.join(', ')}.\n`;
}

function formatSummary(measured: readonly Measured[]): string {
  const head = [
    'servers',
    'Hawser, on every server (ms)',
    'by hand, on every server (ms)',
    'ratio',
    'Hawser, first new page (ms)',
    'Hawser, `git push` ended (ms)',
    'SSH logins per server and deploy, Hawser',
    'by hand',
  ];
  return formatTable(
    head,
    measured.map(({ servers, runs, connections }) => {
      const [hawser, byHand] = [runs.hawser, runs.byHand].map((side) =>
        medianOf(side.map((run) => run.liveMs)),
      );
      const deploys = runs.hawser.length + 1;
      return [
        servers,
        Math.round(hawser ?? 0),
        Math.round(byHand ?? 0),
        ((hawser ?? 0) / (byHand ?? 0)).toFixed(2),
        Math.round(medianOf(runs.hawser.map((run) => run.firstMs))),
        Math.round(medianOf(runs.hawser.map((run) => run.endMs))),
        `${connections.hawser} in ${deploys} deploys, ${connections.held} held`,
        `${connections.byHand} in ${deploys} deploys`,
      ];
    }),
  );
}

function formatSpans({ runs }: Measured): string {
  const sides = [
    ['Hawser', runs.hawser],
    ['by hand', runs.byHand],
  ] as const;
  const rows = sides.flatMap(([side, all]) =>
    Object.entries(medianOfEach(all.map((run) => run.spans))).map(([name, ms]) => [side, name, ms]),
  );
  return formatTable(['side', 'until', 'ms, median'], rows);
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function roundNumber(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 10) / 10 : value;
}
