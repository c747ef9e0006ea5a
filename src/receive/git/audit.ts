import { Failure } from '../../failure.ts';
import type { AskedAct, AuditOutcome } from '../../model/audit.ts';

/** By which door of git somebody came, and from where. */
export type GitOrigin = { readonly door: 'git-http' | 'git-ssh' | 'webhook'; readonly address: string };

/** What somebody asks of git, as the audit log has it. */
export function describeGitAct(
  origin: GitOrigin,
  actor: { readonly kind: string; readonly name: string } | null,
  what: Pick<AskedAct, 'action'> & Partial<Pick<AskedAct, 'app' | 'env' | 'object'>>,
): AskedAct {
  return {
    ...origin,
    actorKind: actor?.kind ?? 'nobody',
    actor: actor?.name ?? 'nobody',
    ...{ app: null, env: null, object: null },
    ...what,
  };
}

/** How a refusal is written down; a bug is one that failed. */
export function toRefusal(error: unknown): AuditOutcome {
  if (!(error instanceof Failure)) return { outcome: 'failed', code: 'internal' };
  return { outcome: error.status >= 500 ? 'failed' : 'refused', code: error.code };
}
