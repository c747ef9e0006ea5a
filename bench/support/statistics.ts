/** The middle one, or the mean of the two in the middle; NaN for none. Pure. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const [below = Number.NaN, above = Number.NaN] = [sorted[half - 1], sorted[half]];
  return sorted.length % 2 === 1 ? above : (below + above) / 2;
}

/** The median of each name over all records that have it, in the order of first appearance. Pure. */
export function medianOfEach(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))];
  const valuesOf = (name: string) => records.flatMap((record) => record[name] ?? []);
  return Object.fromEntries(names.map((name) => [name, Math.round(medianOf(valuesOf(name)))]));
}

/** Rows as a Markdown table, numbers to the right. Pure. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const rule = head.map((_, at) => (rows.every((row) => typeof row[at] === 'number') ? '---:' : '---'));
  return [head, rule, ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('');
}
