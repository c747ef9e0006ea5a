import type { Plan } from './plan.ts';

type Named = { readonly server: string; readonly name: string };

/** Servers on which a plan brings something. */
export function listBringing({ start, probe }: Plan): readonly string[] {
  return [...new Set([...start, ...probe].map((container) => container.server))];
}

/**
 * The part of a plan that brings what it brings to one server: what serves on the others goes on as it is.
 * `routed` tells where those are that are to leave the table. Pure.
 */
export function planPart(plan: Plan, server: string, routed: readonly Named[]): Plan {
  const isHere = (container: Named) => container.server === server;
  const admitted = plan.switches.flatMap(({ admit }) => admit);
  const moved = new Set(admitted.map(({ name }) => name));
  const coming = new Set(admitted.filter(isHere).map(({ name }) => name));
  // One that moves keeps its name: where it comes to, it takes the place of the one that it was.
  const leaves = (name: string) => !moved.has(name) && routed.some((one) => one.name === name && isHere(one));
  const switches = plan.switches
    .map((one) => ({
      ...one,
      servers: one.servers.filter((each) => each === server),
      admit: one.admit.filter(isHere),
      dismiss: one.dismiss.filter(leaves),
    }))
    .filter(({ admit, dismiss }) => admit.length + dismiss.length > 0);
  return {
    ...plan,
    start: plan.start.filter(isHere),
    probe: plan.probe.filter(isHere),
    switches,
    retire: plan.retire.filter((container) =>
      isHere(container) ? !moved.has(container.name) : coming.has(container.name),
    ),
  };
}
