import { mkdir, rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { HookPush } from '../model/webhook.ts';
import { hastenPushes, listDuePushes } from '../store/hook-pushes.ts';
import { openLines } from './lines.ts';
import { type HookParts, mostAttempts, notePolls, performPush } from './perform.ts';
import { reportStatuses } from './status.ts';

export type HookLoop = AsyncDisposable & {
  /** There is something new to do. */
  wake(): void;
};

const lookMs = 5_000;
// Webhooks that are fetched for at once; each has one at a time.
const mostLines = 8;

/** Does what forges told until it is disposed; what is under way then the next server does at once. */
export async function openHookLoop(parts: HookParts): Promise<HookLoop> {
  await rm(parts.folder, { recursive: true, force: true });
  await mkdir(parts.folder, { recursive: true, mode: 0o700 });
  await hastenPushes(parts.db, Date.now(), mostAttempts);
  const closing = new AbortController();
  let woken = new AbortController();
  const wake = () => woken.abort();
  const onError = (error: unknown) => {
    if (!closing.signal.aborted) parts.log.error({ err: error }, 'what forges told cannot be done now');
  };
  const lines = openLines<HookPush>({
    most: mostLines,
    lineOf: ({ webhookId }) => webhookId,
    list: (busy, limit) => listDuePushes(parts.db, Date.now(), { busy, limit }),
    perform: (push) => performPush(push, parts, closing.signal),
    onDone: wake,
    onError,
  });
  const running = run();

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await notePolls(parts, Date.now());
        await reportStatuses(parts, closing.signal);
        await lines.fill();
      } catch (error) {
        onError(error);
      }
      const signal = AbortSignal.any([closing.signal, woken.signal]);
      // Ends early when there is something to do, or nothing ever again.
      await pause(parts.lookMs ?? lookMs, undefined, { signal }).catch(() => undefined);
      woken = new AbortController();
    }
  }

  return {
    wake,
    async [Symbol.asyncDispose]() {
      closing.abort();
      await running;
      await lines.settle();
    },
  };
}
