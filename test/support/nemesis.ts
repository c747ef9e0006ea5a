import { setTimeout as pause } from 'node:timers/promises';
import { readAdmitted } from './checker-look.ts';
import { eventually } from './eventually.ts';
import type { FaultWorld } from './fault-world.ts';
import type { TestServer } from './fleet.ts';
import type { TestHawser } from './hawser.ts';
import { freezeOutsideTransactions, thaw } from './process-state.ts';

/** Numbers in [0, 1) that a seed decides: mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Chooser = {
  one<T>(among: readonly T[]): T;
  /** Milliseconds, evenly between the two. */
  between(lowest: number, highest: number): number;
};

export function openChooser(random: () => number): Chooser {
  return {
    one<T>(among: readonly T[]): T {
      return among[Math.floor(random() * among.length)] as T;
    },
    between: (lowest, highest) => Math.round(lowest + random() * (highest - lowest)),
  };
}

/** Hurts the world and heals what it hurt, except for what the supervisor heals. */
export type Fault = {
  readonly name: string;
  /** Milliseconds in which requests may be lost by it: those under way, and until the load balancer is back or has seen it. */
  readonly excusedMs: number;
  strike(world: FaultWorld, choose: Chooser): Promise<void>;
};

const killable = ['server', 'worker-build', 'worker-rollout', 'redis', 'registry'] as const;
const freezable = ['server', 'worker-build', 'worker-rollout'] as const;

function onServer(name: string, hurt: (server: TestServer, choose: Chooser) => Promise<void>): Fault {
  return {
    name,
    excusedMs: 0,
    strike: ({ fleet }, choose) => hurt(choose.one(fleet.servers), choose),
  };
}

/** One that was just killed has no process for a moment. */
async function killPart(hawser: TestHawser, part: string): Promise<void> {
  await eventually(async () => {
    await hawser.kill(part);
    return true;
  });
}

export const faults: readonly Fault[] = [
  ...killable.map((part) => ({
    name: `kill ${part}`,
    excusedMs: 0,
    strike: ({ hawser }: FaultWorld) => killPart(hawser, part),
  })),
  ...freezable.map((part) => ({
    name: `freeze ${part}`,
    excusedMs: 0,
    async strike({ hawser }: FaultWorld, choose: Chooser) {
      const pid = await eventually(async () => {
        const found = await hawser.pidOf(part);
        await freezeOutsideTransactions(found, hawser.data);
        return found;
      });
      await pause(choose.between(1_000, 6_000));
      thaw(pid);
    },
  })),
  { name: 'empty redis', excusedMs: 0, strike: (world) => world.emptyRedis() },
  {
    name: 'kill supervisor',
    excusedMs: 0,
    async strike({ hawser }) {
      await hawser.kill('up');
      await hawser.start();
    },
  },
  {
    name: 'kill load balancer',
    // It is back in less than two seconds; the rest is for a machine that has other work.
    excusedMs: 8_000,
    strike: ({ hawser }) => killPart(hawser, 'load-balancer'),
  },
  {
    name: 'kill dockerd',
    excusedMs: 0,
    async strike(world, choose) {
      const { servers } = world.fleet;
      const server = choose.one(servers);
      await server.killDocker();
      await server.startDocker();
      // Its containers began anew: an app on two servers stands the loss of one of them at a time.
      const isWhole = async () => (await readAdmitted(world.checked())).length >= servers.length;
      await eventually(isWhole, { timeoutMs: 120_000 });
    },
  },
  onServer('kill sshd', async (server, choose) => {
    await server.killSsh();
    await pause(choose.between(0, 2_000));
    await server.startSsh();
  }),
  onServer('freeze dockerd', async (server, choose) => {
    server.pauseDocker();
    await pause(choose.between(500, 4_000));
    server.resumeDocker();
  }),
  {
    ...onServer('cut a server off', async (server, choose) => {
      await server.partition();
      await pause(choose.between(500, 8_000));
      await server.heal();
    }),
    excusedMs: 12_000,
  },
];
