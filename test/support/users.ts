import type { Role } from '../../src/model/access.ts';
import { setGrant } from '../../src/store/access/grants.ts';
import { createSession } from '../../src/store/access/sessions.ts';
import { addUser, type User } from '../../src/store/access/users.ts';
import type { Database } from '../../src/store/database.ts';

export type RoleIn = { readonly appId?: string | null; readonly env?: string; readonly role: Role };

/** A user with some roles, and the token of a session of theirs. Without a password: nobody has to compute a hash. */
export async function makeUser(
  db: Database,
  name: string,
  ...given: RoleIn[]
): Promise<{ user: User; session: string }> {
  const isOwner = given.some(({ role }) => role === 'owner');
  const user = await addUser(db, { name, hash: 'none', isOwner, actor: 'test' });
  for (const { appId = null, env = null, role } of given) {
    if (role !== 'owner') await setGrant(db, { userId: user.id, appId, env, role }, 'test');
  }
  return { user, session: (await createSession(db, user.id)).token };
}
