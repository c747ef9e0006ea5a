import { appendFileSync } from 'node:fs';

/** One cell of the fault matrix as it was run. */
export type FaultRow = {
  readonly step: string;
  readonly fault: string;
  /** How the deploy ended: its state, with the code of its failure. */
  readonly end: string;
  /** From the fault to the moment at which the checker was content, in ms. */
  readonly trueAfterMs: number;
  readonly sent: number;
  readonly failed: number;
};

/** Keeps the row for docs/faults.md when the whole matrix is run. */
export function recordRow(row: FaultRow): void {
  const file = process.env.HAWSER_FAULT_ROWS;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(row)}\n`);
}

export function describeRow({ end, trueAfterMs, sent, failed }: FaultRow): string {
  return `${end}, everything true ${Math.round(trueAfterMs)} ms after the fault, ${failed} of ${sent} requests failed`;
}
