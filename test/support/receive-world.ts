import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EnvironmentConfig, Limits, PreviewConfig } from '../../src/config.ts';
import { Failure } from '../../src/failure.ts';
import type { AskedAct, Audit, AuditOutcome } from '../../src/model/audit.ts';
import type { DeployState } from '../../src/model/deploy.ts';
import type { GitDoor } from '../../src/receive/git/door.ts';
import { type Git, openGit } from '../../src/receive/git/repositories.ts';
import { type GitRunTimings, openGitRuns } from '../../src/receive/git/runs.ts';
import { type GitHttpTimings, openGitHttp } from '../../src/receive/http.ts';
import { openReceiver } from '../../src/receive/perform.ts';
import type { MayPush, PushDesk, PushedDeploy } from '../../src/receive/push.ts';
import { type HttpOptions, openHttp } from '../../src/server/http.ts';

export const token = 'right-token';

export const limits: Limits = {
  push: 500 * 2 ** 20,
  file: 200 * 2 ** 20,
  treeFiles: 100_000,
  treeBytes: 2 * 2 ** 30,
  treeDepth: 100,
  refs: 200,
  receives: 4,
  diskFloor: 0,
  log: 1e6,
  requests: { address: 12_000, credential: 6_000 },
  user: { pushes: 300, deploys: 50, apps: 100, disk: 20 * 1024 ** 3 },
  container: { memory: 1, cpus: 1, pids: 1 },
};

export function environment(name: string, branches: string[], tags: string[] = []): EnvironmentConfig {
  return {
    name,
    branches,
    tags,
    servers: [],
    serverWords: null,
    promoteFrom: [],
    approval: 'none',
    sticky: false,
    requireNonRoot: false,
    supersede: true,
    rollout: {
      strategy: 'rolling',
      batch: { count: 1 },
      health: { path: '/', intervalMs: 1, timeoutMs: 1, healthy: 1, deadlineMs: 1 },
      drainMs: 1,
      stopTimeoutMs: 1,
      first: { count: 1 },
      steps: [10, 50],
      bakeMs: 0,
      keepMs: 0,
      maxErrorRate: null,
      maxLatencyMs: null,
      minRequests: 50,
      autoRollback: true,
      releaseTimeoutMs: 3_600_000,
      onUnreachable: 'fail',
    },
  };
}

/** How the fake fleet ends a deploy. */
export type Outcome = (
  deploy: PushedDeploy,
  write: (line: string) => void,
  signal: AbortSignal,
) => Promise<DeployState>;

export type WorldOptions = {
  environments?: EnvironmentConfig[];
  previews?: PreviewConfig;
  limits?: Partial<Limits>;
  timings?: Partial<GitHttpTimings & GitRunTimings>;
  outcome?: Outcome;
  isFree?: PushDesk['isFree'];
  /** Asked before a push is recorded: what it throws is why it is refused. */
  admit?: (push: PushedDeploy, recorded: readonly PushedDeploy[]) => void;
  allowForce?: boolean;
  audit?: Audit;
  mayPush?: MayPush;
  tls?: HttpOptions['tls'];
};

