import { Failure } from '../../failure.ts';
import type { Run } from '../../model/run.ts';
import { stopRun } from '../../store/runs.ts';
import { type Attachment, type AttachRequest, attachRun } from './attach.ts';
import { beginRun, hold, type RunDrivers, type RunRequest } from './run.ts';
import { settleRun } from './run-end.ts';

/** One-off commands, as the API has them. */
export type RunDesk = {
  /** Throws what `beginRun` throws. */
  begin(request: RunRequest, signal: AbortSignal): Promise<Run>;
  /** The same with its streams, for as long as the signal does not abort. Throws what `attachRun` throws. */
  attach(request: AttachRequest, signal: AbortSignal): Promise<Attachment>;
  /** What was attached here, for who has its key. Throws `run_not_attached`. */
  getAttachment(id: number, key: string): Attachment;
  /** Somebody follows it, for a while. */
  hold(id: number): Promise<void>;
  /** Looks whether it has ended, for whoever follows it. */
  settle(id: number, signal: AbortSignal): Promise<void>;
  /** Has it stopped; it ends within seconds. */
  cancel(id: number): Promise<void>;
};

const cancelMs = 60_000;

export function openRunDesk(drivers: RunDrivers): RunDesk {
  const attachments = new Map<number, Attachment>();
  return {
    async attach(request, signal) {
      const attachment = await attachRun(request, drivers, signal);
      const { id } = attachment.run;
      attachments.set(id, attachment);
      const forget = () => void attachments.delete(id);
      signal.addEventListener('abort', forget, { once: true });
      if (signal.aborted) forget();
      return attachment;
    },
    getAttachment(id, key) {
      const found = attachments.get(id);
      if (found?.key === key) return found;
      throw new Failure('run_not_attached', `Nobody is at run ${id} with this key.`);
    },
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
