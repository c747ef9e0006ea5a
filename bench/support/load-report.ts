import type { MachineFacts } from './machine-facts.ts';
import { saveTables } from './save.ts';
import { formatTable } from './statistics.ts';

/** One load and what became of it; times in ms. */
export type Loaded = {
  readonly name: string;
  readonly asked: number;
  readonly answered: number;
  readonly lost: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly megabytes: number;
};

type Counted = {
  readonly asked: number;
  /** Of each that was answered, in ms. */
  readonly times: readonly number[];
  readonly lost: number;
  readonly seconds: number;
  readonly megabytes: number;
};

/** What was counted of one load, with its quantiles. Pure. */
export function summarizeLoad(name: string, { asked, times, lost, seconds, megabytes }: Counted): Loaded {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  const answered = times.length;
  return {
    name,
    asked,
    answered,
    lost,
    perSecond: answered / seconds,
    p50: at(0.5),
    p99: at(0.99),
    megabytes,
  };
}

/** Writes bench/results/load.json and the table in docs/benchmarks.md. */
export async function saveLoad(facts: MachineFacts, measured: readonly Loaded[]): Promise<void> {
  const head = [
    'load',
    'asked',
    'answered',
    'lost',
    'a second',
    'p50 (ms)',
    'p99 (ms)',
    'memory of the server (MB)',
  ];
  const rows = measured.map(({ name, asked, answered, lost, perSecond, p50, p99, megabytes }) => [
    ...[name, asked, answered, lost],
    ...[perSecond, p50, p99, megabytes].map(Math.round),
  ]);
  await saveTables('load', { facts, measured }, formatTable(head, rows));
}
