import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../failure.ts';
import { askEngine } from '../../fleet/ask.ts';
import type { ServerConnection } from '../../fleet/fleet.ts';
import { observeServer } from '../../fleet/observe.ts';
import type { Server } from '../../model/server.ts';
import type { ApiDesk } from '../desk.ts';
import { type Finding, failed, look, ok, warning } from './finding.ts';
import { inGb } from './machine.ts';

const deadlineMs = 20_000;
const skewLimitMs = 5_000;
const connectMs = 3_000;
// Engine API 1.41: the oldest that has all that we ask.
const oldestEngine = 20;

/** Every step from here to a server's containers, in order; what a failed step makes impossible is left out. */
export async function examineServer(
  desk: ApiDesk,
  name: string,
  asked: AbortSignal,
): Promise<readonly Finding[]> {
  const signal = AbortSignal.any([asked, AbortSignal.timeout(deadlineMs)]);
  const server = desk.config.servers[name];
  if (server === undefined)
    throw new Failure('server_unknown', `There is no server ${JSON.stringify(name)}.`);
  const reach = server.kind === 'ssh' ? `${name}: ssh` : `${name}: local`;
  let connection: ServerConnection | undefined;
  const first = await look(reach, async () => {
    connection = await desk.fleet.connect(name, signal);
    return ok(reach, server.kind === 'ssh' ? `${server.user}@${server.host}:${server.port}` : 'this machine');
  });
  if (connection === undefined) return [first];
  return [first, ...(await examineEngine(connection, server, signal))];
}

type Info = {
  readonly Driver: string;
  readonly SystemTime: string;
  readonly MemoryLimit: boolean;
  readonly PidsLimit?: boolean;
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly OSType: string;
  readonly Architecture: string;
};

async function examineEngine(
  connection: ServerConnection,
  { name, address }: Server,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { docker } = connection;
  const check = `${name}: docker`;
  let info: Info | undefined;
  let skewMs = 0;
  const engine = await look(check, async () => {
    const ask = { connection, what: 'ask the engine', signal };
    const { Version } = await askEngine(ask, () => docker.version());
    const begin = Date.now();
    info = (await askEngine(ask, () => docker.info())) as Info;
    skewMs = Date.parse(info.SystemTime) - (begin + Date.now()) / 2;
    return Number.parseInt(Version, 10) >= oldestEngine
      ? ok(check, `engine ${Version}`)
      : failed(check, `engine ${Version}`, `Install Docker ${oldestEngine}.10 or newer there.`);
  });
  if (info === undefined) return [engine];
  return [
    engine,
    examineStorage(name, info),
    examineLimits(name, info),
    examineClock(name, skewMs),
    await look(`${name}: disk`, () => examineDisk(connection, signal)),
    await look(`${name}: address`, () => examineAddress(connection, address, signal)),
  ];
}

function examineStorage(name: string, { Driver }: Info): Finding {
  const check = `${name}: storage`;
  if (Driver !== 'vfs') return ok(check, Driver);
  return warning(
    check,
    'vfs copies every layer whole',
    'Let the engine use overlay2: put its data-root on a disk that has it.',
  );
}

function examineLimits(name: string, info: Info): Finding {
  const check = `${name}: limits`;
  const missing = [...(info.MemoryLimit ? [] : ['memory']), ...(info.PidsLimit === false ? ['pids'] : [])];
  const size = `${info.NCPU} CPU, ${inGb(info.MemTotal)}, ${info.OSType}/${info.Architecture}`;
  if (missing.length === 0) return ok(check, size);
  return warning(
    check,
    `${size}; the kernel does not limit: ${missing.join(', ')}`,
    'Enable those control groups in the kernel of that server.',
  );
}

function examineClock(name: string, skewMs: number): Finding {
  const check = `${name}: clock`;
  const detail = `${(skewMs / 1000).toFixed(1)} s away from this machine's`;
  if (Math.abs(skewMs) <= skewLimitMs) return ok(check, detail);
  return warning(check, detail, 'Let both machines set their clocks by NTP.');
}

/** An engine does not say how much is free: what its images and containers take is what can be known. */
async function examineDisk(connection: ServerConnection, signal: AbortSignal): Promise<Finding> {
  const { docker, server } = connection;
  const ask = { connection, what: 'ask what the disk is used for', signal };
  const usage = await askEngine(ask, () => docker.df());
  const containers: readonly { SizeRw?: number }[] = usage.Containers ?? [];
  const written = containers.reduce((sum, { SizeRw = 0 }) => sum + SizeRw, 0);
  return ok(
    `${server.name}: disk`,
    `images take ${inGb(usage.LayersSize ?? 0)}, what containers wrote ${inGb(written)}`,
  );
}

/** The load balancer must reach what is published there: a container that runs, or any answer of the address. */
async function examineAddress(
  connection: ServerConnection,
  address: string,
  signal: AbortSignal,
): Promise<Finding> {
  const check = `${connection.server.name}: address`;
  const seen = await observeServer(connection, {}, signal);
  const published = seen.reachable
    ? seen.containers.find((container) => container.state === 'running' && container.address !== null)
    : undefined;
  const place = published?.address ?? `${address}:9`;
  const answer = await knock(place, signal);
  const well = answer === 'open' || (published === undefined && answer === 'ECONNREFUSED');
  if (well) return ok(check, published ? `${published.name} answers at ${place}` : `${address} answers`);
  return failed(
    check,
    `${published?.name ?? address} cannot be reached at ${place} from here (${answer})`,
    `Set "address" of the server in deploy.config.json to one that this machine reaches, and open it there.`,
  );
}

async function knock(place: string, signal: AbortSignal): Promise<string> {
  const cut = place.lastIndexOf(':');
  const host = place.slice(0, cut).replace(/^\[|\]$/g, '');
  const socket = connect({ host, port: Number(place.slice(cut + 1)) });
  const answered = new Promise<string>((resolve) => {
    socket.once('connect', () => resolve('open'));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  try {
    return await Promise.race([answered, pause(connectMs, 'no answer', { signal })]);
  } finally {
    socket.destroy();
  }
}
