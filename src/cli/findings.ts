import type { FindingAnswer } from './answers.ts';
import { exitCodes } from './exit.ts';
import type { CommonOptions, Session } from './session.ts';

const marks = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ' } as const;

/** Prints what was found; the command fails when one of them failed. */
export function printFindings(
  { terminal, end }: Session,
  items: readonly FindingAnswer[],
  options: CommonOptions,
): void {
  if (options.json) terminal.printJson(items);
  else {
    for (const { name, state, detail, fix } of items) {
      terminal.print(`${marks[state]}  ${name}: ${detail}`);
      if (fix !== null) terminal.print(`         fix: ${fix}`);
    }
  }
  if (items.some((item) => item.state === 'failed')) end(exitCodes.failed);
}
