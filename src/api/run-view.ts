import type { Run } from '../model/run.ts';

/** A run as the API shows it. */
export function describeRun(run: Run) {
  const { id, version, server, container, inside, actor, command, attached, state, outcome, exitCode } = run;
  return {
    ...{ id, release: version, server, container, inside, actor, command, attached },
    ...{ state, outcome, exitCode },
    detail: run.detail,
    createdAt: run.createdAt,
    startedAt: run.startedAt,
    endsBy: new Date(run.endsMs).toISOString(),
    endedAt: run.endedAt,
  };
}
