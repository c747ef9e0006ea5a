import { type JudgeLimits, judgeTraffic, planWindow, type Verdict, type Window } from '../route/judge.ts';
import type { BackendTraffic } from '../route/load-balancer.ts';

/** What the load balancer had counted of an environment's backends; null when it did not answer. */
export type Counters = readonly BackendTraffic[] | null;

/** What was counted since a step was taken, of the new release and of the one before. */
export type Tally = {
  readonly isFresh: (name: string) => boolean;
  readonly last: Counters;
  readonly fresh: Window;
  readonly old: Window;
  /** What the one before did until then: it may have nothing left to do. */
  readonly usual: Window;
};

const nothing: Window = { requests: 0, errors: 0, latencyMs: 0 };

/** A tally that begins with what was counted before the step. */
export function beginTally(before: Counters, isFresh: (name: string) => boolean): Tally {
  const usual = planWindow([], before ?? [], namesOf(before ?? [], false, isFresh));
  return { isFresh, last: before, fresh: nothing, old: nothing, usual };
}

/** With another look at the counters, look by look: those of a load balancer that was started anew begin at zero. */
export function addLook(tally: Tally, now: Counters): Tally {
  const { last, isFresh } = tally;
  if (now === null) return tally;
  if (last === null) return { ...tally, last: now };
  const since = (fresh: boolean) => planWindow(last, now, namesOf(now, fresh, isFresh));
  return {
    ...tally,
    last: now,
    fresh: addWindow(tally.fresh, since(true)),
    old: addWindow(tally.old, since(false)),
  };
}

/** The new release against the one before in the same time, or against what that did until then. */
export function judgeTally({ fresh, old, usual }: Tally, limits: JudgeLimits): Verdict {
  return judgeTraffic({ fresh, old: old.requests > 0 ? old : usual, limits });
}

function namesOf(rows: readonly BackendTraffic[], fresh: boolean, isFresh: (name: string) => boolean) {
  return rows.map((row) => row.name).filter((name) => isFresh(name) === fresh);
}

/** The latency is a running mean already: the newest is the best known. */
function addWindow(one: Window, other: Window): Window {
  return {
    requests: one.requests + other.requests,
    errors: one.errors + other.errors,
    latencyMs: other.requests > 0 ? other.latencyMs : one.latencyMs,
  };
}
