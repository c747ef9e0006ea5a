const heaviest = 256;

/**
 * Weights (1 to 256) for each new and each old backend, so that all new ones together get `percent` of the requests
 * (between 0 and 100). The nearest that there is: within 1 point, unless one of the few would have to weigh more than
 * 256 times as much as one of the many (1% for 50 new ones beside a single old one).
 */
export function planShares(percent: number, fresh: number, old: number): { fresh: number; old: number } {
  const share = percent / 100;
  let best = { fresh: 1, old: 1 };
  let least = Number.POSITIVE_INFINITY;
  for (let weight = 1; weight <= heaviest; weight += 1) {
    const other = clampWeight((weight * fresh * (1 - share)) / (share * Math.max(1, old)));
    const error = Math.abs((weight * fresh) / (weight * fresh + other * old) - share);
    if (error < least) {
      least = error;
      best = { fresh: weight, old: other };
    }
  }
  return best;
}

function clampWeight(weight: number): number {
  return Math.min(heaviest, Math.max(1, Math.round(weight)));
}
