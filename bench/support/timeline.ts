/** Something that happened, in ms since the epoch. */
export type Moment = { readonly name: string; readonly at: number };

/** How long each moment came after the one before it, by the name of what ended there. Pure. */
export function spansOf(begin: number, moments: readonly Moment[]): Record<string, number> {
  let before = begin;
  const spans: Record<string, number> = {};
  for (const { name, at } of moments.toSorted((a, b) => a.at - b.at)) {
    spans[name] = (spans[name] ?? 0) + at - before;
    before = at;
  }
  return spans;
}

/** A line of a push with the time at which it came. */
export type TimedLine = { readonly at: number; readonly line: string };

/** What the lines of one server say, in ms, of the slowest one: `app1  pulled 0.3s  healthy 0.6s  in rotation`. Pure. */
export function slowestServer(lines: readonly TimedLine[]): Record<string, number> {
  const found = lines.flatMap(({ line }) => {
    const [, pulled, healthy] = / pulled ([\d.]+)s {2}healthy ([\d.]+)s {2}in rotation/.exec(line) ?? [];
    return pulled === undefined ? [] : [{ pulled: Number(pulled) * 1000, healthy: Number(healthy) * 1000 }];
  });
  return {
    'of it: pull, slowest server': Math.max(0, ...found.map((server) => server.pulled)),
    'of it: start and probe, slowest server': Math.max(0, ...found.map((server) => server.healthy)),
  };
}
