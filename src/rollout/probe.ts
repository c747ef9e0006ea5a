import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExitState } from '../fleet/container.ts';
import type { HealthCheck } from '../model/release.ts';

export type ProbeOptions = {
  /** `address:port` where the container is published. */
  readonly address: string;
  readonly health: HealthCheck;
  /** Null while the container runs and was never restarted. */
  readonly isRunning: () => Promise<ExitState | null>;
  /** Aborts the moment the container's death is known, so that nobody waits for the next try. */
  readonly died?: AbortSignal;
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that never jumps. */
  readonly now?: () => number;
};

export type ProbeResult =
  | { readonly healthy: true; readonly ms: number }
  /** The reason ends a sentence that begins with the container's name. */
  | {
      readonly healthy: false;
      readonly ms: number;
      readonly reason: string;
      readonly exit: ExitState | null;
    };

type Watch = { died: AbortSignal | undefined; readonly signal: AbortSignal };
type Answer = { readonly good: boolean; readonly seen: string | null };
/** Answers of one kind in a row. */
type Streak = { readonly good: boolean; readonly length: number };

const shownBytes = 200;
// How often the engine is asked whether the container still runs, when no answer comes.
const lookMs = 1_000;
// The pause between tries grows up to the interval while answers are of one kind.
const firstPauseMs = 25;
const pauseGrowth = 1.5;

/**
 * Asks a container from outside until it gave enough good answers in a row, ended, or its time is up. An answer
 * below 500 is good and a redirect is not followed. The first tries come in quick succession, then one an interval.
 */
export async function probeContainer(options: ProbeOptions): Promise<ProbeResult> {
  const { address, health, signal, now = () => performance.now() } = options;
  const begin = now();
  const end = begin + health.deadlineMs;
  const watch: Watch = { died: options.died, signal };
  let streak: Streak = { good: false, length: 0 };
  let seen = 'was not asked';
  let lookAt = begin + Math.min(lookMs, health.intervalMs);
  const fail = (exit: ExitState | null): ProbeResult => {
    const reason = exit?.reason ?? `${seen} for ${health.deadlineMs / 1000} s`;
    return { healthy: false, ms: Math.round(now() - begin), reason, exit };
  };
  while (now() < end) {
    const answer = await ask(address, health, end - now(), watch);
    signal.throwIfAborted();
    seen = answer.seen ?? seen;
    streak = { good: answer.good, length: answer.good === streak.good ? streak.length + 1 : 1 };
    if (isLookDue(watch, answer, now() >= lookAt)) {
      const exit = await options.isRunning();
      if (exit) return fail(exit);
      lookAt = now() + lookMs;
      // The watch itself was lost: from here on the engine is asked.
      if (watch.died?.aborted) watch.died = undefined;
    }
    if (streak.good && streak.length >= health.healthy) {
      return { healthy: true, ms: Math.round(now() - begin) };
    }
    await pause(Math.min(planPause(streak, health), end - now()), watch);
  }
  return fail(await options.isRunning());
}

function planPause({ length }: Streak, { intervalMs }: HealthCheck): number {
  return Math.min(intervalMs, firstPauseMs * pauseGrowth ** (length - 1));
}

function isLookDue({ died }: Watch, { good }: Answer, isTime: boolean): boolean {
  return died?.aborted === true || (!good && isTime);
}

async function ask(address: string, health: HealthCheck, leftMs: number, watch: Watch): Promise<Answer> {
  const { path, timeoutMs } = health;
  const late = AbortSignal.timeout(Math.max(1, Math.round(Math.min(timeoutMs, leftMs))));
  try {
    return await requestOnce(`http://${address}${path}`, path, AbortSignal.any([late, ...signalsOf(watch)]));
  } catch (error) {
    if (!late.aborted) return { good: false, seen: describe(error as NodeJS.ErrnoException) };
    // Cut short by the end of all its time, it says nothing about the app.
    const seen = leftMs < timeoutMs ? null : `gave no answer within ${timeoutMs / 1000} s on ${path}`;
    return { good: false, seen };
  }
}

function signalsOf({ died, signal }: Watch): AbortSignal[] {
  return died ? [signal, died] : [signal];
}

async function requestOnce(url: string, path: string, signal: AbortSignal): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = { 'user-agent': 'hawser-probe' };
  const request = get(url, { agent: false, headers, signal }, (response) => {
    const status = response.statusCode ?? 0;
    if (status < 500) {
      resolve({ good: true, seen: `answered ${status} on ${path}` });
      response.destroy();
      return;
    }
    let body = Buffer.alloc(0);
    const finish = () => {
      resolve({ good: false, seen: `answered ${status} on ${path}${excerptOf(body)}` });
      response.destroy();
    };
    response.on('data', (chunk: Buffer) => {
      body = Buffer.concat([body, chunk]);
      if (body.length >= shownBytes) finish();
    });
    response.on('end', finish);
    response.on('error', finish);
  });
  request.on('error', reject);
  return await promise;
}

/** The first bytes of a bad answer on one line, without control characters: they end up on a terminal. */
function excerptOf(body: Buffer): string {
  const text = body
    .toString('utf8', 0, shownBytes)
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim();
  return text === '' ? '' : `: ${text}`;
}

function describe(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'refused connections';
  if (error.code === 'ECONNRESET') return 'closed the connection without an answer';
  if (error.code?.startsWith('HPE_')) return `did not answer in HTTP (${error.message})`;
  return `could not be asked (${error.message})`;
}

async function pause(ms: number, watch: Watch): Promise<void> {
  if (ms <= 0) return;
  const signal = AbortSignal.any(signalsOf(watch));
  await sleep(ms, undefined, { signal }).catch(() => watch.signal.throwIfAborted());
}
