import type { Run } from '../../model/run.ts';
import { stopRun } from '../../store/runs.ts';
import { beginRun, hold, type RunDrivers, type RunRequest } from './run.ts';
import { settleRun } from './run-end.ts';

/** One-off commands, as the API has them. */
export type RunDesk = {
  /** Throws what `beginRun` throws. */
  begin(request: RunRequest, signal: AbortSignal): Promise<Run>;
  /** Somebody follows it, for a while. */
  hold(id: number): Promise<void>;
  /** Looks whether it has ended, for whoever follows it. */
  settle(id: number, signal: AbortSignal): Promise<void>;
  /** Has it stopped; it ends within seconds. */
  cancel(id: number): Promise<void>;
};

const cancelMs = 60_000;

export function openRunDesk(drivers: RunDrivers): RunDesk {
  return {
    begin: (request, signal) => beginRun(request, drivers, signal),
    hold: (id) => hold(id, drivers),
    settle: (id, signal) => settleRun(id, drivers, { isHolder: true, signal }),
    async cancel(id) {
      await stopRun(drivers.db, id, 'cancelled');
      // The upkeep makes up for what is not done here.
      void settleRun(id, drivers, { isHolder: false, signal: AbortSignal.timeout(cancelMs) }).catch(
        (error: Error) => drivers.log.warn({ run: id, error: error.message }, 'a run is not stopped yet'),
      );
    },
  };
}
