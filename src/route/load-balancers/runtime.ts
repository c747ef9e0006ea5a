import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { Failure } from '../../failure.ts';
import type { ObservedBackend } from '../plan.ts';
import type { Paths } from './config-file.ts';

/** One HAProxy process: the one that accepts, or one that a reload left with its last connections. */
export type Worker = { readonly pid: number; readonly isOld: boolean; readonly upSeconds: number };

/** One row of `show stat` that is a server. */
export type ServerRow = ObservedBackend & {
  readonly section: string;
  readonly name: string;
  readonly requests: number;
  readonly errors5xx: number;
  readonly latencyMs: number;
  readonly lastCheck: string;
  /** How long it is up or down already, ms. */
  readonly unchangedMs: number;
};

const answerTimeoutMs = 10_000;
const commandsPerLine = 30;
const successes = /^(?:|New server registered\.|Server deleted\.)$/;

/** Sends one line over a socket of HAProxy and returns the whole answer. Throws `load_balancer_lost`. */
export async function ask(socketPath: string, line: string): Promise<string> {
  const socket = createConnection(socketPath);
  socket.setTimeout(answerTimeoutMs, () => socket.destroy(new Error(`no answer in ${answerTimeoutMs} ms`)));
  try {
    // The master's socket answers only after a half-close.
    socket.end(`${line}\n`);
    return await text(socket);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure('load_balancer_lost', `HAProxy does not answer: ${reason}`, { cause: error });
  }
}

/** Gives commands to a worker in their order. Throws `load_balancer_refused` with what it said. */
export async function command(paths: Paths, worker: Worker, commands: readonly string[]): Promise<void> {
  for (let at = 0; at < commands.length; at += commandsPerLine) {
    const some = commands.slice(at, at + commandsPerLine);
    const answer = await askWorker(paths, worker, some);
    const refusals = answer.split('\n').filter((line) => !successes.test(line.trim()));
    if (refusals.length > 0) {
      throw new Failure(
        'load_balancer_refused',
        `HAProxy refuses: ${refusals.join(' ')} (${some.join('; ')})`,
      );
    }
  }
}

/** Workers that live: the current one first. */
export async function listWorkers(paths: Paths): Promise<readonly Worker[]> {
  const workers = parseWorkers(await ask(paths.master, 'show proc'));
  if (workers.some((worker) => !worker.isOld)) return workers;
  throw new Failure('load_balancer_lost', 'HAProxy has no worker');
}

/** Parses `show proc` of the master's socket. */
export function parseWorkers(answer: string): readonly Worker[] {
  let kind = '';
  const workers: Worker[] = [];
  for (const line of answer.split('\n')) {
    if (line.startsWith('# ')) kind = line;
    const [pid, type] = line.split(/\s+/);
    if (type !== 'worker') continue;
    workers.push({ pid: Number(pid), isOld: kind.startsWith('# old'), upSeconds: parseUptime(line) });
  }
  return workers.sort((one, other) => Number(one.isOld) - Number(other.isOld));
}

function parseUptime(line: string): number {
  const [, days, hours, minutes, seconds] = /(\d+)d(\d+)h(\d+)m(\d+)s/.exec(line) ?? [];
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
}

/** Sections and servers of a worker. */
export async function readServers(
  paths: Paths,
  worker: Worker,
): Promise<{ sections: ReadonlySet<string>; servers: readonly ServerRow[] }> {
  const rows = parseCsv(await askWorker(paths, worker, ['show stat -1 6 -1']));
  const backends = rows.filter((row) => row.svname === 'BACKEND');
  return {
    sections: new Set(backends.map((row) => row.pxname ?? '')),
    servers: rows.filter((row) => row.svname !== 'BACKEND').map(toServerRow),
  };
}

/** Keys and values of a map as a worker holds it. */
export async function readMap(
  paths: Paths,
  worker: Worker,
  file: string,
): Promise<ReadonlyMap<string, string>> {
  const answer = await askWorker(paths, worker, [`show map ${file}`]);
  const entries = answer
    .split('\n')
    .map((line) => line.split(' '))
    .flatMap(([pointer, key, value]) =>
      pointer?.startsWith('0x') && key !== undefined && value !== undefined ? [[key, value] as const] : [],
    );
  return new Map(entries);
}

/** Parses the CSV of `show stat`. Throws `load_balancer_lost` when it is none: the worker is going away. */
export function parseCsv(answer: string): readonly Readonly<Record<string, string>>[] {
  const [header, ...lines] = answer.split('\n').filter((line) => line !== '');
  if (!header?.startsWith('# pxname')) {
    throw new Failure(
      'load_balancer_lost',
      `HAProxy gives no statistics: ${header?.slice(0, 200) ?? 'nothing'}`,
    );
  }
  const names = header.slice(2).split(',');
  return lines.map((line) =>
    Object.fromEntries(line.split(',').map((value, at) => [names[at] ?? '', value])),
  );
}

/** Ends every session of a retired server. */
export async function endSessions(paths: Paths, worker: Worker, row: ServerRow): Promise<void> {
  if (!worker.isOld) return command(paths, worker, [`shutdown sessions server ${row.section}/${row.id}`]);
  // A worker that is ending calls its sections disabled and takes commands for single sessions only.
  const sessions = findSessions(await askWorker(paths, worker, ['show sess']), row);
  await command(
    paths,
    worker,
    sessions.map((session) => `shutdown session ${session}`),
  );
}

/** Sessions of a server in the answer to `show sess`. */
export function findSessions(answer: string, row: Pick<ServerRow, 'section' | 'id'>): readonly string[] {
  return answer.split('\n').flatMap((line) => {
    const words = line.split(' ');
    const isItsOwn = words.includes(`be=${row.section}`) && words.includes(`srv=${row.id}`);
    return isItsOwn && words[0] !== undefined ? [words[0].replace(/:$/, '')] : [];
  });
}

/** True while a client's connection is open to a worker. */
export async function hasClients(paths: Paths, worker: Worker): Promise<boolean> {
  const answer = await askWorker(paths, worker, ['show stat -1 1 -1']);
  return parseCsv(answer).some((row) => row.pxname === 'web' && Number(row.scur) > 0);
}

function toServerRow(row: Readonly<Record<string, string>>): ServerRow {
  const id = row.svname ?? '';
  const broken = Number(row.econ) + Number(row.eresp);
  return {
    id,
    name: id.split(':', 1)[0] ?? '',
    section: row.pxname ?? '',
    state: stateOf(row.status ?? ''),
    weight: Number(row.uweight),
    sessions: Number(row.scur) + Number(row.qcur),
    // `stot` counts each try, `req_tot` answers only; an answer that was broken off is in `eresp` as well.
    requests: Number(row.req_tot) + broken - Math.min(Number(row.srv_abrt), Number(row.eresp)),
    errors5xx: Number(row.hrsp_5xx) + broken,
    latencyMs: Number(row.rtime),
    lastCheck: `${row.check_status ?? ''} ${row.last_chk ?? ''}`.trim(),
    unchangedMs: Number(row.lastchg) * 1000,
  };
}

/** A server of weight 0 is called DRAIN while it is up. */
function stateOf(status: string): ObservedBackend['state'] {
  if (status.startsWith('MAINT')) return 'retired';
  return /^(?:UP|DRAIN|NOLB|no check)/.test(status) ? 'up' : 'down';
}

function askWorker(paths: Paths, worker: Worker, commands: readonly string[]): Promise<string> {
  if (!worker.isOld) return ask(paths.admin, commands.join(';'));
  return ask(paths.master, commands.map((each) => `@!${worker.pid} ${each}`).join(';'));
}
