import type { BackendTraffic } from './load-balancer.ts';

/** What some backends did in a window of time. */
export type Window = {
  readonly requests: number;
  readonly errors: number;
  /** Mean time to the first byte of the answer, ms; 0 when nothing was answered. */
  readonly latencyMs: number;
};

export type JudgeLimits = {
  /** 0 to 1; null: no more than 2 percentage points above the old release. */
  readonly maxErrorRate: number | null;
  /** null: no more than three times the old release's, or 200 ms above it. */
  readonly maxLatencyMs: number | null;
  /** Fewer requests of the new release than this say nothing. */
  readonly minRequests: number;
};

export type Verdict = { readonly verdict: 'good' | 'bad' | 'unclear'; readonly reason: string };

const marginRate = 0.02;
const fewestErrors = 5;
// One-sided, 1 in 100 by chance.
const significance = 2.326;
const latencyFactor = 3;
const latencyMarginMs = 200;

/**
 * Judges a new release by what the load balancer counted of it and of the old one in the same window.
 *
 * Errors are bad above the limit. Without a limit they are bad when there are at least 5, the rate is more than 2
 * points above the old one, and a one-sided test of the two shares (pooled, 1 %) says that this is no chance.
 */
export function judgeTraffic(given: {
  readonly fresh: Window;
  readonly old: Window;
  readonly limits: JudgeLimits;
}): Verdict {
  const { fresh, old, limits } = given;
  if (fresh.requests === 0 || fresh.requests < limits.minRequests) {
    return {
      verdict: 'unclear',
      reason: `${countOf(fresh.requests)} of at least ${limits.minRequests} came to the new release`,
    };
  }
  const errors = describeErrors(fresh, old, limits);
  if (isFailing(fresh, old, limits)) return { verdict: 'bad', reason: errors };
  const latency = describeLatency(fresh, old, limits);
  if (isSlow(fresh, old, limits)) return { verdict: 'bad', reason: latency };
  return { verdict: 'good', reason: `${errors}; ${latency}` };
}

/**
 * What some backends did since an earlier look at them. A load balancer that was started anew counts from zero, so
 * that all it tells is new.
 */
export function planWindow(
  before: readonly BackendTraffic[],
  after: readonly BackendTraffic[],
  names: readonly string[],
): Window {
  const known = new Map(before.map((row) => [row.name, row]));
  const rows = after
    .filter((row) => names.includes(row.name))
    .map((row) => {
      const seen = known.get(row.name);
      const isContinued = seen !== undefined && seen.requests <= row.requests;
      return {
        requests: row.requests - (isContinued ? seen.requests : 0),
        errors: Math.max(0, row.errors5xx - (isContinued ? seen.errors5xx : 0)),
        latencyMs: row.latencyMs,
      };
    });
  const requests = rows.reduce((sum, row) => sum + row.requests, 0);
  const waited = rows.reduce((sum, row) => sum + row.latencyMs * row.requests, 0);
  return {
    requests,
    errors: rows.reduce((sum, row) => sum + row.errors, 0),
    latencyMs: requests === 0 ? 0 : Math.round(waited / requests),
  };
}

function isFailing(fresh: Window, old: Window, { maxErrorRate }: JudgeLimits): boolean {
  const rate = rateOf(fresh);
  if (maxErrorRate !== null) return rate > maxErrorRate;
  const isMarked = fresh.errors >= fewestErrors && rate - rateOf(old) > marginRate;
  return isMarked && (old.requests === 0 || isBeyondChance(fresh, old));
}

/** The two-proportion z-test; where both rates are the same there is nothing to test. */
function isBeyondChance(fresh: Window, old: Window): boolean {
  const pooled =
    (rateOf(fresh) * fresh.requests + rateOf(old) * old.requests) / (fresh.requests + old.requests);
  const spread = Math.sqrt(pooled * (1 - pooled) * (1 / fresh.requests + 1 / old.requests));
  return spread > 0 && (rateOf(fresh) - rateOf(old)) / spread > significance;
}

function isSlow(fresh: Window, old: Window, { maxLatencyMs }: JudgeLimits): boolean {
  if (maxLatencyMs !== null) return fresh.latencyMs > maxLatencyMs;
  if (old.requests === 0) return false;
  const isFarAbove = fresh.latencyMs > old.latencyMs + latencyMarginMs;
  return isFarAbove && fresh.latencyMs > latencyFactor * old.latencyMs;
}

/** A request that was tried again may have failed more than once. */
function rateOf({ requests, errors }: Window): number {
  return requests === 0 ? 0 : Math.min(1, errors / requests);
}

function describeErrors(fresh: Window, old: Window, { maxErrorRate }: JudgeLimits): string {
  const limit = maxErrorRate === null ? '' : ` (limit ${percentOf(maxErrorRate)})`;
  const before = old.requests === 0 ? '' : `, ${percentOf(rateOf(old))} of ${old.requests} before`;
  return `${percentOf(rateOf(fresh))} of ${countOf(fresh.requests)} failed${limit}${before}`;
}

function describeLatency(fresh: Window, old: Window, { maxLatencyMs }: JudgeLimits): string {
  const limit = maxLatencyMs === null ? '' : ` (limit ${maxLatencyMs} ms)`;
  const before = old.requests === 0 ? '' : `, after ${old.latencyMs} ms before`;
  return `answers came after ${fresh.latencyMs} ms${limit}${before}`;
}

function percentOf(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

function countOf(requests: number): string {
  return requests === 1 ? '1 request' : `${requests} requests`;
}
