/** One living value that all callers have together; made again after it ended. */
export type Shared<T> = {
  get(signal: AbortSignal): Promise<T>;
  /** The living value, without making one. */
  current(): T | null;
};

// Ten callers of a dead server wait for one attempt, not for ten.
const failureKeptMs = 2_000;

/** `open` runs once however many ask; its failure is the answer to all who ask within 2 s. */
export function openShared<T extends { readonly closed: AbortSignal }>(open: () => Promise<T>): Shared<T> {
  let attempt: Promise<T> | null = null;
  let value: T | null = null;

  function forget(): void {
    attempt = null;
    value = null;
  }

  async function run(): Promise<T> {
    try {
      const made = await open();
      made.closed.throwIfAborted();
      made.closed.addEventListener('abort', forget, { once: true });
      value = made;
      return made;
    } catch (error) {
      setTimeout(forget, failureKeptMs).unref();
      throw error;
    }
  }

  return {
    async get(signal) {
      signal.throwIfAborted();
      attempt ??= run();
      return await unlessAborted(attempt, signal);
    },
    current: () => value,
  };
}

/** The promise's outcome, or the signal's reason when that comes first. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
