import { parseArgs } from 'node:util';
import { type DeployWorld, openDeployWorld } from '../../test/support/deploy-world.ts';

/** On fleets of which sizes something is measured, and how often on each. */
export type FleetSizes = { readonly servers: readonly number[]; readonly rounds: number };

/** What docs/benchmarks.md shows. */
export const allSizes: FleetSizes = { servers: [1, 2, 4, 8], rounds: 5 };

/** `--servers 1,2 --rounds 3 --save` of the command line; all sizes unless it says so. */
export function readFleetSizes(): FleetSizes & { readonly save: boolean } {
  const { values } = parseArgs({
    options: {
      servers: { type: 'string', default: allSizes.servers.join() },
      rounds: { type: 'string', default: `${allSizes.rounds}` },
      save: { type: 'boolean', default: false },
    },
  });
  const servers = values.servers.split(',').map(Number);
  return { servers, rounds: Number(values.rounds), save: values.save };
}

/** Servers and an installation for the time of some work. */
export async function onFleet<T>(
  servers: number,
  work: (world: DeployWorld) => Promise<T>,
  config: Record<string, unknown> = {},
): Promise<T> {
  const world = await openDeployWorld(servers, config);
  // A fleet does not keep this process awake while it ends.
  const awake = setInterval(() => undefined, 1_000);
  try {
    return await work(world);
  } finally {
    await world.close();
    clearInterval(awake);
  }
}
