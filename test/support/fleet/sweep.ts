import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';
import { tryProgram } from '../program.ts';
import { tryKill } from './machine.ts';
import { describePlot, listStalePlots, type Plot } from './owner.ts';

/** Removes whatever there is of a fleet: processes, bridge with its links, rule, cgroups, folder. */
export async function sweepPlot(plot: Plot): Promise<void> {
  await endServers(plot);
  for (const link of [...(await listCables(plot)), plot.bridge])
    await tryProgram('ip', ['link', 'delete', link]);
  while ((await tryProgram('iptables', forwardRule('-D', plot))) !== undefined);
  for (const cgroup of await listCgroups(plot)) await removeCgroup(cgroup);
  for (const disk of await listDisks(plot)) await tryProgram('umount', ['-l', disk]);
  await rm(plot.folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Removes the fleets that dead test processes left. */
export async function sweepStaleFleets(): Promise<void> {
  for (const plot of await listStalePlots()) await sweepPlot(plot);
}

/** Frames between servers cross FORWARD, where the machine's engine drops by default. */
export function forwardRule(action: '-I' | '-D', { bridge }: Plot): string[] {
  return ['-w', '10', action, 'FORWARD', '-i', bridge, '-o', bridge, '-j', 'ACCEPT'];
}

/** Ends the first process of each server, and with it, by its pid namespace, all others. */
async function endServers(plot: Plot): Promise<void> {
  const pids = await listWrappers(plot);
  for (const pid of pids) tryKill(pid, 'SIGKILL');
  if (pids.length > 0) await eventually(async () => (await listWrappers(plot)).length === 0);
}

/** The `unshare` of a server and the `nsenter` of each program in it have the fleet's folder in their words. */
async function listWrappers({ folder }: Plot): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const words = (await tryRead(`/proc/${name}/cmdline`)).split('\0');
    const isOurs = words.some((word) => word.startsWith(`${folder}/`));
    if (isOurs && ['setpriv', 'unshare', 'nsenter'].includes(words[0] ?? '')) found.push(Number(name));
  }
  return found;
}

async function listCables({ bridge }: Plot): Promise<string[]> {
  return (await readdir('/sys/class/net')).filter((name) => name.startsWith(`${bridge}v`));
}

/** File systems that are mounted below the fleet's folder, the innermost first. */
async function listDisks({ folder }: Plot): Promise<string[]> {
  const lines = (await tryRead('/proc/self/mounts')).split('\n');
  const targets = lines.map((line) => line.split(' ')[1] ?? '');
  return targets.filter((target) => target.startsWith(`${folder}/`)).toReversed();
}

async function listCgroups({ bridge }: Plot): Promise<string[]> {
  const root = '/sys/fs/cgroup';
  const parents = [root, ...(await readdir(root)).map((name) => join(root, name))];
  const lists = await Promise.all(
    parents.map(async (parent) => {
      const names = await readdir(parent).catch((): string[] => []); // a file of the root, not a hierarchy
      return names.filter((name) => name.startsWith(`${bridge}-`)).map((name) => join(parent, name));
    }),
  );
  return lists.flat();
}

async function removeCgroup(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true });
  for (const entry of entries.filter((one) => one.isDirectory())) await removeCgroup(join(path, entry.name));
  await eventually(async () => {
    await rmdir(path);
    return true;
  });
}

async function tryRead(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}

// run as a program by a test process that ends without having closed its fleet
if (import.meta.main) await sweepPlot(describePlot(Number(process.argv[2])));
