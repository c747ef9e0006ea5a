/** A duration in the file: a whole number and its unit. */
export const durationPattern = /^\d{1,9}(?:ms|s|m|h|d)$/;
/** A size in the file: a number and its unit (powers of 1024). */
export const sizePattern = /^\d{1,9}(?:\.\d{1,3})?[kmgt]$/;

const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const sizeUnits = { k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 } as const;

/** `30s` → 30000 milliseconds; undefined when it is not a duration with a unit. */
export function parseDuration(text: string): number | undefined {
  if (!durationPattern.test(text)) return undefined;
  const unit = text.replace(/^\d+/, '') as keyof typeof durationUnits;
  return Number.parseInt(text, 10) * durationUnits[unit];
}

/** `512m` → bytes; undefined when it is not a size with a unit. */
export function parseSize(text: string): number | undefined {
  if (!sizePattern.test(text)) return undefined;
  const unit = text.slice(-1) as keyof typeof sizeUnits;
  return Math.round(Number.parseFloat(text) * sizeUnits[unit]);
}

/** Milliseconds in the largest unit that divides them: 90000 → `90s`. */
export function formatDuration(ms: number): string {
  for (const [unit, size] of Object.entries(durationUnits).toReversed()) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** Bytes in the largest unit that divides them: 536870912 → `512m`. */
export function formatSize(bytes: number): string {
  for (const [unit, size] of Object.entries(sizeUnits).toReversed()) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes} bytes`;
}
