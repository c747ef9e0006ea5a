export type Mailbox<T> = {
  put(item: T): void;
  /** What was put, in order, until the signal aborts. */
  items(): AsyncGenerator<T>;
};

const capacity = 10_000;

/** Brings many writers to one reader; when the reader is too slow the oldest items give way. */
export function openMailbox<T>(signal: AbortSignal): Mailbox<T> {
  let waiting: T[] = [];
  let wake: () => void = () => undefined;
  signal.addEventListener('abort', () => wake(), { once: true });
  return {
    put(item) {
      waiting.push(item);
      if (waiting.length > capacity) waiting.shift();
      wake();
    },
    async *items() {
      while (!signal.aborted) {
        const batch = waiting;
        waiting = [];
        yield* batch;
        if (waiting.length > 0 || signal.aborted) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
