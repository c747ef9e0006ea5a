import { randomBytes } from 'node:crypto';
import { Failure } from '../../failure.ts';
import type { Database } from '../database.ts';
import type { Tables } from '../tables.ts';

export type User = {
  readonly id: string;
  readonly name: string;
  readonly isOwner: boolean;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly disabledAt: string | null;
  /** A code of the phone is asked for beside the password. */
  readonly hasTotp: boolean;
  /** False for who was invited and did not accept yet. */
  readonly hasPassword: boolean;
};

export type NewUser = {
  readonly name: string;
  readonly hash: string | null;
  readonly isOwner: boolean;
  readonly actor: string;
};

// Names that mean somebody else wherever it is told who did something.
const reserved = new Set(['operator', 'nobody', 'hawser']);

/** Throws `user_exists`. */
export async function addUser(db: Database, { name, hash, isOwner, actor }: NewUser): Promise<User> {
  if (reserved.has(name)) throw new Failure('user_exists', `The name ${JSON.stringify(name)} is taken.`);
  const row: Tables['users'] = {
    id: `u${randomBytes(5).toString('hex')}`,
    name,
    hash,
    is_owner: isOwner ? 1 : 0,
    totp: null,
    totp_wanted: null,
    totp_step: 0,
    created_at: new Date().toISOString(),
    created_by: actor,
    disabled_at: null,
  };
  const { numInsertedOrUpdatedRows: added = 0n } = await db
    .insertInto('users')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (added === 0n) throw new Failure('user_exists', `The name ${JSON.stringify(name)} is taken.`);
  return toUser(row);
}

/** With what it takes to let somebody in. */
export async function findUserRow(db: Database, name: string): Promise<Tables['users'] | undefined> {
  return db.selectFrom('users').selectAll().where('name', '=', name).executeTakeFirst();
}

/** Throws `user_not_found`. */
export async function getUser(db: Database, name: string): Promise<User> {
  const row = await findUserRow(db, name);
  if (row !== undefined) return toUser(row);
  throw new Failure('user_not_found', `There is no user ${JSON.stringify(name.slice(0, 80))}.`);
}

export async function getUserRow(db: Database, id: string): Promise<Tables['users']> {
  return db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
}

export async function listUsers(db: Database): Promise<readonly User[]> {
  return (await db.selectFrom('users').selectAll().orderBy('name').execute()).map(toUser);
}

export async function hasUsers(db: Database): Promise<boolean> {
  return (await db.selectFrom('users').select('id').limit(1).executeTakeFirst()) !== undefined;
}

/** A new password ends every session but the one that is named, and an invitation that was not accepted. */
export async function setPassword(
  db: Database,
  userId: string,
  hash: string,
  keepSession: string | null,
): Promise<void> {
  await db.updateTable('users').set({ hash }).where('id', '=', userId).execute();
  await db.deleteFrom('claims').where('user_id', '=', userId).where('used_at', 'is', null).execute();
  const all = db.deleteFrom('sessions').where('user_id', '=', userId);
  await (keepSession === null ? all : all.where('id', '!=', keepSession)).execute();
}

/** Disabled, all that is the user's is worth nothing at once. Throws `last_owner`. */
export async function setDisabled(db: Database, user: User, isDisabled: boolean): Promise<void> {
  if (isDisabled) await refuseLastOwner(db, user);
  await db
    .updateTable('users')
    .set({ disabled_at: isDisabled ? new Date().toISOString() : null })
    .where('id', '=', user.id)
    .execute();
  if (isDisabled) await db.deleteFrom('sessions').where('user_id', '=', user.id).execute();
}

/** Throws `last_owner`. */
export async function setOwner(db: Database, user: User, isOwner: boolean): Promise<void> {
  if (!isOwner) await refuseLastOwner(db, user);
  await db
    .updateTable('users')
    .set({ is_owner: isOwner ? 1 : 0 })
    .where('id', '=', user.id)
    .execute();
}

/** In the transaction that would take the last one away. */
async function refuseLastOwner(tx: Database, user: User): Promise<void> {
  if (!user.isOwner) return;
  const another = await tx
    .selectFrom('users')
    .select('id')
    .where('is_owner', '=', 1)
    .where('disabled_at', 'is', null)
    .where('hash', 'is not', null)
    .where('id', '!=', user.id)
    .limit(1)
    .executeTakeFirst();
  if (another === undefined) throw new Failure('last_owner', `${user.name} is the only owner there is.`);
}

export function toUser(row: Tables['users']): User {
  return {
    id: row.id,
    name: row.name,
    isOwner: row.is_owner === 1,
    createdAt: row.created_at,
    createdBy: row.created_by,
    disabledAt: row.disabled_at,
    hasTotp: row.totp !== null,
    hasPassword: row.hash !== null,
  };
}
