import type { WantedContainer } from '../model/container.ts';
import { planShares } from '../route/shares.ts';
import type { Switch, Wanted, World } from './plan.ts';
import { planBatches, planRemainingShares } from './strategy.ts';

const fullWeight = 100;

type Routed = World['routed'][number];
type Named = { readonly name: string };

/** What is to come into the routing table and what is to leave it. */
type Difference = {
  /** What is to be served by in the end. */
  readonly web: readonly WantedContainer[];
  readonly admit: readonly WantedContainer[];
  readonly dismiss: readonly Routed[];
};

/** The changes of the routing table, in order. The last one leaves exactly `web`, each with its full weight. */
export function planSwitches(
  wanted: Wanted,
  web: readonly WantedContainer[],
  world: World,
): readonly Switch[] {
  const wantedKeys = new Set(web.map(keyOf));
  const routedKeys = new Set(listRightlyRouted(world).map(keyOf));
  const difference = {
    web,
    admit: web.filter((container) => !routedKeys.has(keyOf(container))),
    dismiss: world.routed.filter((backend) => !wantedKeys.has(keyOf(backend))),
  };
  const again = planAgain(wanted, difference);
  if (isDone(difference, world)) return again;
  const { strategy } = wanted.strategy;
  const shares = strategy === 'canary' ? planCanary(wanted, difference) : [];
  const [last] = shares.slice(-1);
  if (last === undefined) return [...again, ...planBatched(wanted, difference)];
  const left = { ...difference, admit: [], dismiss: difference.dismiss.filter((each) => isOther(web, each)) };
  return [...shares, ...planBatched(wanted, left)];
}

/** Backends that lead to their containers: one that was started anew may have another port since. */
export function listRightlyRouted({
  routed,
  recorded = [],
}: Pick<World, 'routed' | 'recorded'>): readonly Routed[] {
  const ports = new Map(recorded.map((row) => [keyOf(row), row.port]));
  return routed.filter((backend) => {
    const port = ports.get(keyOf(backend));
    return port == null || backend.address === undefined || backend.address.endsWith(`:${port}`);
  });
}

function isDone({ admit, dismiss }: Difference, world: World): boolean {
  const isWeighed = world.routed.every((backend) => backend.weight === fullWeight);
  return admit.length + dismiss.length === 0 && isWeighed && !world.holding;
}

/** A step that was taken but not watched to its end is there once more, and changes nothing. */
function planAgain({ progress }: Wanted, { admit, dismiss, web }: Difference): readonly Switch[] {
  if (progress === null || progress.isOver || progress.share !== null || web.length === 0) return [];
  if (admit.some((container) => progress.servers.includes(container.server))) return [];
  const weights = weigh([...web.filter((one) => !admit.includes(one)), ...dismiss], () => fullWeight);
  return [{ servers: progress.servers, admit: [], dismiss: [], share: null, weights }];
}

/** All new ones are in at once, with weights that make their share; the old ones leave after the last share. */
function planCanary({ strategy, progress }: Wanted, { web, admit, dismiss }: Difference): readonly Switch[] {
  const old = dismiss.filter((backend) => isOther(web, backend));
  if (old.length === 0 || web.length === 0) return [];
  return planRemainingShares(strategy.steps, progress).map((percent, index) => {
    const weight = planShares(percent, web.length, old.length);
    const isFirst = index === 0;
    return {
      servers: isFirst ? [...new Set(admit.map((container) => container.server))] : [],
      admit: isFirst ? admit : [],
      // One that moved to another server keeps its name: only one of the two can be there.
      dismiss: isFirst ? dismiss.filter((each) => !isOther(web, each)).map((each) => each.name) : [],
      share: percent,
      weights: { ...weigh(old, () => weight.old), ...weigh(web, () => weight.fresh) },
    };
  });
}

/** Servers that get new containers come first, so that there is something to switch to. */
function planBatched(wanted: Wanted, { web, admit, dismiss }: Difference): readonly Switch[] {
  const admitting = wanted.servers.filter((server) => admit.some((container) => container.server === server));
  const batches = planBatches(admitting, wanted.servers.length, wanted.strategy);
  let inTable: readonly Named[] = [...web.filter((one) => !admit.includes(one)), ...dismiss];
  return (batches.length === 0 ? [[]] : batches).map((servers, index) => {
    const last = index >= batches.length - 1;
    const leaves = (backend: { server: string }) => servers.includes(backend.server);
    const left = (backend: { server: string }) => last && !admitting.includes(backend.server);
    const going = dismiss.filter((backend) => leaves(backend) || left(backend));
    const coming = admit.filter(leaves);
    const gone = new Set<Named>(going);
    inTable = [...inTable.filter((backend) => !gone.has(backend)), ...coming];
    return {
      servers,
      admit: coming,
      dismiss: going.map((backend) => backend.name),
      share: null,
      weights: weigh(inTable, () => fullWeight),
    };
  });
}

function isOther(web: readonly WantedContainer[], backend: Routed): boolean {
  return web.every((container) => container.name !== backend.name);
}

function weigh(backends: readonly Named[], weightOf: () => number) {
  return Object.fromEntries(backends.map(({ name }) => [name, weightOf()]));
}

/** What tells one container from all others. */
export function keyOf(container: { readonly server: string; readonly name: string }): string {
  return `${container.server}/${container.name}`;
}
