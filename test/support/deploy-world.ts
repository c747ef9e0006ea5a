import { makeBaseImages } from '../../src/setup/base-images.ts';
import { type ListedContainer, listContainers } from './docker.ts';
import { openFleet, type TestFleet } from './fleet.ts';
import { openHawser, type TestHawser } from './hawser.ts';

/** A fleet and an installation that deploys to it. */
export type DeployWorld = {
  readonly fleet: TestFleet;
  readonly hawser: TestHawser;
  /** Containers of an app on all servers. */
  containersOf(app: string): Promise<readonly ListedContainer[]>;
  close(): Promise<void>;
};

/** Starts both; `config` is merged over what a test needs. Apps named by `apps` are destroyed at the end. */
export async function openDeployWorld(
  servers: number,
  config: Record<string, unknown> = {},
): Promise<DeployWorld> {
  await makeBaseImages(['busybox', 'node']);
  const fleet = await openFleet({ servers });
  try {
    const bases = { node: 'hawser-base/node', python: 'hawser-base/python', static: 'hawser-base/busybox' };
    const hawser = await openHawser({ servers: fleet.config, builders: { bases }, ...config });
    return {
      fleet,
      hawser,
      async containersOf(app) {
        const lists = fleet.servers.map((server) => listContainers(server, `label=hawser.app=${app}`));
        return (await Promise.all(lists)).flat();
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

/** With its apps go their images, which the builder's engine would keep. */
async function destroyApps(hawser: TestHawser): Promise<void> {
  const { stdout } = await hawser.cli('apps', '--json');
  const apps: { name: string }[] = JSON.parse(stdout);
  await Promise.all(apps.map(({ name }) => hawser.cli('apps:destroy', name, '--confirm', name)));
}
