import { AsyncLocalStorage } from 'node:async_hooks';
import type { Selectable } from 'kysely';
import {
  type AskedAct,
  type AuditAct,
  type AuditEntry,
  type AuditLink,
  chainStart,
  fitAuditEntry,
  linkAuditEntry,
  type NewAuditEntry,
} from '../../model/audit.ts';
import { type Database, joinTransaction } from '../database.ts';
import { recordActed } from '../idempotency.ts';
import type { Tables } from '../tables.ts';

type Asked = { readonly act: AskedAct; written: AuditLink | null };

// Carries who asked to the transaction of the change, which knows nothing of doors and addresses.
const asked = new AsyncLocalStorage<Asked>();

/**
 * Does what somebody asked for, and writes that it is done: with the change itself when that calls `recordDone` in its
 * transaction, after it otherwise. What `work` throws is for the caller to record.
 */
export async function performAudited<T>(db: Database, act: AskedAct, work: () => Promise<T>): Promise<T> {
  const asking: Asked = { act, written: null };
  const result = await asked.run(asking, work);
  if (!(await isWritten(db, asking.written))) await appendAudit(db, toDone(act));
  return result;
}

/** Writes the entry of whoever asks for this change, in its transaction; the first of a change is the one. */
export async function recordDone(
  tx: Database,
  found: Partial<Pick<AuditAct, 'app' | 'env' | 'object'>>,
): Promise<void> {
  if (tx.isTransaction) await recordActed(tx);
  const asking = asked.getStore();
  if (asking === undefined || asking.written !== null) return;
  const known = Object.entries(found).filter(([, value]) => value !== null);
  asking.written = await appendAudit(tx, toDone({ ...asking.act, ...Object.fromEntries(known) }));
}

/** Makes a change of the ledger with the entry of whoever asks for it: one is not there without the other. */
export function recordChange<T>(db: Database, change: (tx: Database) => Promise<T>): Promise<T> {
  return joinTransaction(db, async (tx) => {
    const changed = await change(tx);
    await recordDone(tx, {});
    return changed;
  });
}

function toDone(act: AskedAct): NewAuditEntry {
  return { ...act, outcome: 'done', code: null, count: 1 };
}

/** A transaction that was taken back took its entry with it. */
async function isWritten(db: Database, link: AuditLink | null): Promise<boolean> {
  if (link === null) return false;
  const row = await db.selectFrom('audit').select('hash').where('seq', '=', link.seq).executeTakeFirst();
  return row?.hash === link.hash;
}

/** Appends to the chain. In a transaction of its own when it is not in one. */
export async function appendAudit(db: Database, entry: NewAuditEntry): Promise<AuditLink> {
  if (!db.isTransaction) return db.transaction().execute((tx) => appendAudit(tx, entry));
  const before = await findNewestLink(db);
  const row = linkAuditEntry(before, new Date().toISOString(), fitAuditEntry(entry));
  const { actorKind, ...rest } = row;
  await db
    .insertInto('audit')
    .values({ ...rest, actor_kind: actorKind })
    .execute();
  return { seq: row.seq, hash: row.hash };
}

async function findNewestLink(db: Database): Promise<AuditLink> {
  const columns = ['seq', 'hash'] as const;
  const row =
    (await db.selectFrom('audit').select(columns).orderBy('seq', 'desc').limit(1).executeTakeFirst()) ??
    (await findNewestCut(db));
  return row ?? chainStart;
}

async function findNewestCut(db: Database): Promise<AuditLink | undefined> {
  const columns = ['seq', 'hash'] as const;
  return db.selectFrom('audit_cuts').select(columns).orderBy('seq', 'desc').limit(1).executeTakeFirst();
}

export type AuditFilter = {
  readonly app?: string | undefined;
  readonly actor?: string | undefined;
  /** ISO 8601. */
  readonly since?: string | undefined;
  readonly before?: number | undefined;
  readonly limit: number;
};

/** The newest first. */
export async function listAudit(db: Database, filter: AuditFilter): Promise<readonly AuditEntry[]> {
  const { app, actor, since, before, limit } = filter;
  let query = db.selectFrom('audit').selectAll().orderBy('seq', 'desc').limit(limit);
  if (app !== undefined) query = query.where('app', '=', app);
  if (actor !== undefined) query = query.where('actor', '=', actor);
  if (since !== undefined) query = query.where('at', '>=', since);
  if (before !== undefined) query = query.where('seq', '<', before);
  return (await query.execute()).map(toEntry);
}

/** The oldest first, behind a number. */
export async function listAuditAfter(
  db: Database,
  after: number,
  limit: number,
): Promise<readonly AuditEntry[]> {
  const rows = await db
    .selectFrom('audit')
    .selectAll()
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(limit)
    .execute();
  return rows.map(toEntry);
}

function toEntry({ actor_kind, ...row }: Selectable<Tables['audit']>): AuditEntry {
  return {
    ...row,
    actorKind: actor_kind,
    door: row.door as AuditEntry['door'],
    outcome: row.outcome as AuditEntry['outcome'],
  };
}
