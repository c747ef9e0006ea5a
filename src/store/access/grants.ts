import { Failure } from '../../failure.ts';
import { type Grant, type Role, roles } from '../../model/access.ts';
import type { Database } from '../database.ts';

/** A role that a user was given: on one app or on all, in one environment or in all. */
export type GivenRole = {
  readonly userId: string;
  readonly appId: string | null;
  readonly env: string | null;
  readonly role: Exclude<Role, 'owner'>;
};

/** One role in each place: a new one replaces the one before. */
export async function setGrant(db: Database, given: GivenRole, actor: string): Promise<void> {
  const { userId, appId, env, role } = given;
  const by = { role, given_by: actor, given_at: new Date().toISOString() };
  await db
    .insertInto('grants')
    .values({ user_id: userId, app_id: appId ?? '', env: env ?? '', ...by })
    .onConflict((conflict) => conflict.columns(['user_id', 'app_id', 'env']).doUpdateSet(by))
    .execute();
}

type Place = Pick<GivenRole, 'userId' | 'appId' | 'env'>;

/** What was given in exactly this place. Throws `grant_not_found`. */
export async function getGrant(db: Database, { userId, appId, env }: Place): Promise<GivenRole> {
  const row = await db
    .selectFrom('grants')
    .selectAll()
    .where('user_id', '=', userId)
    .where('app_id', '=', appId ?? '')
    .where('env', '=', env ?? '')
    .executeTakeFirst();
  if (row === undefined) throw new Failure('grant_not_found', 'The user has no role in exactly that place.');
  return { userId, appId, env, role: row.role };
}

export async function removeGrant(db: Database, { userId, appId, env }: Place): Promise<void> {
  await db
    .deleteFrom('grants')
    .where('user_id', '=', userId)
    .where('app_id', '=', appId ?? '')
    .where('env', '=', env ?? '')
    .execute();
}

/** Of one user, of one app, or all. */
export async function listGrants(
  db: Database,
  where: { readonly userId?: string; readonly appId?: string } = {},
): Promise<readonly GivenRole[]> {
  const all = db.selectFrom('grants').selectAll().orderBy('app_id').orderBy('env');
  const ofUser = where.userId === undefined ? all : all.where('user_id', '=', where.userId);
  const wanted = where.appId === undefined ? ofUser : ofUser.where('app_id', '=', where.appId);
  return (await wanted.execute()).map((row) => ({
    userId: row.user_id,
    appId: row.app_id === '' ? null : row.app_id,
    env: row.env === '' ? null : row.env,
    role: row.role,
  }));
}

/** What a role in a place allows. */
export function toGrant({ appId, env, role }: Omit<GivenRole, 'userId'>): Grant {
  return { appId, env, rights: roles[role] };
}

/** All that a user may do. */
export async function readUserGrants(
  db: Database,
  user: { readonly id: string; readonly isOwner: boolean },
): Promise<readonly Grant[]> {
  const given = (await listGrants(db, { userId: user.id })).map(toGrant);
  return user.isOwner ? [{ appId: null, env: null, rights: roles.owner }, ...given] : given;
}
