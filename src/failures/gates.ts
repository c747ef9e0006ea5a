import type { Entries } from './entry.ts';

/** Promotion, approvals, freezes and locks. */
export const gateFailures = {
  promote_not_allowed: {
    status: 409,
    fix: 'Name an allowed one with --from, or add it to environments.NAME.promoteFrom in deploy.config.json.',
  },
  promotion_not_clear: { status: 400, fix: 'Name both: hawser promote -a APP --from ENV --to ENV.' },
  nothing_to_promote: {
    status: 409,
    fix: 'Push to that environment first; hawser pipelines -a APP shows what is live.',
  },
  promotion_outdated: {
    status: 409,
    fix: 'hawser pipelines:diff -a APP shows what would be promoted now.',
  },
  promotion_only: { status: 409, fix: 'hawser promote -a APP --to ENV brings what another one proved.' },
  config_key_missing: {
    status: 409,
    fix: 'hawser config:set -a APP -e ENV NAME=VALUE, then promote again.',
  },
  approval_denied: { status: 409, fix: 'hawser deploys:retry ID asks again once that is settled.' },
  approval_by_other: { status: 403, fix: 'Ask somebody else to run hawser approvals:grant ID.' },
  approval_not_waiting: { status: 409, fix: 'hawser approvals lists the deploys that wait.' },
  frozen: { status: 409, fix: 'Wait until it ends, or say why it cannot wait: --override-freeze REASON.' },
  freeze_invalid: { status: 400, fix: 'Correct the window or the time zone that is named above.' },
  freeze_not_found: { status: 404, fix: 'hawser freeze lists the freezes and their numbers.' },
  app_locked: { status: 409, fix: 'Ask who locked it, or hawser apps:unlock -a APP.' },
  already_locked: { status: 409, fix: 'Ask who locked it, or replace the lock with --force.' },
  not_locked: { status: 404, fix: 'hawser apps:info -a APP shows what is locked.' },
} as const satisfies Entries;
