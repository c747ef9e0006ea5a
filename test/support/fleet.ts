import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Machine, makeMachine } from './fleet/machine.ts';
import { type Plot, takePlot } from './fleet/owner.ts';
import { openServer, type TestServer } from './fleet/server.ts';
import { forwardRule, sweepPlot, sweepStaleFleets } from './fleet/sweep.ts';
import { runProgram } from './program.ts';
import { mountSmallDisk } from './small-disk.ts';

export type { TestServer } from './fleet/server.ts';

/** Real servers on one machine: each has its own network, processes, sshd and Docker engine. */
export type TestFleet = {
  readonly servers: readonly TestServer[];
  /** The control machine's address as the servers see it: the only one they reach beside each other. */
  readonly address: string;
  readonly subnet: string;
  readonly folder: string;
  /** What deploy.config.json says under `servers`. */
  readonly config: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The server with that name; throws when there is none. */
  server(name: string): TestServer;
  /** Ends everything in it and leaves nothing. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

export type FleetOptions = {
  readonly servers: number;
  readonly name?: string;
  /** Gives each server's engine a disk of its own of this size. */
  readonly diskBytes?: number;
};

/**
 * Starts `servers` servers named `<name>1`, `<name>2`, …; needs root. Fleets may run side by side, in any number of
 * processes; those of test processes that died are removed first.
 */
export async function openFleet(options: FleetOptions): Promise<TestFleet> {
  await sweepStaleFleets();
  const plot = await takePlot();
  const sweepAtExit = (): void => sweepWithoutWaiting(plot);
  process.on('exit', sweepAtExit);
  const machines: Machine[] = [];
  async function close(): Promise<void> {
    await Promise.all(machines.map((machine) => machine.switchOff()));
    await sweepPlot(plot);
    process.off('exit', sweepAtExit);
  }
  try {
    const identity = await layBridge(plot);
    for (let index = 0; index < options.servers; index++) {
      const machine = await makeMachine(plot, `${options.name ?? 'app'}${index + 1}`, index);
      machines.push(machine);
      const { diskBytes } = options;
      if (diskBytes !== undefined) await mountSmallDisk(join(machine.folder, 'docker'), diskBytes);
    }
    const opened = await Promise.allSettled(machines.map((machine) => openServer(machine, { identity })));
    return describeFleet(plot, opened.map(unwrap), close);
  } catch (error) {
    await close();
    throw error;
  }
}

function describeFleet(plot: Plot, servers: readonly TestServer[], close: () => Promise<void>): TestFleet {
  return {
    servers,
    address: `${plot.subnet}.1`,
    subnet: `${plot.subnet}.0/24`,
    folder: plot.folder,
    config: Object.fromEntries(servers.map((server) => [server.name, server.config])),
    server(name) {
      const found = servers.find((server) => server.name === name);
      if (!found) throw new Error(`the fleet has no ${name}`);
      return found;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function unwrap<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'fulfilled') return result.value;
  throw result.reason;
}

/** The bridge with the control machine on it; returns the path of the key that logs in everywhere. */
async function layBridge(plot: Plot): Promise<string> {
  const lines = [
    `link add ${plot.bridge} type bridge`,
    `addr add ${plot.subnet}.1/24 dev ${plot.bridge}`,
    `link set ${plot.bridge} up`,
  ];
  await runProgram('ip', ['-batch', '-'], { stdin: `${lines.join('\n')}\n` });
  await runProgram('iptables', forwardRule('-I', plot));
  const identity = join(plot.folder, 'id_ed25519');
  await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', identity]);
  return identity;
}

/** An `exit` listener cannot wait: another process does, while this one stands still. */
function sweepWithoutWaiting(plot: Plot): void {
  const script = fileURLToPath(new URL('./fleet/sweep.ts', import.meta.url));
  spawnSync(process.execPath, [script, String(plot.number)], { stdio: 'inherit', timeout: 30_000 });
}
