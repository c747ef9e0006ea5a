import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { createToken } from '../../src/store/access/tokens.ts';
import { openLedger } from '../../src/store/database.ts';
import { eventually } from './eventually.ts';
import { keptEnv } from './kept-env.ts';
import { mastersOf } from './master-key.ts';
import { runProgram, tryProgram } from './program.ts';
import { findFreePort } from './sshd.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** A whole installation as `hawser up` runs it, in a folder of its own. */
export type TestHawser = {
  readonly folder: string;
  readonly data: string;
  /** Git and API. */
  readonly url: string;
  /** The load balancer. */
  readonly edge: { readonly host: string; readonly port: number };
  readonly token: string;
  /** Remote of an app, with the token in it. */
  remote(app: string): string;
  /** Runs the command line as the operator. */
  cli(...argv: string[]): Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** Status and body that the load balancer answers for a domain. */
  fetch(domain: string, path?: string): Promise<{ status: number; body: string }>;
  /** Process id of one of its parts, by the name of its pid file. */
  pidOf(part: string): Promise<number>;
  /** As when the terminal or the pipe that `up` speaks to is gone. */
  closeOutput(): void;
  /** SIGKILL for one part; the supervisor starts it again. */
  kill(part: string): Promise<void>;
  /** What the supervisor said so far. */
  output(): string;
  /** Everything its parts logged, for a failing test's message. */
  readLogs(): Promise<string>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Waits until the server takes pushes. */
  untilReady(): Promise<void>;
  close(): Promise<void>;
};

/** What a test does to the ground that an installation stands on. */
export type Ground = {
  /** More of the environment, for all of its parts. */
  readonly env?: Readonly<Record<string, string>>;
  /** Prepares the data folder before the first start; what it answers is called after the end. */
  prepare?(data: string): Promise<() => Promise<void>>;
};

/** Starts it and waits until it is ready; `config` is merged over what a test needs. */
export async function openHawser(
  config: Record<string, unknown> = {},
  ground: Ground = {},
): Promise<TestHawser> {
  const folder = await mkdtemp(join(tmpdir(), 'hawser-up-'));
  const data = join(folder, 'data');
  const [http, edge, ssh] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const file = join(folder, 'deploy.config.json');
  const whole = {
    listen: { http: `127.0.0.1:${http}`, ssh: `127.0.0.1:${ssh}` },
    data: './data',
    loadBalancer: { kind: 'embedded', listen: `127.0.0.1:${edge}` },
    limits: { diskFloor: '100m' },
    ...config,
  };
  await writeFile(file, JSON.stringify(whole, null, 2));
  const release = await ground.prepare?.(data);
  let child: ChildProcess | undefined;
  const output: string[] = [];

  async function start(): Promise<void> {
    const env = { ...keptEnv, HOME: folder, NODE_ENV: 'test', ...ground.env };
    const started = spawn(process.execPath, [main, 'up', '--config', file], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    for (const stream of [started.stdout, started.stderr])
      stream.on('data', (chunk) => output.push(String(chunk)));
    await untilReady();
  }

  async function untilReady(): Promise<void> {
    await eventually(
      async () => {
        if (child?.exitCode !== null) throw new Error('hawser up ended');
        return (await fetch(`http://127.0.0.1:${http}/readyz`)).ok;
      },
      { timeoutMs: 120_000 },
    ).catch(async (error) => {
      throw new Error(`${error.message}\n${output.join('')}\n${await readLogs()}`);
    });
  }

  async function stop(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  }

  async function cli(...[verb = '', ...words]: string[]) {
    const command = spawn(process.execPath, [main, verb, '--config', file, ...words], {
      env: { ...keptEnv, HOME: folder, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr] = [collect(command.stdout), collect(command.stderr)];
    const [code] = (await once(command, 'close')) as [number | null];
    return { code, stdout: stdout.join(''), stderr: stderr.join('') };
  }

  async function pidOf(part: string): Promise<number> {
    return Number.parseInt(await readFile(join(data, 'run', `${part}.pid`), 'utf8'), 10);
  }

  async function readLogs(): Promise<string> {
    const logs = join(data, 'logs');
    const names = await readdir(logs).catch(() => []);
    const texts = await Promise.all(
      names.map(async (name) => `== ${name}\n${await readFile(join(logs, name), 'utf8')}`),
    );
    return texts.map((text) => text.slice(-4_000)).join('\n');
  }

  async function close(): Promise<void> {
    await stop();
    await removeTraces(join(data, 'ledger.db'));
    await release?.();
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  try {
    await start();
    const token = await makeAdminToken(join(data, 'ledger.db'));
    return {
      folder,
      data,
      url: `http://127.0.0.1:${http}`,
      edge: { host: '127.0.0.1', port: edge },
      token,
      remote: (app) => `http://deploy:${token}@127.0.0.1:${http}/${app}.git`,
      cli,
      fetch: (domain, path = '/') => fetchThrough(edge, domain, path),
      pidOf,
      closeOutput() {
        child?.stdout?.destroy();
        child?.stderr?.destroy();
      },
      kill: async (part) => void process.kill(await pidOf(part), 'SIGKILL'),
      output: () => output.join(''),
      readLogs,
      stop,
      start,
      untilReady,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What an installation leaves on this machine's engine when its apps were not destroyed. */
async function removeTraces(ledger: string): Promise<void> {
  if (!existsSync(ledger)) return;
  const { db, [Symbol.asyncDispose]: close } = await openLedger(ledger, mastersOf(ledger));
  const apps = await db.selectFrom('apps').select('id').execute();
  await close();
  for (const { id } of apps) {
    const images = await listWords('images', '--format', '{{.Repository}}:{{.Tag}}', `hawser/${id}`);
    for (const image of images) {
      const containers = await listWords('ps', '-aq', '--filter', `ancestor=${image}`);
      if (containers.length > 0) await tryProgram('docker', ['rm', '-f', '-v', ...containers]);
      await tryProgram('docker', ['image', 'rm', image]);
    }
  }
}

async function listWords(...argv: string[]): Promise<string[]> {
  return (await runProgram('docker', argv)).split(/\s+/).filter(Boolean);
}

async function makeAdminToken(ledger: string): Promise<string> {
  const { db, [Symbol.asyncDispose]: close } = await openLedger(ledger, mastersOf(ledger));
  const made = await createToken(db, {
    name: 'test',
    appId: null,
    rights: ['admin'],
    days: 1,
    actor: 'test',
  });
  await close();
  return made.token;
}

/** With the Host header that we name, which `fetch` would not send. */
async function fetchThrough(port: number, domain: string, path: string) {
  const signal = AbortSignal.timeout(30_000);
  const asked = get({ host: '127.0.0.1', port, path, headers: { host: domain }, agent: false, signal });
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, body: await text(answer) };
}

function collect(stream: NodeJS.ReadableStream): string[] {
  const chunks: string[] = [];
  stream.on('data', (chunk) => chunks.push(String(chunk)));
  return chunks;
}
