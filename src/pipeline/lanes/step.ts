import { announce, type WholeStep } from '../../announce.ts';
import { beginStep, endStep } from '../../store/steps.ts';
import type { PipelineDrivers } from '../drivers.ts';
import type { Turn } from './lane.ts';

/** Intent in the ledger, then the act, then its outcome in the ledger; each is announced. */
export async function performStep<T>(
  turn: Turn,
  { db }: Pick<PipelineDrivers, 'db'>,
  name: WholeStep,
  act: () => Promise<T>,
): Promise<T> {
  await beginStep(db, turn.deploy, name);
  announce(name, 'intent', turn.deploy.id);
  try {
    const value = await act();
    announce(name, 'act', turn.deploy.id);
    await endStep(db, turn.deploy, name, 'done');
    announce(name, 'record', turn.deploy.id);
    return value;
  } catch (error) {
    if (!turn.signal.aborted) await endStep(db, turn.deploy, name, 'failed', (error as Error).message);
    throw error;
  }
}
