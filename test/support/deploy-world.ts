import { makeBaseImages } from '../../src/setup/base-images.ts';
import { type ListedContainer, listContainers } from './docker.ts';
import { openFleet, type TestFleet, type TestServer } from './fleet.ts';
import { openHawser, type TestHawser } from './hawser.ts';
import { type LoadReport, startLoad } from './load.ts';

/** A fleet and an installation that deploys to it. */
export type DeployWorld = {
  readonly fleet: TestFleet;
  readonly hawser: TestHawser;
  /** Containers of an app on all servers. */
  containersOf(app: string): Promise<readonly ListedContainer[]>;
  /** The same of one server, asked on the machine itself: a cut server answers too. */
  containersOn(server: TestServer, app: string): Promise<readonly ListedContainer[]>;
  /** Different answers of a domain, as `200 body`, asked often enough to have met every server. */
  listAnswers(domain: string, path?: string): Promise<string[]>;
  /** Loads a domain while the work goes on, `rate` requests a second, half of them on new connections. */
  loadWhile<T>(
    domain: string,
    work: () => Promise<T>,
    rate?: number,
  ): Promise<{ value: T; report: LoadReport }>;
  close(): Promise<void>;
};

type Settings = Record<string, unknown>;

/** Starts both; `config` is merged over what a test needs. Apps named by `apps` are destroyed at the end. */
export async function openDeployWorld(
  servers: number,
  config: Settings | ((fleet: TestFleet) => Settings) = {},
): Promise<DeployWorld> {
  await makeBaseImages(['busybox', 'node']);
  const fleet = await openFleet({ servers });
  try {
    const bases = { node: 'hawser-base/node', python: 'hawser-base/python', static: 'hawser-base/busybox' };
    const settings = typeof config === 'function' ? config(fleet) : config;
    const hawser = await openHawser({ servers: fleet.config, builders: { bases }, ...settings });
    return {
      fleet,
      hawser,
      containersOn,
      async containersOf(app) {
        const lists = fleet.servers.map((server) => containersOn(server, app));
        return (await Promise.all(lists)).flat();
      },
      async listAnswers(domain, path) {
        const asked = Array.from({ length: 30 }, () => hawser.fetch(domain, path));
        const answers = await Promise.all(asked);
        return [...new Set(answers.map(({ status, body }) => `${status} ${body.trim()}`))].sort();
      },
      async loadWhile(domain, work, rate = 200) {
        const { host, port } = hawser.edge;
        const load = await startLoad({ url: `http://${host}:${port}/`, host: domain, rate });
        try {
          return { value: await work(), report: await load.stop() };
        } catch (error) {
          await load.stop();
          throw error;
        }
      },
      async close() {
        try {
          await destroyApps(hawser);
        } finally {
          await hawser.close();
          await fleet.close();
        }
      },
    };
  } catch (error) {
    await fleet.close();
    throw error;
  }
}

function containersOn(server: TestServer, app: string): Promise<readonly ListedContainer[]> {
  return listContainers(server, `label=hawser.app=${app}`);
}

/** With its apps go their images, which the builder's engine would keep. */
async function destroyApps(hawser: TestHawser): Promise<void> {
  const { stdout } = await hawser.cli('apps', '--json');
  const apps: { name: string }[] = JSON.parse(stdout);
  await Promise.all(apps.map(({ name }) => hawser.cli('apps:destroy', name, '--confirm', name)));
}
