import { mkdir, rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { hastenPushes } from '../store/hook-pushes.ts';
import { type HookParts, mostAttempts, notePolls, performDue } from './perform.ts';
import { reportStatuses } from './status.ts';

export type HookLoop = AsyncDisposable & {
  /** There is something new to do. */
  wake(): void;
};

const lookMs = 5_000;

/** Does what forges told until it is disposed; what is under way then the next server does at once. */
export async function openHookLoop(parts: HookParts): Promise<HookLoop> {
  await rm(parts.folder, { recursive: true, force: true });
  await mkdir(parts.folder, { recursive: true, mode: 0o700 });
  await hastenPushes(parts.db, Date.now(), mostAttempts);
  const closing = new AbortController();
  let woken = new AbortController();
  const running = run();

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await notePolls(parts, Date.now());
        await reportStatuses(parts, closing.signal);
        if ((await performDue(parts, closing.signal)) > 0) continue;
      } catch (error) {
        if (!closing.signal.aborted) parts.log.error({ err: error }, 'what forges told cannot be done now');
      }
      const signal = AbortSignal.any([closing.signal, woken.signal]);
      // Ends early when there is something to do, or nothing ever again.
      await pause(parts.lookMs ?? lookMs, undefined, { signal }).catch(() => undefined);
      woken = new AbortController();
    }
  }

  return {
    wake: () => woken.abort(),
    async [Symbol.asyncDispose]() {
      closing.abort();
      await running;
    },
  };
}
