import { toPlain } from '../model/plain-text.ts';

const dash = '-';

export function orDash(value: string | number | null | undefined): string {
  return value === null || value === undefined || value === '' ? dash : String(value);
}

export function version(number: number | null): string {
  return number === null ? dash : `v${number}`;
}

export function shortCommit(commit: string | null): string {
  return commit === null ? dash : commit.slice(0, 7);
}

/** `2026-05-04 10:15:59` of an ISO time, in UTC. */
export function time(iso: string | null): string {
  return iso === null ? dash : iso.slice(0, 19).replace('T', ' ');
}

/** Seconds between two ISO times as `9.8s`; a dash while the second is missing. */
export function span(from: string | null, to: string | null): string {
  if (from === null || to === null) return dash;
  return `${((Date.parse(to) - Date.parse(from)) / 1000).toFixed(1)}s`;
}

/** The first line of a text, cut, with nothing in it that moves a terminal. */
export function firstLine(text: string | null, length = 60): string {
  const line = toPlain(text?.split('\n')[0] ?? '');
  return line.length > length ? `${line.slice(0, length - 1)}…` : orDash(line);
}
