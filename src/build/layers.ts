import { setTimeout as pause } from 'node:timers/promises';
import { type Docker, statusOf } from '../fleet/docker.ts';

/** What a build that is given up has made. */
export type Made = {
  /** Names that the engine printed of layers, the oldest first. */
  readonly layers: readonly string[];
  /** The container of a step that was over, and that the engine may be making a layer of. */
  readonly pending: string | null;
  readonly since: Date;
  /** Ends the wait for it. */
  readonly signal: AbortSignal;
};

// A layer of a few GB takes the engine that long; what comes later is left to its cache.
const pendingMs = 120_000;
const inUseMs = 5_000;

/** Whether the step in a container has ended well: then the engine makes a layer of it, whoever has left meanwhile. */
export async function wasKept(docker: Docker, container: string): Promise<boolean> {
  try {
    const { State } = await docker.getContainer(container).inspect();
    return !State.Running && State.ExitCode === 0 && State.Status !== 'created';
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

/**
 * Removes the layers of a build, the newest first, so that they do not fill the disk as its cache. The names are what
 * was printed: what has a tag, was there before the build, or is used by others is never touched. A layer that the engine is still making is waited for.
 */
export async function removeLayers(docker: Docker, { layers, pending, since, signal }: Made): Promise<void> {
  const last = pending === null ? null : await awaitLayer(docker, pending, since, signal);
  for (const id of [...layers, ...(last === null ? [] : [last])].toReversed()) {
    if (!(await removeLayer(docker, id, since))) return;
  }
}

/** True when it is gone. A container that the engine is still removing has it in use for a moment. */
async function removeLayer(docker: Docker, id: string, since: Date): Promise<boolean> {
  const image = docker.getImage(id);
  for (const deadline = performance.now() + inUseMs; ; ) {
    try {
      const { RepoTags, Created } = await image.inspect();
      if ((RepoTags ?? []).length > 0 || Date.parse(Created) < since.getTime()) return false;
      await image.remove({ force: false, noprune: true });
      return true;
    } catch (error) {
      const status = statusOf(error);
      if (status !== 404 && status !== 409) throw error;
      if (status === 404 || performance.now() > deadline) return false;
      await pause(200);
    }
  }
}

/** The layer that the engine makes of a container; null when it makes none in time. */
async function awaitLayer(
  docker: Docker,
  container: string,
  since: Date,
  signal: AbortSignal,
): Promise<string | null> {
  const deadline = performance.now() + pendingMs;
  for (;;) {
    for (const { Id, Created } of await docker.listImages({ all: true })) {
      if ((Created + 1) * 1000 < since.getTime()) continue;
      const image = await docker
        .getImage(Id)
        .inspect()
        .catch(() => null); // Others come and go.
      if (image?.Container?.startsWith(container)) return Id;
    }
    if (signal.aborted || performance.now() > deadline) return null;
    await pause(250, undefined, { signal }).catch(() => undefined); // Asked above.
  }
}
