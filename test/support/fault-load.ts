import { Agent, get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

/** One request that was not answered as it should. */
export type FailedRequest = {
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
  readonly what: string;
  readonly keepAlive: boolean;
};

/** Requests at a steady pace until it is stopped, one half on new connections, one half on kept ones. */
export type FaultLoad = {
  readonly sent: () => number;
  readonly failed: () => readonly FailedRequest[];
  /** Resolves when every request that was sent is answered or failed. */
  stop(): Promise<void>;
};

export type LoadTarget = { readonly host: string; readonly port: number; readonly domain: string };

const perSecond = 50;
const answerLimitMs = 10_000;

export function startLoad(target: LoadTarget): FaultLoad {
  const kept = new Agent({ keepAlive: true, maxSockets: 16 });
  const failed: FailedRequest[] = [];
  const open = new Set<Promise<void>>();
  let sent = 0;
  const send = () => {
    const keepAlive = sent++ % 2 === 0;
    const at = performance.now();
    const request = ask(target, keepAlive ? kept : false).catch((error: Error) => {
      failed.push({ at, what: error.message, keepAlive });
    });
    open.add(request);
    void request.finally(() => open.delete(request));
  };
  const timer = setInterval(send, 1000 / perSecond);
  return {
    sent: () => sent,
    failed: () => failed,
    async stop() {
      clearInterval(timer);
      await Promise.race([Promise.all(open), pause(answerLimitMs + 1_000)]);
      kept.destroy();
    },
  };
}

/** Throws unless it is answered whole and with 200. */
async function ask({ host, port, domain }: LoadTarget, agent: Agent | false): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const signal = AbortSignal.timeout(answerLimitMs);
  get({ host, port, path: '/', agent, headers: { host: domain }, signal }, (response) => {
    response.resume();
    response.on('error', reject);
    response.on('close', () => reject(new Error('the answer was cut off')));
    response.on('end', () => {
      if (response.statusCode === 200) resolve();
      else reject(new Error(`status ${response.statusCode}`));
    });
  }).on('error', reject);
  await promise;
}
