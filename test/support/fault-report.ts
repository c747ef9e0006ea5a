import { cpus, totalmem } from 'node:os';
import { failpoints } from '../../src/announce.ts';
import type { FaultRow } from './fault-rows.ts';

export type FaultRun = {
  readonly rows: readonly FaultRow[];
  /** Names of tests that failed. */
  readonly failed: readonly string[];
  readonly date: string;
  readonly minutes: number;
  readonly commit: string;
};

const moments = ['SIGKILL', 'power off'];
const head = `# What was made to fail

Written by \`npm run test:faults\`; do not edit. Each cell is a deploy, made to fail at that step in that way on a
real installation with real servers. It says how the deploy ended, how long after the fault an auditor that knows
nothing of the product's code was content with everything
([I1 to I12](../test/support/checker-invariants.ts)), and how many requests failed meanwhile.
`;

/** The page of docs/ that tells of one run of the whole matrix. */
export function formatReport(run: FaultRun): string {
  const { rows, failed, date, minutes, commit } = run;
  const parts = [...new Set(rows.map(({ fault }) => fault))].filter(
    (fault) => !moments.includes(fault) && !fault.includes('random'),
  );
  const steps = [...new Set(rows.filter(({ fault }) => parts.includes(fault)).map(({ step }) => step))];
  const extra = rows.filter(({ fault }) => moments.includes(fault)).map(({ step }) => step);
  const points = [...new Set([...failpoints, ...extra])];
  const machine = `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`;
  return [
    head,
    `Last run: ${date}, commit ${commit}, ${minutes} minutes on ${machine}; ${rows.length} cells, ${describeFailed(failed)}.`,
    '',
    '## The process that is at a moment of a step dies, or the power of the control machine fails',
    '',
    'A SIGKILL comes under load in a rollout to three servers. A power failure ends every process of the control',
    'machine, the load balancer too, and its disk keeps only what it was asked to keep: requests are not counted there.',
    '',
    formatTable('moment', points, moments, rows),
    '## A part is killed in a step',
    '',
    'Two servers, under load. The load balancer may fail requests that are in flight when it is killed, nothing else may.',
    '',
    formatTable('step', steps, parts, rows),
    '## Random work under random faults',
    '',
    ...rows
      .filter(({ fault }) => fault.includes('random'))
      .map((row) => `- ${row.step}, ${row.fault}: ${formatCell(row)}`),
    '',
  ].join('\n');
}

function describeFailed(failed: readonly string[]): string {
  return failed.length === 0 ? 'all as they should be' : `**failed: ${failed.join('; ')}**`;
}

function formatTable(
  corner: string,
  names: readonly string[],
  faults: readonly string[],
  rows: readonly FaultRow[],
): string {
  const find = (step: string, fault: string) =>
    rows.findLast((row) => row.step === step && row.fault === fault);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line([corner, ...faults]),
    line(['---', ...faults.map(() => '---')]),
    ...names.map((name) => line([`\`${name}\``, ...faults.map((fault) => formatCell(find(name, fault)))])),
    '',
  ].join('\n');
}

function formatCell(row: FaultRow | undefined): string {
  if (row === undefined) return '–';
  const { end, trueAfterMs, sent, failed } = row;
  const requests = sent === 0 ? '' : `, ${failed} of ${sent} failed`;
  return `${end}, ${(trueAfterMs / 1000).toFixed(1)} s${requests}`;
}
