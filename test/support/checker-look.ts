import { glob, readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Checked, Ledger, SeenPush } from './checker.ts';
import { docker, type ListedContainer, listContainers } from './docker.ts';
import { runProgram } from './program.ts';

/** Everything that can be seen of an installation from outside, at one moment. */
export type Seen = {
  readonly app: string;
  readonly env: string;
  readonly branch: string;
  /** Containers that are to run, in all. */
  readonly containers: number;
  readonly pushes: readonly SeenPush[];
  readonly deploys: readonly SeenDeploy[];
  /** The environment's current release. */
  readonly release: { readonly version: number; readonly commit: string; readonly live: boolean } | undefined;
  /** Names that the ledger routes, and those that it knows to run. */
  readonly routed: readonly string[];
  readonly known: readonly string[];
  readonly servers: readonly SeenServer[];
  /** What is left of ours where images are built. */
  readonly built: readonly string[];
  readonly refs: ReadonlyMap<string, string>;
  /** Lock files and quarantines in the repository. */
  readonly leftovers: readonly string[];
  /** Servers of the load balancer that get requests. */
  readonly admitted: readonly string[];
  readonly answers: readonly { readonly status: number; readonly body: string }[];
  readonly bodyOf: (commit: string) => string;
  /** Texts of the journals, by deploy. */
  readonly journals: ReadonlyMap<number, string>;
  /** Files of the data folder that hold a secret in clear. */
  readonly leaks: readonly string[];
  /** Requests that failed and had no excuse. */
  readonly failedRequests: readonly string[];
};

export type SeenDeploy = {
  readonly id: number;
  readonly kind: string;
  readonly state: string;
  readonly failure: string | null;
  readonly ended: boolean;
  readonly commit: string | null;
  /** Of the app and environment that are looked at. */
  readonly mine: boolean;
};

export type SeenServer = {
  readonly name: string;
  readonly containers: readonly (ListedContainer & { readonly restart: string })[];
  readonly networks: readonly string[];
};

const requests = 6;

export async function look(world: Checked, ledger: Ledger): Promise<Seen> {
  const [release] = ledger.all(currentSql, world.app, world.env);
  const environment = String(release?.environment ?? '');
  const names = (table: 'backends' | 'containers') =>
    ledger
      .all(`select name from ${table} where environment_id = ?`, environment)
      .map(({ name }) => String(name));
  const repository = join(world.data, 'repositories', await findRepository(world.data, String(release?.app)));
  return {
    ...world,
    pushes: [...world.pushes],
    deploys: ledger.all(deploysSql, environment) as unknown as SeenDeploy[],
    release: release?.version
      ? { version: Number(release.version), commit: String(release.commit), live: release.live !== null }
      : undefined,
    routed: names('backends'),
    known: names('containers'),
    servers: await Promise.all(world.servers.map((server) => lookAtServer(server, world))),
    built: (await listContainers(world.builder, `label=hawser.app=${world.app}`)).map(({ name }) => name),
    refs: await readRefs(repository),
    leftovers: await listFiles('{**/*.lock,objects/tmp_objdir-*}', repository),
    admitted: await readAdmitted(world),
    answers: await Promise.all(Array.from({ length: requests }, () => world.ask())),
    journals: await readJournals(world.data),
    leaks: await findLeaks(world),
    failedRequests: world.failedRequests?.() ?? [],
  };
}

const currentSql = `
  select e.id as environment, a.id as app, r.version, r.commit_oid as "commit", r.went_live_at as live
    from environments e join apps a on a.id = e.app_id left join releases r on r.id = e.current_release_id
   where a.name = ? and e.name = ?`;
const deploysSql = `
  select d.id, d.kind, d.state, d.failure_code || ': ' || d.failure_message as failure,
         d.ended_at is not null as ended, s.commit_oid as "commit", d.environment_id = ? as mine
    from deploys d left join sources s on s.id = d.source_id order by d.id`;

async function findRepository(data: string, app: string): Promise<string> {
  const folders = await readdir(join(data, 'repositories'));
  return folders.find((name) => name.startsWith(app)) ?? `no repository of ${app}`;
}

async function lookAtServer(
  server: Checked['servers'][number],
  { app }: Pick<Checked, 'app'>,
): Promise<SeenServer> {
  const mine = `label=hawser.app=${app}`;
  const format = '{{.Label "hawser.app"}}/{{.Label "hawser.env"}}';
  const networks = await docker(server, 'network', 'ls', '--filter', mine, '--format', format);
  const containers = await Promise.all(
    (await listContainers(server, mine)).map(async (container) => ({
      ...container,
      restart: await docker(
        server,
        'inspect',
        '--format',
        '{{.HostConfig.RestartPolicy.Name}}',
        container.id,
      ),
    })),
  );
  return { name: server.name, containers, networks: networks.split('\n').filter(Boolean) };
}

async function readRefs(repository: string): Promise<Map<string, string>> {
  const argv = ['--git-dir', repository, 'for-each-ref', '--format=%(refname) %(objectname)'];
  const lines = (await runProgram('git', argv)).split('\n').filter(Boolean);
  return new Map(lines.map((line) => line.split(' ') as [string, string]));
}

/** From HAProxy's own counters: servers of the environment that are up and have a weight. */
export async function readAdmitted({ data, app, env }: Checked): Promise<string[]> {
  const [socket] = await listFiles('**/admin.sock', data);
  const connection = connect(join(data, socket ?? 'admin.sock'));
  connection.end('show stat\n');
  const [head = '', ...rows] = (await text(connection)).split('\n');
  const columns = head.replace(/^# /, '').split(',');
  const cell = (row: string[], name: string) => row[columns.indexOf(name)] ?? '';
  return rows
    .map((row) => row.split(','))
    .filter((row) => cell(row, 'svname').startsWith(`${app}-${env}-`))
    .filter((row) => cell(row, 'status').startsWith('UP') && Number(cell(row, 'weight')) > 0)
    .map((row) => cell(row, 'svname').split(':')[0] ?? '');
}

async function readJournals(data: string): Promise<Map<number, string>> {
  const folder = join(data, 'journals');
  const names = (await readdir(folder)).filter((name) => /^\d+\.log$/.test(name));
  const read = async (name: string) =>
    [Number.parseInt(name, 10), await readFile(join(folder, name), 'utf8')] as const;
  return new Map(await Promise.all(names.map(read)));
}

/** Everything that Hawser itself writes, whatever its name. */
async function findLeaks({ data, secrets = [] }: Checked): Promise<string[]> {
  const leaks: string[] = [];
  if (secrets.length === 0) return leaks;
  for await (const path of glob('{logs,journals,run,redis,load-balancer,repositories}/**', { cwd: data })) {
    // A folder, a socket, or a file that was gone before it was read.
    const bytes = await readFile(join(data, path)).catch(() => Buffer.alloc(0));
    if (secrets.some((secret) => bytes.includes(secret))) leaks.push(path);
  }
  return leaks;
}

async function listFiles(pattern: string, cwd: string): Promise<string[]> {
  const found: string[] = [];
  for await (const path of glob(pattern, { cwd })) found.push(path);
  return found;
}
