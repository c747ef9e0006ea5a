import { parseDuration } from '../config/units.ts';

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/i;

/**
 * The time of the last line that is too old, as an engine writes times, for `10m` (so long ago) or a time with its
 * zone; undefined when it is neither. Pure.
 */
export function parseSince(text: string, now: number): string | undefined {
  const ago = parseDuration(text);
  const ms = ago === undefined ? readTime(text) : now - ago;
  if (ms === undefined || Number.isNaN(ms) || ms < 1) return undefined;
  // A nanosecond before: what was written at that very moment is wanted.
  return new Date(Math.floor(ms) - 1).toISOString().replace('Z', '999999Z');
}

function readTime(text: string): number | undefined {
  return timePattern.test(text) ? Date.parse(text) : undefined;
}
