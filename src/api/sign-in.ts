import { Failure } from '../failure.ts';
import type { Actor } from '../model/access.ts';
import { hashPassword, verifyPassword } from '../store/access/password.ts';
import { takeCode } from '../store/access/totp.ts';
import { findUserRow, getUserRow } from '../store/access/users.ts';
import type { Database } from '../store/database.ts';
import type { Tables } from '../store/tables.ts';
import type { ApiDesk } from './desk.ts';

type SignInDesk = Pick<ApiDesk, 'db' | 'logins'>;
export type Signing = {
  readonly name: string;
  readonly password: string;
  readonly code?: string | undefined;
  readonly address: string;
  readonly signal: AbortSignal;
};

/**
 * Who a name and a password are. Nobody learns whether the user exists, is disabled or has a password. Throws
 * `login_failed`, `login_code_needed`, `too_many_logins`, `server_busy`.
 */
export async function signIn({ db, logins }: SignInDesk, asked: Signing): Promise<Tables['users']> {
  const { name, password, code } = asked;
  return tryLogin(logins, asked, 'The name, the password or the code is wrong.', async () => {
    const user = await checkPassword(db, name, password);
    if (user === null || !(await checkCode(db, user, code))) return null;
    logins.pass(name);
    return user;
  });
}

/** What a check finds, as often as the gate lets one try; null counts as a failure of the user and the address. */
async function tryLogin<T>(
  logins: SignInDesk['logins'],
  { name, address, signal }: Omit<Signing, 'password'>,
  refusal: string,
  check: () => Promise<T | null>,
): Promise<T> {
  logins.admit(name, address);
  const giveBack = await logins.slots.take(signal);
  try {
    // Others of the same burst may have failed while this one waited.
    logins.admit(name, address);
    const found = await check();
    if (found !== null) return found;
    logins.fail(name, address);
    throw new Failure('login_failed', refusal);
  } finally {
    giveBack();
  }
}

async function checkPassword(db: Database, name: string, password: string): Promise<Tables['users'] | null> {
  const row = await findUserRow(db, name);
  const isRight = await verifyPassword(password, row?.hash ?? null);
  return row !== undefined && isRight && row.disabled_at === null ? row : null;
}

async function checkCode(db: Database, user: Tables['users'], code: string | undefined): Promise<boolean> {
  if (user.totp === null) return true;
  if (code === undefined) {
    throw new Failure('login_code_needed', 'This user has a second factor: a code is needed too.');
  }
  return takeCode(db, user, code);
}

/** The hash of a new password. Throws `password_too_weak`, `server_busy`. */
export async function hashNewPassword(
  { logins }: Pick<ApiDesk, 'logins'>,
  password: string,
  signal: AbortSignal,
): Promise<string> {
  if ([...password].length < 12 || password.length > 256) {
    throw new Failure('password_too_weak', 'The password has less than 12 characters, or more than 256.');
  }
  const giveBack = await logins.slots.take(signal);
  try {
    return await hashPassword(password);
  } finally {
    giveBack();
  }
}

/** The same person is still at the keyboard: their password once more. Throws what `signIn` throws. */
export async function confirmSelf({ db, logins }: SignInDesk, asked: Omit<Signing, 'code'>): Promise<void> {
  const { name, password } = asked;
  await tryLogin(logins, asked, 'The current password is wrong.', () => checkPassword(db, name, password));
}

/** The user that asks in person: a token alone changes nobody. Throws `user_needed`. */
export async function readSelf(db: Database, actor: Actor): Promise<Tables['users']> {
  if (actor.kind === 'user' && actor.userId !== null) return getUserRow(db, actor.userId);
  throw new Failure('user_needed', 'This is for users who are logged in.');
}
