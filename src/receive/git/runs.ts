import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Limits } from '../../config.ts';
import { Failure } from '../../failure.ts';
import { hookDescriptors } from '../hooks.ts';
import type { ReceiveLog, Receiver } from '../perform.ts';
import { formatBytes } from '../printable.ts';
import { openQuarantines } from '../quarantines.ts';
import { openSlots } from '../slots.ts';
import { within } from './answer.ts';
import type { GitOrigin } from './audit.ts';
import type { EnteredApp } from './door.ts';
import { endGit } from './exchange.ts';
import { type GitEnd, spawnGit } from './process.ts';
import type { Git } from './repositories.ts';
import type { GitService } from './request.ts';

/** How one git is run for one client, whatever carries the conversation. */
export type GitRun = EnteredApp & {
  readonly origin: GitOrigin;
  readonly service: GitService;
  /** Value of GIT_PROTOCOL, when the client asked for a version. */
  readonly protocol: string | null;
  /** The conversation is one question and one answer, as HTTP has it. */
  readonly stateless: boolean;
  /** Aborts when the client is gone. */
  readonly gone: AbortSignal;
  /** Brings the client and its git together; resolves when the git has ended. */
  exchange(running: RunningGit): Promise<GitEnd>;
};

export type RunningGit = {
  readonly child: ChildProcessWithoutNullStreams;
  /** Nobody listens any more: what is recorded goes on, the rest ends. */
  leave(): void;
  /** Whether the push is recorded and only followed: nothing of it can be lost any more. */
  isReceived(): boolean;
};

/** All receive-packs and upload-packs of the server, with their places and their end. */
export type GitRuns = {
  /** Throws what keeps a git from running now: `server_stopping`, `server_disk_low`. */
  admit(service: GitService): Promise<void>;
  run(run: GitRun): Promise<number | null>;
  /** Takes no more; resolves when the pushes that are being received are recorded, at the latest after `drainMs`. */
  drain(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

export type GitRunTimings = { readonly slotWaitMs: number; readonly drainMs: number };

export type GitRunsOptions = {
  readonly git: Git;
  readonly receiver: Receiver;
  readonly limits: Limits;
  readonly log: ReceiveLog;
  readonly timings?: Partial<GitRunTimings>;
};

const maxFetchRequest = 64 * 1024 * 1024;
const defaults: GitRunTimings = { slotWaitMs: 60_000, drainMs: 30_000 };

export function openGitRuns({ git, receiver, limits, log, ...options }: GitRunsOptions): GitRuns {
  const timings = { ...defaults, ...options.timings };
  const receives = openSlots(limits.receives, timings.slotWaitMs, 'pushes');
  const fetches = openSlots(limits.receives * 4, timings.slotWaitMs, 'fetches');
  /** Each ends when its push is recorded; the other set when its git has ended. */
  const receiving = new Set<Promise<unknown>>();
  const running = new Map<Promise<unknown>, () => void>();
  const quarantines = openQuarantines(git);
  let stopping = false;

  const spawn = (run: GitRun, config: readonly string[], links = 0) => {
    const how = run.stateless ? ['--stateless-rpc'] : [];
    const args = [...config, run.service, ...how, git.path(run.app.id)];
    return spawnGit(args, { env: protocolEnv(run), ownGroup: true, links });
  };

  const follow = async (run: GitRun, git: RunningGit, stop: () => void): Promise<number | null> => {
    const exchange = run.exchange(git);
    running.set(exchange, stop);
    try {
      const { code, stderr } = await exchange;
      if (code !== 0 && run.service === 'receive-pack')
        log.warn({ app: run.app.name, code, stderr }, 'git receive-pack failed');
      return code;
    } finally {
      running.delete(exchange);
    }
  };

  const receive = async (run: GitRun): Promise<number | null> => {
    const giveBack = await receives.take(run.gone);
    const { promise: received, resolve } = Promise.withResolvers<void>();
    let recorded = false;
    const onReceived = () => {
      recorded = true;
      giveBack();
      resolve();
    };
    receiving.add(received);
    const { app, actor, actorKind, mayPush, origin } = run;
    const push = receiver.begin({ app, actor, actorKind, mayPush, origin, onReceived });
    const config = { 'core.hooksPath': receiver.hooks, 'receive.maxInputSize': limits.push + 1024 * 1024 };
    const words = Object.entries(config).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    try {
      const child = spawn(run, words, hookDescriptors);
      push.hear(child);
      await using _quarantine = quarantines.enter(app.id, child);
      return await follow(run, { child, leave: push.leave, isReceived: () => recorded }, push.leave);
    } finally {
      push.end();
      onReceived();
      receiving.delete(received);
    }
  };

  const fetch = async (run: GitRun): Promise<number | null> => {
    const giveBack = await fetches.take(run.gone);
    try {
      const child = spawn(run, []);
      const stop = () => endGit(child, 'upload-pack');
      return await follow(run, { child, leave: stop, isReceived: () => false }, stop);
    } finally {
      giveBack();
    }
  };

  return {
    async admit(service) {
      if (stopping) throw new Failure('server_stopping', 'the server is stopping');
      const refusal = service === 'receive-pack' ? await receiver.isFree() : null;
      if (refusal !== null) throw refusal;
    },
    run: (run) => (run.service === 'receive-pack' ? receive(run) : fetch(run)),
    async drain() {
      stopping = true;
      await within(timings.drainMs, Promise.allSettled(receiving));
    },
    async [Symbol.asyncDispose]() {
      stopping = true;
      for (const leave of running.values()) leave();
      await within(timings.drainMs, Promise.allSettled([...running.keys()]));
    },
  };
}

export function protocolEnv({ protocol }: Pick<GitRun, 'protocol'>): Record<string, string> {
  return protocol === null ? {} : { GIT_PROTOCOL: protocol };
}

/** Bytes that a client may send to its git, and what is said of more. A push is counted with git's own words in it. */
export function planIntake(
  service: GitService,
  { push }: Pick<Limits, 'push'>,
): { readonly bytes: number; readonly tooLarge: () => Failure } {
  if (service === 'receive-pack') {
    const what = `the push is larger than ${formatBytes(push)} (limits.push of the server)`;
    return { bytes: push + 64 * 1024, tooLarge: () => new Failure('push_too_large', what) };
  }
  const what = `the request is larger than ${formatBytes(maxFetchRequest)}`;
  return { bytes: maxFetchRequest, tooLarge: () => new Failure('git_request_too_large', what) };
}
