import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { Failure } from '../failure.ts';
import { type Lane, lanes } from './turn.ts';

export type RedisAddress = { readonly socket: string } | { readonly url: string };

type Logger = { warn(fields: object, message: string): void };

/** Wakes workers up: a key says that an environment has work. It may lose everything it holds. */
export type Wakener = {
  /** Asks for a turn; false when Redis could not be told in time, which the reconciler makes good. */
  touch(lane: Lane, environmentId: string): Promise<boolean>;
  [Symbol.asyncDispose](): Promise<void>;
};

const touchDeadlineMs = 2_000;
const prefix = 'hawser';

function connect(address: RedisAddress, forWorker: boolean): Redis {
  const options = {
    maxRetriesPerRequest: forWorker ? null : 1,
    enableOfflineQueue: forWorker,
    connectTimeout: 2_000,
    retryStrategy: (tries: number) => Math.min(tries * 100, 1_000),
  };
  return 'url' in address ? new Redis(address.url, options) : new Redis(address.socket, options);
}

export async function openWakener(address: RedisAddress, log: Logger): Promise<Wakener> {
  const connection = connect(address, false);
  connection.on('error', (error) => log.warn({ error: error.message }, 'redis is out of reach'));
  const queues = new Map(
    lanes.map((lane) => [lane, new Queue(lane, { connection, prefix, skipVersionCheck: true })]),
  );
  for (const queue of queues.values()) queue.on('error', () => {});
  return {
    async touch(lane, environmentId) {
      const added = queues.get(lane)?.add('turn', { environmentId }, turnOptions(environmentId));
      try {
        await withDeadline(added, touchDeadlineMs);
        return true;
      } catch (error) {
        log.warn({ lane, environmentId, error: (error as Error).message }, 'redis was not told of work');
        return false;
      }
    },
    async [Symbol.asyncDispose]() {
      // Redis may be gone already; there is nothing to save in it.
      for (const queue of queues.values()) await queue.close().catch(() => {});
      connection.disconnect();
    },
  };
}

/** One run per environment at a time; what comes meanwhile is one more run afterwards. */
function turnOptions(environmentId: string) {
  return {
    deduplication: { id: environmentId, keepLastIfActive: true },
    attempts: 1,
    removeOnComplete: true,
    removeOnFail: true,
  };
}

async function withDeadline(work: Promise<unknown> | undefined, timeoutMs: number): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

export type TurnTaker = { close(): Promise<void> };

/** Calls `advance` with the key of an environment that has work in a lane, `concurrency` at a time. */
export async function openTurnTaker(
  address: RedisAddress,
  lane: Lane,
  options: { concurrency: number; log: Logger; advance(environmentId: string): Promise<void> },
): Promise<TurnTaker> {
  const connection = connect(address, true);
  connection.on('error', () => {});
  const worker = new Worker(lane, async (job) => options.advance(job.data.environmentId), {
    connection,
    prefix,
    concurrency: options.concurrency,
    // A second run that comes of a short lock finds the lane's lease taken and ends.
    lockDuration: 5_000,
    stalledInterval: 2_000,
    maxStalledCount: 1_000,
    skipVersionCheck: true,
  });
  worker.on('error', (error) =>
    options.log.warn({ lane, error: error.message }, 'the queue does not answer'),
  );
  return {
    async close() {
      // Redis may be gone already; what the job was about is in the ledger.
      await worker.close(true).catch(() => {});
      connection.disconnect();
    },
  };
}

/**
 * Refuses a Redis that would lose jobs. Throws `redis_unreachable` and `redis_policy`, which carries the
 * command that mends it.
 */
export async function checkRedis(address: RedisAddress): Promise<void> {
  const connection = connect(address, false);
  connection.on('error', () => {});
  try {
    await withDeadline(new Promise((resolve) => connection.once('ready', resolve)), 5_000);
    const [policy, appendOnly, fsync] = await Promise.all(
      ['maxmemory-policy', 'appendonly', 'appendfsync'].map((name) => readSetting(connection, name)),
    );
    const wrong = Object.entries({
      'maxmemory-policy': [policy, 'noeviction'],
      appendonly: [appendOnly, 'yes'],
      appendfsync: [fsync, 'always'],
    }).filter(([, [is, should]]) => is !== should);
    if (wrong.length === 0) return;
    const found = wrong.map(([name, [is]]) => `${name} is ${is}`).join(', ');
    const fix = wrong.map(([name, [, should]]) => `redis-cli CONFIG SET ${name} ${should}`).join(' && ');
    throw new Failure('redis_policy', `Redis would lose queued work: ${found}.`, {
      fix: `${fix} && redis-cli CONFIG REWRITE`,
    });
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure('redis_unreachable', `Redis does not answer: ${(error as Error).message}.`, {
      cause: error,
    });
  } finally {
    connection.disconnect();
  }
}

/** At a start: a Redis that would lose work is refused, one that is away for now is waited for. */
export async function refuseLossyRedis(address: RedisAddress, say: (message: string) => void): Promise<void> {
  try {
    await checkRedis(address);
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'redis_unreachable')) throw error;
    say(error.message);
  }
}

async function readSetting(connection: Redis, name: string): Promise<string> {
  const answer = (await connection.config('GET', name)) as string[];
  return answer[1] ?? '';
}
