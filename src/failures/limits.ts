import type { Entries } from './entry.ts';

/** What one user may have of everything (`limits.user` of deploy.config.json). */
export const limitFailures = {
  too_many_pushes: { status: 429, fix: 'Wait, or ask the operator for a higher limits.user.pushes.' },
  too_many_deploys: {
    status: 429,
    fix: 'Wait until one has ended, or end one: hawser deploys, hawser deploys:cancel ID.',
  },
  too_many_apps: {
    status: 409,
    fix: 'Destroy one (hawser apps:destroy -a APP), or ask the operator for a higher limits.user.apps.',
  },
  disk_limit: {
    status: 409,
    fix: 'Destroy an app (hawser apps:destroy -a APP), or ask the operator for a higher limits.user.disk.',
  },
} as const satisfies Entries;
