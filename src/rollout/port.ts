const lowest = 20_000;
const count = 12_000;

/**
 * A host port for a container, below the range that the kernel hands out by itself, so that a container
 * keeps its address over restarts. `random` is in [0, 1).
 */
export function choosePort(taken: ReadonlySet<number>, random: number): number {
  const start = Math.floor(random * count);
  for (let step = 0; step < count; step += 1) {
    const port = lowest + ((start + step) % count);
    if (!taken.has(port)) return port;
  }
  throw new RangeError(`all of ${count} ports are taken`);
}
