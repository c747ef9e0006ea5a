/**
 * Aborts with `reason` when this process is asked to end: SIGTERM, SIGINT, or the end of the supervisor that
 * started it. A second request ends it at once.
 */
export function watchShutdown(reason: Error): AbortSignal {
  const stop = new AbortController();
  const ask = () => {
    if (stop.signal.aborted) process.exit(1);
    stop.abort(reason);
  };
  process.on('SIGTERM', ask);
  process.on('SIGINT', ask);
  process.on('disconnect', ask);
  // The channel to the supervisor must not keep a process alive that has nothing left to do.
  process.channel?.unref();
  return stop.signal;
}

/** Resolves when the signal is aborted, at once when it is so already: a request to end may come during the start. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
