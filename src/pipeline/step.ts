import { beginStep, endStep } from '../store/steps.ts';
import type { PipelineDrivers } from './drivers.ts';
import type { Turn } from './lane.ts';

/** Intent in the ledger, then the act, then its outcome in the ledger. */
export async function performStep<T>(
  turn: Turn,
  { db }: Pick<PipelineDrivers, 'db'>,
  name: string,
  act: () => Promise<T>,
): Promise<T> {
  await beginStep(db, turn.deploy, name);
  try {
    const value = await act();
    await endStep(db, turn.deploy, name, 'done');
    return value;
  } catch (error) {
    if (!turn.signal.aborted) await endStep(db, turn.deploy, name, 'failed', (error as Error).message);
    throw error;
  }
}
