import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DeployWorld } from '../test/support/deploy-world.ts';
import type { TestFleet } from '../test/support/fleet.ts';
import { openByHandSide } from './support/by-hand-side.ts';
import { openHawserSide } from './support/hawser-side.ts';
import { readMachineFacts } from './support/machine-facts.ts';
import { type FleetSizes, onFleet, readFleetSizes } from './support/on-fleet.ts';
import { type Measured, printMeasured, saveResults } from './support/report.ts';
import type { Contender, Run } from './support/run.ts';

const example = fileURLToPath(new URL('../examples/hello/', import.meta.url));

/**
 * From the start of `git push` to the new page on every server, next to a script by hand: same app, same servers,
 * one line changed each time, in turns.
 */
export async function measurePushToLive(sizes: FleetSizes): Promise<readonly Measured[]> {
  const measured: Measured[] = [];
  for (const servers of sizes.servers) {
    const one = await onFleet(servers, (world) => measureFleet(world, sizes.rounds));
    printMeasured(one);
    measured.push(one);
  }
  return measured;
}

async function measureFleet(world: DeployWorld, rounds: number): Promise<Measured> {
  await using hawser = await openHawserSide(world, example);
  await using byHand = await openByHandSide(world.fleet, example);
  const runs = { hawser: [] as Run[], byHand: [] as Run[] };
  const connections = { hawser: 0, byHand: 0 };
  // The first round fills caches and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    connections.hawser += await countLogins(world.fleet, () => runOne(hawser, round, runs.hawser));
    connections.byHand += await countLogins(world.fleet, () => runOne(byHand, round, runs.byHand));
  }
  const held = await countHeld(world.fleet);
  return { servers: world.fleet.servers.length, runs, connections: { ...connections, held } };
}

async function runOne(contender: Contender, round: number, runs: Run[]): Promise<void> {
  const run = await contender.deploy(`1.${round}.0-${contender.name.replace(' ', '-').toLowerCase()}`);
  console.log(`       ${contender.name.padEnd(8)} ${round}  live after ${Math.round(run.liveMs)} ms`);
  if (round > 0) runs.push(run);
}

/** Logins on the server that got most of them meanwhile, by its sshd's own log. */
async function countLogins(fleet: TestFleet, work: () => Promise<void>): Promise<number> {
  const count = () =>
    Promise.all(
      fleet.servers.map(async ({ folder }) => {
        const log = await readFile(join(folder, 'sshd.log'), 'utf8');
        return log.split('Accepted publickey').length - 1;
      }),
    );
  const before = await count();
  await work();
  const after = await count();
  return Math.max(...after.map((logins, at) => logins - (before[at] ?? 0)));
}

/** Connections that the sshd of the server with most of them holds now. */
async function countHeld(fleet: TestFleet): Promise<number> {
  const counts = fleet.servers.map(async (server) => {
    const lines = await server.run('ss', ['-Htn', 'state', 'established', 'sport = :22']);
    return lines.split('\n').filter(Boolean).length;
  });
  return Math.max(...(await Promise.all(counts)));
}

if (import.meta.main) {
  const sizes = readFleetSizes();
  const facts = await readMachineFacts();
  const measured = await measurePushToLive(sizes);
  if (sizes.save) await saveResults(facts, measured);
}
