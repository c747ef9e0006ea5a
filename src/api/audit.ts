import type { IncomingMessage } from 'node:http';
import type { Actor } from '../model/access.ts';
import { type AskedAct, type Audit, type AuditAsker, plainAddress } from '../model/audit.ts';
import { auditActions } from './audit-actions.ts';
import { readBearer } from './authorize.ts';
import type { Guests } from './guests.ts';
import { toFailure } from './problem.ts';
import type { Route } from './route.ts';

/** A request as far as it is known. */
export type Seen = {
  readonly raw: IncomingMessage;
  readonly route?: Route | undefined;
  readonly actor?: Actor | undefined;
  readonly params: Readonly<Record<string, string>>;
  readonly app?: string | undefined;
  readonly env?: string | null | undefined;
  /** Checked. */
  readonly body?: unknown;
};

export type RouteAudit = {
  /** Every answer of a route goes through here; of one that changes something the log has an entry. */
  perform<T>(seen: Seen, work: () => Promise<T>): Promise<T>;
  /** What was not let in, and what a route that changes something refused. */
  refuse(seen: Seen, error: unknown): Promise<void>;
};

export type RouteAuditOptions = { readonly trusted: boolean; readonly guests?: Guests | undefined };

/** The audit log as the routes of one door write it. */
export function openRouteAudit(audit: Audit, options: RouteAuditOptions): RouteAudit {
  return {
    perform(seen, work) {
      const action = actionOf(seen);
      return action === undefined ? work() : audit.perform(describeAct(seen, action, options), work);
    },
    async refuse(seen, error) {
      const failure = toFailure(error);
      const status = failure?.status ?? 500;
      const code = failure?.code ?? 'internal';
      const action = actionOf(seen);
      const isAccess = status === 401 || status === 403 || code === 'token_in_url';
      if (action === undefined && !isAccess) return;
      const act = describeAct(seen, action ?? 'api:read', options);
      // An address that has a token in it is kept nowhere.
      const named = code === 'token_in_url' ? { app: null, object: null } : {};
      await audit.note({ ...act, ...named }, { outcome: status >= 500 ? 'failed' : 'refused', code });
    },
  };
}

function actionOf({ route }: Seen): string | undefined {
  return (route && auditActions[`${route.method} ${route.path}`]) ?? undefined;
}

function describeAct(seen: Seen, action: string, options: RouteAuditOptions): AskedAct {
  const { app, params, env } = seen;
  const body = Object(seen.body) as Record<string, unknown>;
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null);
  return {
    ...describeAsker(seen, options),
    action,
    app: app ?? text(params.app) ?? text(action === 'apps:create' ? body.name : body.app),
    env: env ?? text(body.env),
    object: describeObject(seen, body, text),
  };
}

function describeObject(
  { params, route }: Seen,
  body: Record<string, unknown>,
  text: (value: unknown) => string | null,
): string | null {
  if (body.plan === true) return 'planned only';
  if (params.id !== undefined) return `deploy ${params.id}`;
  const [named] = Object.entries(params).filter(([name]) => name !== 'app');
  if (named !== undefined) return named[1];
  return (
    text(body.name) ?? text(body.user) ?? text(body.server) ?? (route?.method === 'GET' ? route.path : null)
  );
}

function describeAsker({ raw, actor }: Seen, { trusted, guests }: RouteAuditOptions): AuditAsker {
  const lent = guests?.addressOf(readBearer(raw) ?? '');
  return {
    actorKind: actor?.kind ?? 'nobody',
    actor: actor?.name ?? 'nobody',
    door: trusted ? 'socket' : lent === undefined ? 'api' : 'cli-ssh',
    address: trusted ? '' : (lent ?? plainAddress(raw.socket.remoteAddress)),
  };
}
