import { type Deploy, hasEnded } from '../model/deploy.ts';
import { readResult as readEndedResult } from '../pipeline/follow.ts';
import type { ApiDesk } from './desk.ts';

/** The last lines of a deploy that has ended, from the ledger; none while it goes on. */
export async function readResult(desk: ApiDesk, deploy: Deploy): Promise<readonly string[]> {
  return hasEnded(deploy.state) ? readEndedResult(deploy, desk) : [];
}
