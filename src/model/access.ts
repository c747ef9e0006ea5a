import type { Right } from './token.ts';

/** Who asks: a token, or the operator on the server's own machine. */
export type Actor = {
  readonly name: string;
  /** The one app it is for; null means all. */
  readonly appId: string | null;
  readonly rights: readonly Right[];
};

/** Who comes to what is open to everybody. */
export const nobody: Actor = { name: 'nobody', appId: null, rights: [] };

/** The door on the machine itself is the administrator's. */
export const operator: Actor = { name: 'operator', appId: null, rights: ['admin'] };

export function toActor(token: {
  readonly name: string;
  readonly appId: string | null;
  readonly rights: readonly Right[];
}): Actor {
  return { name: token.name, appId: token.appId, rights: token.rights };
}

/** Rights that another one brings along: who may change an app may see it. */
const implied: Readonly<Record<Right, readonly Right[]>> = {
  admin: ['read', 'push', 'deploy', 'create', 'admin'],
  push: ['push', 'read'],
  deploy: ['deploy', 'read'],
  create: ['create', 'push', 'read'],
  read: ['read'],
};

/**
 * The one decision on access: whether an actor has a right on an app; `app` null asks for what concerns no
 * single app, which a token for one app never may.
 */
export function allow(actor: Actor, right: Right, app: { readonly id: string } | null): boolean {
  if (actor.appId !== null && actor.appId !== app?.id) return false;
  return actor.rights.some((owned) => implied[owned].includes(right));
}