/** A git server over real HTTP with a fake rest: deploys end as the test says, and a live one moves its branch. */
export async function openWorld(options: WorldOptions = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'receive-'));
  const all = { ...limits, ...options.limits };
  const git = openGit({ repositories: join(folder, 'repositories') });
  const recorded: PushedDeploy[] = [];
  const followed: number[] = [];
  const logged: unknown[] = [];
  const note = (details: object, message: string) => void logged.push({ message, ...details });
  const log = { info: note, warn: note, error: note };
  const desk = openDesk(git, options, recorded, followed);
  const audited: (AskedAct & AuditOutcome)[] = [];
  const audit: Audit = options.audit ?? {
    async perform(act, work) {
      const result = await work();
      audited.push({ ...act, outcome: 'done', code: null });
      return result;
    },
    note: async (act, outcome) => void audited.push({ ...act, ...outcome }),
  };
  const receiver = openReceiver({
    git,
    audit,
    desk,
    limits: all,
    allowForce: options.allowForce ?? false,
    log,
  });
  const door = openDoor(options);
  const timings = options.timings ?? {};
  const runs = openGitRuns({ git, receiver, limits: all, log, timings });
  const gitHttp = openGitHttp({ git, runs, door, audit, limits: all, log, timings });
  const http = await openHttp({
    where: { host: '127.0.0.1', port: 0 },
    url: 'http://127.0.0.1',
    tls: options.tls ?? null,
    log,
    respond: (request, response) => {
      if (gitHttp.matches(request.url ?? '')) gitHttp.respond(request, response);
      else response.writeHead(404).end('not git\n');
    },
  });
  const { port } = http;
  return {
    folder,
    git,
    receiver,
    runs,
    audited,
    audit,
    recorded,
    followed,
    logged,
    port,
    entered: door.entered,
    url: (app = 'shop') => `http://deploy:${token}@127.0.0.1:${port}/${app}.git`,
    async [Symbol.asyncDispose]() {
      await runs[Symbol.asyncDispose]();
      await http[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function openDoor(options: WorldOptions): GitDoor & { entered: string[] } {
  const entered: string[] = [];
  return {
    entered,
    async identify(credentials) {
      if (credentials === null) throw new Failure('token_missing', 'a token is needed');
      if (credentials.password !== token) throw new Failure('token_unknown', 'the token is not known');
      return { kind: 'token', name: 'token:test', userId: null, grants: [] };
    },
    recognize: async () => null,
    greet: async () => '',
    async enter(actor, appName) {
      if (appName === 'nope')
        throw new Failure('app_not_found', 'app "nope" does not exist, or you may not see it');
      entered.push(appName);
      return {
        app: { id: `id-${appName}`, name: appName },
        actor: actor.name,
        actorKind: actor.kind,
        mayPush: options.mayPush ?? (() => true),
      };
    },
  };
}

function openDesk(git: Git, options: WorldOptions, recorded: PushedDeploy[], followed: number[]): PushDesk {
  let last = 0;
  const outcome: Outcome = options.outcome ?? (async () => 'live');
  const ended = new Set<number>();
  return {
    environments: () => options.environments ?? [environment('production', ['main'], ['v*'])],
    previews: () => options.previews ?? null,
    planPush: async () => [],
    removePreview: async () => undefined,
    isFree: options.isFree ?? (async () => null),
    async reserveDeploy() {
      last += 1;
      return last;
    },
    async recordDeploy(push) {
      const running = recorded.find(
        (other) =>
          other.commit === push.commit &&
          other.environment === push.environment &&
          !ended.has(other.deployId),
      );
      if (running !== undefined) return { deployId: running.deployId, attached: true };
      options.admit?.(push, recorded);
      recorded.push(push);
      return { deployId: push.deployId, attached: false };
    },
    async followDeploy(deployId, write, signal) {
      followed.push(deployId);
      const push = recorded.find((deploy) => deploy.deployId === deployId);
      if (push === undefined) throw new Error(`no deploy ${deployId}`);
      write(`-----> Queued deploy ${deployId} for ${push.app.name}/${push.environment}`);
      const state = await outcome(push, write, signal);
      if (state === 'live') await git.updateRef(push.app.id, push.ref, push.commit);
      ended.add(deployId);
      return { state, reason: state === 'live' ? null : 'build failed' };
    },
  };
}

export type Ran = { code: number | null; output: string };

/** Runs git as a user would, with nothing of this machine's configuration. */
export async function runClient(cwd: string, args: string[], env: Record<string, string> = {}): Promise<Ran> {
  const child = startClient(cwd, args, env);
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, output };
}

/** In a group of its own, as a shell would: git push alone is survived by its git-remote-http. */
export function startClient(cwd: string, args: string[], env: Record<string, string> = {}) {
  const identity = { GIT_AUTHOR_NAME: 'Ada', GIT_AUTHOR_EMAIL: 'ada@example.com' };
  const committer = { GIT_COMMITTER_NAME: 'Ada', GIT_COMMITTER_EMAIL: 'ada@example.com' };
  const clean = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' };
  return spawn('git', args, {
    cwd,
    detached: true,
    env: {
      ...clean,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      ...identity,
      ...committer,
      ...env,
    },
  });
}

/** What closing the terminal does to a client. */
export function killClient(child: ReturnType<typeof startClient>): void {
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
}

/** As runClient, but it must work. */
export async function mustRun(cwd: string, ...args: string[]): Promise<string> {
  const { code, output } = await runClient(cwd, args);
  if (code !== 0) throw new Error(`git ${args.join(' ')} ended with ${code}: ${output}`);
  return output.trim();
}

/** A repository with one commit on main whose remote `deploy` is the given URL. */
export async function makeSource(folder: string, name: string, url: string): Promise<string> {
  const path = join(folder, name);
  await mustRun(folder, 'init', '-q', '-b', 'main', path);
  await mustRun(path, 'remote', 'add', 'deploy', url);
  await commitFile(path, 'Dockerfile', 'FROM scratch\n');
  return path;
}

export async function commitFile(path: string, file: string, content: string | Buffer): Promise<string> {
  await writeFile(join(path, file), content);
  await mustRun(path, 'add', '--', file);
  await mustRun(path, 'commit', '-q', '-m', `change ${file}`);
  return mustRun(path, 'rev-parse', 'HEAD');
}
