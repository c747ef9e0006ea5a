import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What belongs to fleet N carries the same number: its folder, bridge, subnet and cgroup. */
export type Plot = {
  readonly number: number;
  readonly folder: string;
  readonly bridge: string;
  /** `10.x.y`, without the last number. */
  readonly subnet: string;
};

const parent = '/var/tmp';
const prefix = 'hawser-fleet-';
const plots = 1000;

/** Names of fleet N. */
export function describePlot(number: number): Plot {
  return {
    number,
    folder: join(parent, `${prefix}${number}`),
    bridge: `hwf${number}`,
    subnet: `10.${210 + Math.floor(number / 250)}.${number % 250}`,
  };
}

/** Takes the first free number; the folder that could be made is the lock among all processes. */
export async function takePlot(): Promise<Plot> {
  for (let number = 0; number < plots; number++) {
    const plot = describePlot(number);
    try {
      await mkdir(plot.folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw error;
    }
    await writeFile(join(plot.folder, 'owner'), await identifyProcess(process.pid));
    return plot;
  }
  throw new Error(`no free fleet among ${plots}: look into ${parent}/${prefix}*`);
}

/** The fleets whose owner is gone, as after a SIGKILL of a test. */
export async function listStalePlots(): Promise<Plot[]> {
  const stale: Plot[] = [];
  for (const name of await readdir(parent)) {
    const number = Number(name.slice(prefix.length));
    if (!name.startsWith(prefix) || !Number.isInteger(number)) continue;
    const plot = describePlot(number);
    if (await isStale(plot)) stale.push(plot);
  }
  return stale;
}

async function isStale({ folder }: Plot): Promise<boolean> {
  try {
    const owner = await readFile(join(folder, 'owner'), 'utf8');
    return owner !== (await identifyProcess(Number(owner.split(' ')[0])));
  } catch {
    return await isOlderThan(folder, 30_000);
  }
}

/** A folder without an owner is one that is being made, or whose maker died in between. */
async function isOlderThan(folder: string, ms: number): Promise<boolean> {
  try {
    return Date.now() - (await stat(folder)).ctimeMs > ms;
  } catch {
    return false;
  }
}

/** Pid and start time: a pid alone may belong to another process by now. Empty when there is none. */
async function identifyProcess(pid: number): Promise<string> {
  try {
    const line = await readFile(`/proc/${pid}/stat`, 'utf8');
    const startedAt = line.slice(line.lastIndexOf(')')).split(' ')[20];
    return `${pid} ${startedAt}`;
  } catch {
    return '';
  }
}
