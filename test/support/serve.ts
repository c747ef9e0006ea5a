import type { TestContext } from 'node:test';
import { readAttached } from '../../src/fleet/attach.ts';
import { containerSpec } from '../../src/fleet/container.ts';
import { createContainer, startCreated } from '../../src/fleet/create.ts';
import type { Docker } from '../../src/fleet/docker.ts';
import { openFleet, type ServerConnection } from '../../src/fleet/fleet.ts';
import { createInside, type InsideCommand } from '../../src/fleet/inside.ts';
import { openSshd } from './sshd.ts';

type Served = { readonly app: string; readonly image: string; readonly secret: string };

const { signal } = new AbortController();

/** What a program makes of an input in a container whose engine is reached through SSH, and its exit code. */
export async function runThroughSsh(t: TestContext, wanted: InsideCommand, input: Buffer) {
  const sshd = await openSshd(t, 'app1');
  const fleet = openFleet({
    readServers: () => ({ app1: sshd.server }),
    findPin: () => sshd.fingerprint,
    readIdentity: async () => sshd.identity,
    log: () => undefined,
  });
  t.after(() => fleet[Symbol.asyncDispose]());
  const inside = await createInside(await fleet.connect('app1', signal), wanted, signal);
  const attached = await inside.start(signal);
  attached.stream.end(input);
  let said = '';
  for await (const { stream, data } of readAttached(attached, signal)) said += `${stream}: ${data}`;
  return { said, code: await inside.readExit(signal) };
}

/** The first `web` of an app's production, as a rollout makes it; it sleeps, and its password is the secret. */
export async function serve(connection: ServerConnection, { app, image, secret }: Served): Promise<string> {
  const wanted = { app, env: 'production', release: 1, process: 'web', index: 1 };
  const name = `${app}-production-v1-web-1`;
  const spec = containerSpec({
    wanted: { ...wanted, server: connection.server.name, name, port: null },
    ...{ image, publish: null, deploy: 1, epoch: 1, restart: 'no', stopTimeoutMs: 1000 },
    process: { type: 'web', command: ['sleep', '6000'], quantity: 1 },
    config: { PASSWORD: secret },
    resources: { memory: 64 * 1024 ** 2, cpus: 1, pids: 64 },
  });
  await createContainer(connection, spec, signal);
  await startCreated(connection, spec, signal);
  return name;
}

/** What runs in a container. */
export async function listCommands(docker: Docker, name: string): Promise<string[]> {
  const { Processes } = await docker.getContainer(name).top({ ps_args: '-eo pid,args' });
  return Processes.map((row: string[]) => row.at(-1) ?? '');
}
