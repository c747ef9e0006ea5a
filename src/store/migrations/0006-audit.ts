import { type Kysely, sql } from 'kysely';

const counted = sql`integer primary key autoincrement`;
const texts = ['at', 'actor_kind', 'actor', 'door', 'address', 'action', 'outcome', 'previous', 'hash'];
const maybe = ['app', 'env', 'object', 'code'];

/** Who did what: a chain of entries that nothing changes, and that is only ever cut at its old end. */
export async function up(db: Kysely<unknown>): Promise<void> {
  let audit = db.schema
    .createTable('audit')
    // The counter of the table outlives its rows: a newest row that was removed is missed.
    .addColumn('seq', counted)
    .addColumn('count', 'integer', (c) => c.notNull());
  for (const name of texts) audit = audit.addColumn(name, 'text', (c) => c.notNull());
  for (const name of maybe) audit = audit.addColumn(name, 'text');
  await audit.execute();
  await sql`create index audit_app on audit (app, seq)`.execute(db);
  await db.schema
    .createTable('audit_cuts')
    .addColumn('seq', 'integer', (c) => c.primaryKey())
    .addColumn('hash', 'text', (c) => c.notNull())
    .addColumn('cut_at', 'text', (c) => c.notNull())
    .execute();
  await sql`create trigger audit_no_update before update on audit begin
    select raise(abort, 'the audit log is only ever appended to'); end`.execute(db);
  await sql`create trigger audit_no_delete before delete on audit
    when not exists (select 1 from audit_cuts where audit_cuts.seq >= old.seq) begin
    select raise(abort, 'the audit log is only ever cut behind a recorded anchor'); end`.execute(db);
  for (const change of ['update', 'delete']) {
    await sql`create trigger ${sql.raw(`audit_cuts_no_${change}`)} before ${sql.raw(change)} on audit_cuts begin
      select raise(abort, 'a cut of the audit log stays recorded'); end`.execute(db);
  }
}
