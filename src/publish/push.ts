import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import { type Docker, statusOf, toFailure } from '../fleet/docker.ts';
import type { DeployLog } from '../log/deploy-log.ts';
import { isReady, type Registry, type RegistryAuth } from './registry.ts';
import { explainTransfer, readTransfer, type Transfer } from './transfer.ts';

export type PushRequest = {
  readonly docker: Docker;
  readonly registry: Registry;
  readonly log: Pick<DeployLog, 'warning'>;
  readonly signal: AbortSignal;
  /** How long a registry may be away, in ms. */
  readonly comeBackMs?: number;
};

const defaultComeBackMs = 60_000;
const firstPauseMs = 250;
const lastPauseMs = 5000;

/** The push is repeated whole: layers that arrived are not sent again. */
export async function pushUntilThere(request: PushRequest, name: string): Promise<Transfer> {
  const { registry, signal, log, comeBackMs = defaultComeBackMs } = request;
  const deadline = performance.now() + comeBackMs;
  let said = false;
  for (let pause = firstPauseMs; ; pause = Math.min(pause * 2, lastPauseMs)) {
    try {
      return await push(request, name);
    } catch (error) {
      signal.throwIfAborted();
      // Layers that a collection of garbage took away in mid-push are sent again.
      const again = ['registry_unreachable', 'image_not_in_registry'];
      const away = error instanceof Failure && again.includes(error.code);
      if (!away || performance.now() + pause > deadline) throw error;
      if (!said) log.warning(`The registry ${registry.address} does not answer; trying for a minute`);
      said = true;
    }
    await sleep(pause, undefined, { signal });
  }
}

async function push({ docker, registry, signal }: PushRequest, name: string): Promise<Transfer> {
  const what = `push to ${registry.address}`;
  const { auth } = registry;
  // The engine itself would try for 15 s before it says so.
  if (registry.tunnelled && !(await isReady(registry.address, signal))) {
    signal.throwIfAborted();
    throw new Failure('registry_unreachable', `${what}: it does not answer`);
  }
  try {
    // A push with a wrong login is tried again and again by the engine, for 50 s.
    if (auth !== null) await docker.checkAuth({ ...auth });
    // The engine wants a login with every push, if only an empty one.
    const answer = await docker
      .getImage(name)
      .push({ authconfig: { ...auth } as RegistryAuth, abortSignal: signal });
    return await readTransfer(answer, what);
  } catch (error) {
    signal.throwIfAborted();
    const status = statusOf(error);
    throw status === undefined || status === 404
      ? toFailure(error, what)
      : explainTransfer((error as Error).message, what);
  }
}
