import { eventually } from './eventually.ts';
import { runProgram } from './program.ts';

/** A container as `docker ps -a` tells of it. */
export type ListedContainer = {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly state: string;
  /** As Docker prints them: `10.0.0.11:32768->80/tcp`. */
  readonly ports: string;
  readonly labels: Readonly<Record<string, string>>;
};

type Engine = { readonly dockerHost: string };

/** Runs the docker client against a server's own engine, not by ssh. */
export async function docker({ dockerHost }: Engine, ...argv: readonly string[]): Promise<string> {
  return (await runProgram('docker', ['--host', dockerHost, ...argv])).trim();
}

/** All containers, stopped ones too; `filter` as for `docker ps --filter`. */
export async function listContainers(
  engine: Engine,
  ...filters: readonly string[]
): Promise<ListedContainer[]> {
  // One that goes between the questions makes the last of them fail.
  return await eventually(() => askContainers(engine, filters), { intervalMs: 50 });
}

async function askContainers(engine: Engine, filters: readonly string[]): Promise<ListedContainer[]> {
  const only = filters.flatMap((filter) => ['--filter', filter]);
  const ids = (await docker(engine, 'ps', '-a', '-q', '--no-trunc', ...only)).split('\n').filter(Boolean);
  const lines = await docker(engine, 'ps', '-a', '--no-trunc', '--format', '{{json .}}', ...only);
  const labels = await readLabels(engine, ids);
  return lines
    .split('\n')
    .filter(Boolean)
    .map((line) => describeContainer(JSON.parse(line), labels));
}

/** Removes every container of that engine: only for a fleet's servers. */
export async function removeAll(engine: Engine): Promise<void> {
  const ids = (await docker(engine, 'ps', '-a', '-q')).split('\n').filter(Boolean);
  if (ids.length > 0) await docker(engine, 'rm', '-f', '-v', ...ids);
}

type Labels = ReadonlyMap<string, Readonly<Record<string, string>>>;

function describeContainer(listed: Readonly<Record<string, string>>, labels: Labels): ListedContainer {
  const id = listed.ID ?? '';
  return {
    id,
    name: listed.Names ?? '',
    image: listed.Image ?? '',
    state: listed.State ?? '',
    ports: listed.Ports ?? '',
    labels: labels.get(id) ?? {},
  };
}

/** `docker ps` joins labels by commas that values may hold too. */
async function readLabels(engine: Engine, ids: readonly string[]): Promise<Labels> {
  if (ids.length === 0) return new Map();
  const format = '{{.Id}} {{json .Config.Labels}}';
  const lines = await docker(engine, 'container', 'inspect', '--format', format, ...ids);
  return new Map(
    lines.split('\n').map((line) => {
      const space = line.indexOf(' ');
      return [line.slice(0, space), JSON.parse(line.slice(space)) ?? {}];
    }),
  );
}
