/** One container of a process: where it is, or is to be. */
export type Place = { readonly server: string; readonly index: number };

export type PlacementQuestion = {
  /** In the order in which they are filled. */
  readonly servers: readonly string[];
  readonly quantity: number;
  /** Those of the same release and process that are known, wherever and in whatever state. */
  readonly present: readonly Place[];
  /** True for one that cannot stay: it is replaced by one with another number. */
  readonly isUnfit: (place: Place) => boolean;
};

/**
 * Spreads the containers of a process evenly. What is there stays where it is and keeps its number, as long as its
 * server may have so many; what is new gets a number that nobody has, so that old and new can be there at once.
 */
export function planPlaces({ servers, quantity, present, isUnfit }: PlacementQuestion): readonly Place[] {
  if (servers.length === 0) return [];
  const used = new Set(present.map(({ index }) => index));
  const kept = new Set<number>();
  const staying = new Map<string, number[]>();
  for (const place of present.toSorted((one, other) => one.index - other.index)) {
    // Two servers may claim one number after a server was away: only one of them stays.
    if (isUnfit(place) || kept.has(place.index)) continue;
    const there = staying.get(place.server) ?? [];
    if (there.length >= countOn(place.server, servers, quantity)) continue;
    kept.add(place.index);
    staying.set(place.server, [...there, place.index]);
  }
  return Array.from({ length: quantity }, (_, position) => {
    const server = servers[position % servers.length] ?? '';
    const index = staying.get(server)?.shift() ?? findFree(used, position + 1);
    used.add(index);
    return { server, index };
  });
}

/** How many of `quantity` a server gets when the servers are filled in turn. */
function countOn(server: string, servers: readonly string[], quantity: number): number {
  const at = servers.indexOf(server);
  return at < 0 ? 0 : Math.ceil((quantity - at) / servers.length);
}

function findFree(used: ReadonlySet<number>, preferred: number): number {
  if (!used.has(preferred)) return preferred;
  for (let index = 1; ; index += 1) if (!used.has(index)) return index;
}
