import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { embeddedRegistry } from '../../src/publish/embedded.ts';
import { docker } from '../../test/support/docker.ts';
import { eventually } from '../../test/support/eventually.ts';
import type { TestFleet } from '../../test/support/fleet.ts';
import { runProgram } from '../../test/support/program.ts';
import { findFreePort } from '../../test/support/sshd.ts';
import type { Contender, Run } from './run.ts';
import { spansOf } from './timeline.ts';

const script = fileURLToPath(new URL('../by-hand.sh', import.meta.url));
// Below the ports that Hawser gives its containers.
const ports = [18_080, 18_081];

/** The script, with a registry of its own on this machine's loopback. */
export async function openByHandSide(fleet: TestFleet, example: string): Promise<Contender> {
  const folder = await mkdtemp(join(fleet.folder, 'by-hand-'));
  const app = join(folder, 'app');
  await cp(example, app, { recursive: true });
  const packageJson = await readFile(join(app, 'package.json'), 'utf8');
  const config = await writeSshConfig(fleet, folder);
  const registry = await startRegistry(folder);
  const used: string[] = [];
  return {
    name: 'by hand',
    async deploy(version) {
      const text = packageJson.replace(/"version": "[^"]*"/, `"version": "${version}"`);
      await writeFile(join(app, 'package.json'), text);
      const port = ports[used.length % ports.length] ?? 0;
      const addresses = fleet.servers.map((server) => server.address);
      const run = await runScript([app, version, String(port), String(registry.port), config, ...addresses]);
      const before = used.at(-1);
      used.push(version);
      // The old one goes when nobody measures.
      if (before)
        await Promise.all(fleet.servers.map((server) => docker(server, 'rm', '-f', `by-hand-${before}`)));
      return run;
    },
    async [Symbol.asyncDispose]() {
      const images = used.map((version) => `127.0.0.1:${registry.port}/by-hand:${version}`);
      if (images.length > 0) await runProgram('docker', ['image', 'rm', '--force', ...images]);
      await registry.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What `~/.ssh/config` would say; nothing beyond OpenSSH's defaults but whom to be and whom to trust. */
async function writeSshConfig(fleet: TestFleet, folder: string): Promise<string> {
  const known = join(folder, 'known_hosts');
  const keys = fleet.servers.map(async (server) => {
    const [kind, key] = (await readFile(join(server.folder, 'host_ed25519.pub'), 'utf8')).split(' ');
    return `${server.address} ${kind} ${key}\n`;
  });
  await writeFile(known, (await Promise.all(keys)).join(''));
  const config = join(folder, 'ssh_config');
  const identity = fleet.servers[0]?.identity ?? '';
  await writeFile(
    config,
    `Host *\n  IdentityFile ${identity}\n  UserKnownHostsFile ${known}\n  BatchMode yes\n`,
  );
  return config;
}

async function startRegistry(folder: string): Promise<{ port: number; stop(): Promise<void> }> {
  const port = await findFreePort();
  const { file, configFile, configText } = embeddedRegistry({ folder, port, secret: 'bench' });
  await writeFile(configFile, configText);
  const child = spawn(file, ['serve', configFile], { stdio: 'ignore' });
  const gone = once(child, 'exit');
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/v2/`)).ok, { intervalMs: 20 });
  return {
    port,
    async stop() {
      child.kill('SIGTERM');
      await gone;
    },
  };
}

async function runScript(argv: readonly string[]): Promise<Run> {
  const begin = performance.timeOrigin + performance.now();
  const child = spawn(script, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close') as Promise<[number | null]>;
  const errors: string[] = [];
  child.stderr.on('data', (chunk) => errors.push(String(chunk)));
  const marks: { name: string; at: number }[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const [, at, name] = /^mark ([\d.]+) (\w+)/.exec(line) ?? [];
    if (name !== undefined) marks.push({ name, at: Number(at) * 1000 });
  }
  const [code] = await ended;
  const endMs = performance.timeOrigin + performance.now() - begin;
  if (code !== 0) throw new Error(`by-hand.sh ended with ${code}: ${errors.join('')}`);
  const atOf = (name: string) => marks.filter((mark) => mark.name === name).map((mark) => mark.at);
  const steps = ['built', 'pushed', 'pulled', 'started', 'answered'];
  const spans = spansOf(
    begin,
    steps.map((name) => ({ name, at: Math.max(...atOf(name)) })),
  );
  const answered = atOf('answered').map((at) => at - begin);
  return { firstMs: Math.min(...answered), liveMs: Math.max(...answered), endMs, spans };
}
