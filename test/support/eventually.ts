import { setTimeout as pause } from 'node:timers/promises';

/**
 * Retries `check` until it returns something truthy without throwing; throws its last reason at the deadline, which is
 * for what never comes and says nothing of how fast it should be.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = 60_000, intervalMs = 50 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let reason: unknown = new Error('the condition never held');
  while (performance.now() < deadline) {
    try {
      const value = await check();
      if (value) return value;
    } catch (error) {
      reason = error;
    }
    await pause(intervalMs);
  }
  throw new Error(`not within ${timeoutMs} ms`, { cause: reason });
}
