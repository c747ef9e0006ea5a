import { createHash, randomBytes } from 'node:crypto';
import { findTotpStep, serializeBase32 } from '../../model/totp.ts';
import { type Database, joinTransaction } from '../database.ts';
import { openSecret, placeOf, sealSecret } from '../sealed/sealed.ts';
import type { Tables } from '../tables.ts';

const codeCount = 8;

/** A secret that counts once a code of it was shown. */
export async function wantTotp(db: Database, userId: string): Promise<string> {
  const secret = serializeBase32(randomBytes(20));
  await db
    .updateTable('users')
    .set({ totp_wanted: sealSecret(db, placeOf.user(userId, 'totp'), secret) })
    .where('id', '=', userId)
    .execute();
  return secret;
}

/** From now on a code is asked for. The recovery codes are returned this once; null when the code is wrong. */
export async function confirmTotp(
  db: Database,
  user: Tables['users'],
  code: string,
): Promise<readonly string[] | null> {
  const { id, totp_wanted: secret } = user;
  const step = secret === null ? null : findTotpStep(open(db, id, secret), code, Date.now(), 0);
  if (step === null) return null;
  const codes = Array.from({ length: codeCount }, () => serializeBase32(randomBytes(10)).toLowerCase());
  await joinTransaction(db, async (tx) => {
    const now = { totp: secret, totp_wanted: null, totp_step: step };
    await tx.updateTable('users').set(now).where('id', '=', id).execute();
    await tx.deleteFrom('recovery_codes').where('user_id', '=', id).execute();
    const rows = codes.map((each) => ({ user_id: id, hash: hashCode(each) }));
    await tx.insertInto('recovery_codes').values(rows).execute();
  });
  return codes;
}

export async function removeTotp(db: Database, userId: string): Promise<void> {
  await joinTransaction(db, async (tx) => {
    const none = { totp: null, totp_wanted: null, totp_step: 0 };
    await tx.updateTable('users').set(none).where('id', '=', userId).execute();
    await tx.deleteFrom('recovery_codes').where('user_id', '=', userId).execute();
  });
}

/** Uses a code of the phone or a recovery code up: neither is good for a second login. */
export async function takeCode(db: Database, user: Tables['users'], code: string): Promise<boolean> {
  const { totp, totp_step: last } = user;
  const step = totp === null ? null : findTotpStep(open(db, user.id, totp), code, Date.now(), last);
  if (step !== null) {
    const used = await db
      .updateTable('users')
      .set({ totp_step: step })
      .where('id', '=', user.id)
      .where('totp_step', '<', step)
      .executeTakeFirst();
    return used.numUpdatedRows > 0n;
  }
  const gone = await db
    .deleteFrom('recovery_codes')
    .where('user_id', '=', user.id)
    .where('hash', '=', hashCode(code.trim().toLowerCase()))
    .executeTakeFirst();
  return gone.numDeletedRows > 0n;
}

/** What is wanted and what counts is sealed alike. */
function open(db: Database, userId: string, sealed: string): string {
  return openSecret(db, placeOf.user(userId, 'totp'), sealed);
}

/** 80 random bits need no slow hash. */
function hashCode(code: string): string {
  return createHash('sha256').update(code).digest('hex');
}
