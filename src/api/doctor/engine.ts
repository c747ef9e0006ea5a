import { askEngine } from '../../fleet/ask.ts';
import type { ServerConnection } from '../../fleet/fleet.ts';
import { examineAddress } from './address.ts';
import { type Finding, failed, look, ok, warning } from './finding.ts';
import { inGb } from './machine.ts';

const skewLimitMs = 5_000;
// Engine API 1.41: the oldest that has all that we ask.
const oldestEngine = [20, 10] as const;

type Info = {
  readonly Driver: string;
  readonly SystemTime: string;
  readonly LiveRestoreEnabled: boolean;
  readonly MemoryLimit: boolean;
  readonly PidsLimit?: boolean;
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly OSType: string;
  readonly Architecture: string;
};

/** Everything that a server must have to run what we start there; `diskFloor` in bytes. */
export async function examineEngine(
  connection: ServerConnection,
  diskFloor: number,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { docker, server } = connection;
  const { name } = server;
  const check = `${name}: docker`;
  let info: Info | undefined;
  let skewMs = 0;
  const engine = await look(check, async () => {
    const ask = { connection, what: 'ask the engine', signal };
    const { Version } = await askEngine(ask, () => docker.version());
    const begin = Date.now();
    info = (await askEngine(ask, () => docker.info())) as Info;
    skewMs = Date.parse(info.SystemTime) - (begin + Date.now()) / 2;
    const wanted = oldestEngine.join('.');
    return isRecent(Version)
      ? ok(check, `engine ${Version}`)
      : failed(
          check,
          `engine ${Version} is older than ${wanted}`,
          `Install Docker ${wanted} or newer there.`,
        );
  });
  if (info === undefined) return [engine];
  return [
    engine,
    examineStorage(name, info),
    examineLiveRestore(name, info),
    examineLimits(name, info),
    examineClock(name, skewMs),
    await look(`${name}: disk`, () => examineDisk(connection, diskFloor, signal)),
    await look(`${name}: address`, () => examineAddress(connection, signal)),
  ];
}

/** True for an engine of this version that has all that we ask. Pure. */
export function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major > oldestEngine[0] || (major === oldestEngine[0] && minor >= oldestEngine[1]);
}

const slowDrivers: Readonly<Record<string, string>> = {
  vfs: 'vfs copies every layer whole',
  devicemapper: 'devicemapper is slow and was given up by Docker',
};

function examineStorage(name: string, { Driver }: Info): Finding {
  const check = `${name}: storage`;
  const why = slowDrivers[Driver];
  if (why === undefined) return ok(check, Driver);
  return warning(check, why, 'Let the engine use overlay2: put its data-root on a disk that has it.');
}

function examineLiveRestore(name: string, { LiveRestoreEnabled }: Info): Finding {
  const check = `${name}: live-restore`;
  if (LiveRestoreEnabled) return ok(check, 'containers outlive a restart of the engine');
  return warning(
    check,
    'a restart of the engine stops every container there',
    'Set "live-restore": true in /etc/docker/daemon.json there, then systemctl reload docker.',
  );
}

function examineLimits(name: string, info: Info): Finding {
  const check = `${name}: limits`;
  const size = `${info.NCPU} CPU, ${inGb(info.MemTotal)}, ${info.OSType}/${info.Architecture}`;
  const fix = 'Enable that control group in the kernel of that server.';
  if (!info.MemoryLimit) return failed(check, `${size}; the kernel does not limit memory`, fix);
  if (info.PidsLimit === false) return warning(check, `${size}; the kernel does not limit pids`, fix);
  return ok(check, size);
}

/** Pure. */
export function examineClock(name: string, skewMs: number): Finding {
  const check = `${name}: clock`;
  const detail = `${(skewMs / 1000).toFixed(1)} s away from this machine's`;
  if (Math.abs(skewMs) <= skewLimitMs) return ok(check, detail);
  return failed(check, detail, 'Let both machines set their clocks by NTP.');
}

async function examineDisk(
  connection: ServerConnection,
  diskFloor: number,
  signal: AbortSignal,
): Promise<Finding> {
  const check = `${connection.server.name}: disk`;
  const space = await connection.diskSpace(signal);
  if (space === null) {
    return warning(check, 'it does not tell how much is free', 'Let the SSH user run df there.');
  }
  const detail = `${inGb(space.freeBytes)} of ${inGb(space.totalBytes)} free (limits.diskFloor is ${inGb(diskFloor)})`;
  if (space.freeBytes >= diskFloor) return ok(check, detail);
  return failed(check, detail, 'Free some of it: hawser disk:prune, or a larger disk for the engine there.');
}
