import type { ChildProcess } from 'node:child_process';
import type { Git } from './git/repositories.ts';

/** Who is in a quarantine of which app; what killed ones leave there goes with the last of them. */
export type Quarantines = {
  /** From the start of a receive-pack until it is disposed of, after its end. */
  enter(appId: string, child: Pick<ChildProcess, 'signalCode' | 'pid'>): AsyncDisposable;
};

export function openQuarantines(git: Pick<Git, 'removeQuarantines' | 'releasePacks'>): Quarantines {
  const inside = new Map<string, number>();
  const killed = new Set<string>();
  return {
    enter(appId, child) {
      inside.set(appId, (inside.get(appId) ?? 0) + 1);
      return {
        async [Symbol.asyncDispose]() {
          if (child.signalCode !== null) {
            killed.add(appId);
            if (child.pid !== undefined) await git.releasePacks(appId, child.pid);
          }
          const others = (inside.get(appId) ?? 0) - 1;
          if (others > 0) {
            inside.set(appId, others);
            return;
          }
          inside.delete(appId);
          if (killed.delete(appId)) await git.removeQuarantines(appId);
        },
      };
    },
  };
}
