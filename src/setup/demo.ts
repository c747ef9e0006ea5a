import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeBaseImages } from './base-images.ts';
import { choosePort } from './free-port.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const main = join(root, 'src', 'main.ts');
const usage = `Usage: npm run demo [-- --once]

Starts Hawser in a folder of its own, pushes examples/hello with git and shows where it answers.
Stays up until Ctrl-C and leaves nothing running. With --once it checks the answer and ends.
`;

type Demo = {
  readonly folder: string;
  readonly config: string;
  /** Git and API, and the load balancer. */
  readonly ports: { readonly http: number; readonly edge: number };
};

/** Everything is below one temporary folder, so that ending means removing it. */
async function prepareDemo(): Promise<Demo> {
  const folder = await mkdtemp(join(tmpdir(), 'hawser-demo-'));
  const ports = { http: await choosePort(7070), edge: await choosePort(8080) };
  const config = join(folder, 'deploy.config.json');
  const settings = {
    $schema: join(root, 'docs', 'schema', 'deploy.config.schema.json'),
    data: './data',
    listen: { http: `127.0.0.1:${ports.http}`, ssh: `127.0.0.1:${await choosePort(7022)}` },
    loadBalancer: { listen: `127.0.0.1:${ports.edge}` },
    builders: {
      bases: { node: 'hawser-base/node', python: 'hawser-base/python', static: 'hawser-base/busybox' },
    },
    limits: { diskFloor: '500m' },
  };
  await writeFile(config, `${JSON.stringify(settings, null, 2)}\n`);
  return { folder, config, ports };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** `hawser up`; resolves when it says that it is up. */
async function startHawser(demo: Demo): Promise<ChildProcess> {
  const child = spawn(process.execPath, [main, 'up', '--config', demo.config], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const up = Promise.withResolvers<void>();
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
    if (said.includes('Hawser is up')) up.resolve();
  });
  child.once('exit', (code) => up.reject(new Error(`hawser up ended with ${code}:\n${said}`)));
  await up.promise;
  return child;
}

async function stopHawser(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

/** Runs a command to its end and answers its output; throws when it fails. */
async function run(file: string, argv: readonly string[], cwd?: string): Promise<string> {
  const child = spawn(file, argv, { stdio: ['ignore', 'pipe', 'inherit'], ...(cwd && { cwd }) });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`${file} ${argv.slice(0, 3).join(' ')} ended with ${code}`);
  return output;
}

function hawser(demo: Demo, ...argv: string[]): Promise<string> {
  return run(process.execPath, [main, ...argv, '--config', demo.config]);
}

/** The example as a repository of its own, as a user would have it. */
async function makeRepository(demo: Demo): Promise<string> {
  const folder = join(demo.folder, 'hello');
  await cp(join(root, 'examples', 'hello'), folder, { recursive: true });
  const author = ['-c', 'user.name=Hawser demo', '-c', 'user.email=demo@localhost'];
  await run('git', ['init', '--quiet', '--initial-branch=main', folder]);
  await run('git', ['-C', folder, 'add', '--all']);
  await run('git', ['-C', folder, ...author, 'commit', '--quiet', '--message', 'Say hello']);
  return folder;
}

async function pushExample(demo: Demo): Promise<void> {
  await hawser(demo, 'apps:create', 'hello');
  const made = await hawser(demo, 'tokens:create', '--app', 'hello', '--name', 'demo', '--json');
  const { token } = JSON.parse(made) as { token: string };
  const folder = await makeRepository(demo);
  say('$ git push hawser main');
  const remote = `http://deploy:${token}@127.0.0.1:${demo.ports.http}/hello.git`;
  await run('git', ['-C', folder, 'push', '--', remote, 'main']);
}

/** The page from the load balancer; not every resolver knows the names below localhost that browsers know. */
async function fetchPage({ ports }: Demo): Promise<string> {
  const headers = { host: `hello.localhost:${ports.edge}` };
  const asked = get({ host: '127.0.0.1', port: ports.edge, headers, signal: AbortSignal.timeout(10_000) });
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  const page = await text(answer);
  if (answer.statusCode !== 200) throw new Error(`the app answered ${answer.statusCode}: ${page}`);
  return page;
}

function urlOf({ ports }: Demo): string {
  return `http://hello.localhost:${ports.edge}/`;
}

function explain(demo: Demo): void {
  say(`
Your app answers at ${urlOf(demo)}

Push one of your own (a folder with a Dockerfile, or a Node, Python or static app):
  npx hawser apps:create shop --config ${demo.config}
  npx hawser tokens:create --app shop --config ${demo.config}
  git push http://deploy:TOKEN@127.0.0.1:${demo.ports.http}/shop.git main

Ctrl-C ends everything.`);
}

/** Destroying the apps takes their containers, networks and images along. */
async function removeApps(demo: Demo): Promise<void> {
  const apps = JSON.parse(await hawser(demo, 'apps', '--json')) as { name: string }[];
  for (const { name } of apps) await hawser(demo, 'apps:destroy', '-a', name, '--confirm', name);
}

async function leaveNothing(demo: Demo, server: ChildProcess | undefined): Promise<void> {
  try {
    if (server !== undefined) await removeApps(demo);
  } finally {
    if (server !== undefined) await stopHawser(server);
    await rm(demo.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

async function runDemo(once: boolean): Promise<void> {
  const interrupted = new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve());
  });
  say('Making base images of what this machine has');
  await makeBaseImages(['busybox', 'node']);
  const demo = await prepareDemo();
  let server: ChildProcess | undefined;
  try {
    say('Starting Hawser');
    server = await startHawser(demo);
    await pushExample(demo);
    const page = await fetchPage(demo);
    say(`${urlOf(demo)} answers with ${page.length} characters`);
    if (once) return;
    explain(demo);
    await interrupted;
  } finally {
    say('Leaving nothing behind');
    await leaveNothing(demo, server);
  }
}

const { values } = parseArgs({
  options: { once: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
});
if (values.help) process.stdout.write(usage);
else await runDemo(values.once);
