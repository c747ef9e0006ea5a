import type { MachineFacts } from './machine-facts.ts';
import type { Run } from './run.ts';
import { saveTables } from './save.ts';
import { formatTable, medianOf, medianOfEach } from './statistics.ts';

/** All runs on a fleet of one size. */
export type Measured = {
  readonly servers: number;
  readonly runs: { readonly hawser: readonly Run[]; readonly byHand: readonly Run[] };
  /** SSH logins on one server over all runs, the warming ones too, and connections that are held at the end. */
  readonly connections: { readonly hawser: number; readonly byHand: number; readonly held: number };
};

/** The table of one fleet and where the time went, on the terminal. */
export function printMeasured(measured: Measured): void {
  console.log(`\n${formatSummary([measured])}\n${formatSpans(measured)}`);
}

/** Writes bench/results/push-to-live.json and the tables in docs/benchmarks.md. */
export async function saveResults(facts: MachineFacts, measured: readonly Measured[]): Promise<void> {
  const sections = measured.map(
    (one) => `### Where the time goes, ${countOf(one.servers, 'server')}\n\n${formatSpans(one)}\n`,
  );
  const tables = `${formatSummary(measured)}\n${sections.join('')}`.trimEnd();
  await saveTables('push-to-live', { facts, measured }, `${tables}\n`);
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
