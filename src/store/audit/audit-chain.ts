import { sql } from 'kysely';
import { type AuditBreak, type AuditLink, chainStart, findAuditBreak } from '../../model/audit.ts';
import type { Database } from '../database.ts';
import { appendAudit, listAuditAfter } from './audit.ts';

export type AuditVerdict = {
  /** The first entry that is not as it was written. */
  readonly broken: AuditBreak | null;
  readonly entries: number;
  /** The newest entry: kept elsewhere, its hash shows later that nothing up to it was changed. */
  readonly head: AuditLink;
  /** Where the chain was cut last; null when it never was. */
  readonly cut: AuditLink | null;
  /** Whether the anchor that was given is in the chain; null without one. */
  readonly anchored: boolean | null;
};

const page = 1_000;

/** Goes through the whole chain; `anchor` is the hash of an entry, as `head` of an earlier verdict told it. */
export async function verifyAudit(db: Database, anchor: string | null = null): Promise<AuditVerdict> {
  const cuts = await db.selectFrom('audit_cuts').select(['seq', 'hash']).orderBy('seq').execute();
  const cut = cuts.at(-1) ?? null;
  let head: AuditLink = cut ?? chainStart;
  let found = cuts.some(({ hash }) => hash === anchor);
  let entries = 0;
  const end = (broken: AuditBreak | null): AuditVerdict => {
    return { broken, entries, head, cut, anchored: anchor === null ? null : found };
  };
  for (;;) {
    const rows = await listAuditAfter(db, entries === 0 ? -1 : head.seq, page);
    for (const row of rows) {
      const broken = findAuditBreak(head, row);
      if (broken !== null) return end(broken);
      entries += 1;
      head = { seq: row.seq, hash: row.hash };
      found ||= row.hash === anchor;
    }
    if (rows.length < page) break;
  }
  const last = await readCounter(db);
  return end(last > head.seq ? { seq: head.seq + 1, why: 'it is missing' } : null);
}

/** The highest number that was ever given. */
async function readCounter(db: Database): Promise<number> {
  const { rows } = await sql<{ seq: number }>`select seq from sqlite_sequence where name = 'audit'`.execute(
    db,
  );
  return rows[0]?.seq ?? 0;
}

/** Forgets the entries before a time (ISO 8601) and keeps the hash of the last of them, and an entry that says so. */
export async function cutAudit(db: Database, before: string): Promise<number> {
  return db.transaction().execute(async (tx) => {
    const kept = await tx
      .selectFrom('audit')
      .select('seq')
      .where('at', '>=', before)
      .orderBy('seq')
      .limit(1)
      .executeTakeFirst();
    let gone = tx.selectFrom('audit').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1);
    if (kept !== undefined) gone = gone.where('seq', '<', kept.seq);
    const last = await gone.executeTakeFirst();
    if (last === undefined) return 0;
    await tx
      .insertInto('audit_cuts')
      .values({ ...last, cut_at: new Date().toISOString() })
      .execute();
    const { numDeletedRows } = await tx
      .deleteFrom('audit')
      .where('seq', '<=', last.seq)
      .executeTakeFirstOrThrow();
    const who = { actorKind: 'system', actor: 'hawser', door: 'upkeep', address: '' } as const;
    const act = { action: 'audit:cut', app: null, env: null, object: `up to ${last.seq} ${last.hash}` };
    await appendAudit(tx, { ...who, ...act, outcome: 'done', code: null, count: 1 });
    return Number(numDeletedRows);
  });
}
