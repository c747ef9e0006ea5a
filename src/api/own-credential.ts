import { Failure } from '../failure.ts';
import { type Actor, allow, type Right } from '../model/access.ts';
import type { App } from '../model/app.ts';
import type { Credential, NewCredential } from '../store/access/credential.ts';
import { getSeenApp, refuseMoreThanOwn } from './authorize.ts';
import type { ApiDesk } from './desk.ts';

export type CredentialWish = {
  readonly app?: string | undefined;
  readonly env?: string | undefined;
  readonly rights?: readonly Right[] | undefined;
};

type Bounds = Pick<NewCredential, 'appId' | 'env' | 'rights' | 'userId'> & { readonly app: App | null };

/**
 * What a new token or key is for, and whose it is: what a user makes is worth what the user is, at any time. Throws
 * `user_needed`, `not_allowed`, `app_not_found`.
 */
export async function boundCredential(
  { db }: ApiDesk,
  actor: Actor,
  wish: CredentialWish,
  usual: readonly Right[],
): Promise<Bounds> {
  refuseBorrowed(actor);
  const app = wish.app === undefined ? null : await getSeenApp(db, actor, wish.app);
  const given = {
    appId: app?.id ?? null,
    env: wish.env ?? null,
    rights: [...new Set(wish.rights ?? usual)],
  };
  // That of a user who is logged in is cut down to the user whenever it is used.
  if (actor.kind !== 'user') refuseMoreThanOwn(actor, given);
  return { ...given, userId: actor.userId, app };
}

/** A token makes no tokens that would live longer than it does, unless it is the administrator's. Throws `user_needed`. */
export function refuseBorrowed(actor: Actor): void {
  const isInPerson = actor.userId !== null && actor.kind !== 'token';
  if (isInPerson || allow(actor, 'admin', null)) return;
  throw new Failure('user_needed', 'A token makes no others; this is for users who are logged in.');
}

/** Whether somebody may see and take away a token or a key. */
export function isOwn(
  actor: Actor,
  { id, userId, appId }: Pick<Credential, 'id' | 'userId' | 'appId'>,
): boolean {
  if (allow(actor, 'admin', null) || id === actor.via) return true;
  if (userId !== null) return userId === actor.userId && actor.kind !== 'token';
  return appId !== null && allow(actor, 'admin', { app: { id: appId } });
}
