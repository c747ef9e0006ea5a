import { Worker } from 'node:worker_threads';

export type LoadOptions = {
  readonly url: string;
  /** The Host header. */
  readonly host?: string;
  /** Requests a second, sent at their time whether or not earlier ones were answered. */
  readonly rate: number;
  /** Share of requests that open a connection of their own; the default is a half. */
  readonly newConnectionShare?: number;
  /** Milliseconds after which a request has failed; the default is 10,000. */
  readonly timeoutMs?: number;
};

export type FailedRequest = { readonly at: number; readonly reason: string; readonly newConnection: boolean };

export type LoadReport = {
  readonly sent: number;
  /** Answered with a status below 400. */
  readonly ok: number;
  /** `at` is Unix time in ms. */
  readonly failed: readonly FailedRequest[];
  /** How often each body (its first 200 characters, trimmed) came. */
  readonly byBody: ReadonlyMap<string, number>;
  readonly statuses: ReadonlyMap<number, number>;
  /** Milliseconds of the answered ones. */
  readonly p50: number;
  readonly p99: number;
};

export type Load = {
  /** Sends no more, waits for what is on its way, reports. */
  stop(): Promise<LoadReport>;
};

/** Loads a URL from a thread of its own, so that a busy test does not slow it down. */
export async function startLoad(options: LoadOptions): Promise<Load> {
  const worker = new Worker(new URL('./load-worker.ts', import.meta.url), { workerData: options });
  const failed = new Promise<never>((_, reject) => worker.once('error', reject));
  // reported by stop(): until then nobody waits for it
  failed.catch(() => undefined);
  await Promise.race([failed, new Promise((resolve) => worker.once('message', resolve))]);
  return {
    async stop() {
      const report = new Promise<LoadReport>((resolve) => worker.once('message', resolve));
      worker.postMessage('stop');
      try {
        return await Promise.race([failed, report]);
      } finally {
        await worker.terminate();
      }
    },
  };
}
