import { isPreviewName } from './names.ts';

/** What somebody may do; `create` makes apps, also by pushing, `admin` is everything. */
export const rights = [
  'read',
  'logs',
  'push',
  'deploy',
  'promote',
  'rollback',
  'run',
  'config:read',
  'config:write',
  'create',
  'admin',
] as const;
export type Right = (typeof rights)[number];

/**
 * Rights on one app or, without an app, on all; in one environment, in every preview (`previewsEnv`) or, without one, in
 * all and on the app itself.
 */
export type Grant = {
  readonly appId: string | null;
  readonly env: string | null;
  readonly rights: readonly Right[];
};

/** Who asks: the operator on the server's own machine, a user, or a token or key with or without one. */
export type Actor = {
  readonly kind: 'operator' | 'user' | 'token' | 'key' | 'nobody';
  readonly name: string;
  /** Whose the token or key is; null for one of its own, like a deploy key. */
  readonly userId: string | null;
  /** The id of the session, token or key that they came in with. */
  readonly via?: string;
  readonly grants: readonly Grant[];
};

/** Some environment of an app, whichever: for whether the app is seen at all. No name can be mistaken for it. */
export const anyEnv = Symbol('any environment');

/** What is asked about: the installation (null), an app as a whole, or one of its environments. */
export type Target = {
  readonly app: { readonly id: string };
  readonly env?: string | typeof anyEnv | undefined;
} | null;

/** In place of an environment's name: all previews, those too that a push is yet to make. */
export const previewsEnv = 'preview-*';

const everywhere = { appId: null, env: null } as const;

/** Who comes to what is open to everybody. */
export const nobody: Actor = { kind: 'nobody', name: 'nobody', userId: null, grants: [] };

/** The door on the machine itself is the administrator's. */
export const operator: Actor = {
  kind: 'operator',
  name: 'operator',
  userId: null,
  grants: [{ ...everywhere, rights: ['admin'] }],
};

/** Bundles of rights as people give them to users; `owner` is given for the whole installation only. */
export const roleNames = ['viewer', 'developer', 'deployer', 'admin', 'owner'] as const;
export type Role = (typeof roleNames)[number];

const ofDeveloper: readonly Right[] = [
  'read',
  'logs',
  'push',
  'deploy',
  'run',
  'config:read',
  'config:write',
];
export const roles: Readonly<Record<Role, readonly Right[]>> = {
  viewer: ['read', 'logs'],
  developer: ofDeveloper,
  deployer: [...ofDeveloper, 'promote', 'rollback'],
  admin: ['admin'],
  owner: ['admin'],
};

/** What another right brings along: who may change an app may see it, and what becomes of the change. */
const seeing: readonly Right[] = ['read', 'logs'];
const implied: Readonly<Record<Right, readonly Right[]>> = {
  read: [],
  logs: ['read'],
  push: seeing,
  deploy: seeing,
  promote: seeing,
  rollback: seeing,
  run: seeing,
  'config:read': ['read'],
  'config:write': ['read'],
  create: ['push', ...seeing],
  admin: rights,
};

/** The rights with all that they bring along. */
export function expandRights(owned: readonly Right[]): ReadonlySet<Right> {
  return new Set(owned.flatMap((right) => [right, ...implied[right]]));
}

/**
 * The one decision on access: whether an actor has a right on a target. A grant for one environment never reaches
 * another one nor the app as a whole, one for an app never another app nor the installation.
 */
export function allow(actor: Pick<Actor, 'grants'>, right: Right, target: Target): boolean {
  return actor.grants.some((grant) => reaches(grant, target) && expandRights(grant.rights).has(right));
}

function reaches({ appId, env }: Grant, target: Target): boolean {
  if (target === null) return appId === null && env === null;
  if (appId !== null && appId !== target.app.id) return false;
  return target.env === anyEnv || coversEnv(env, target.env ?? null);
}

/** Whether what holds in `wide` holds in `env` too; null is everywhere. */
function coversEnv(wide: string | null, env: string | null): boolean {
  if (wide === null || wide === env) return true;
  return wide === previewsEnv && env !== null && isPreviewName(env);
}

/** Whether an actor has all that a grant would give: nobody gives more than they have. */
export function canGive(actor: Pick<Actor, 'grants'>, given: Grant): boolean {
  return [...expandRights(given.rights)].every((right) =>
    actor.grants.some(
      (grant) =>
        (grant.appId ?? given.appId) === given.appId &&
        coversEnv(grant.env, given.env) &&
        expandRights(grant.rights).has(right),
    ),
  );
}

/** What of some grants is left within the bounds of another one. */
export function limitGrants(grants: readonly Grant[], bounds: Grant): readonly Grant[] {
  const allowed = expandRights(bounds.rights);
  return grants.flatMap((grant) => {
    const appId = narrow(grant.appId, bounds.appId);
    const env = narrowEnv(grant.env, bounds.env);
    const left = [...expandRights(grant.rights)].filter((right) => allowed.has(right));
    return appId === undefined || env === undefined || left.length === 0
      ? []
      : [{ appId, env, rights: left }];
  });
}

/** The narrower of two; undefined when they have nothing in common. */
function narrowEnv(one: string | null, other: string | null): string | null | undefined {
  if (coversEnv(one, other)) return other;
  return coversEnv(other, one) ? one : undefined;
}

/** Undefined when two bounds have nothing in common. */
function narrow(one: string | null, other: string | null): string | null | undefined {
  if (one === null || other === null) return one ?? other;
  return one === other ? one : undefined;
}
