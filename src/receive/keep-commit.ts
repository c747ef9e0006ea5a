import { announce } from '../announce.ts';
import { Failure } from '../failure.ts';
import type { Git } from './git/repositories.ts';
import { zeroOid } from './plan.ts';

/** Where the source of a deploy is kept; hidden from clients. */
export function deployRef(deployId: number): string {
  return `refs/hawser/deploys/${deployId}`;
}

export type KeptCommit = { readonly appId: string; readonly deployId: number; readonly commit: string };

/**
 * Keeps a commit under the hidden ref of its deploy, durably, and only then records the deploy: the ledger never
 * speaks of objects that are not on disk. A refusal takes the ref away again. Throws what `updateRef` and `record`
 * throw.
 */
export async function keepCommit<T>(
  git: Git,
  { appId, deployId, commit }: KeptCommit,
  record: (ref: string) => Promise<T>,
): Promise<T> {
  const ref = deployRef(deployId);
  announce('receive', 'intent', deployId);
  await git.updateRef(appId, ref, commit, zeroOid);
  announce('receive', 'act', deployId);
  try {
    return await record(ref);
  } catch (error) {
    // A refusal recorded nothing; of anything else the sweep finds out.
    if (error instanceof Failure && error.status < 500) await git.deleteRef(appId, ref, commit);
    throw error;
  }
}
