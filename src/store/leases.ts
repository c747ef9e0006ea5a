import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Failure } from '../failure.ts';
import type { Database } from './database.ts';

/** A right to act that ends by itself when its holder stops renewing it. */
export type Lease = { readonly key: string; readonly holder: string; readonly epoch: number };

const silenceMs = 8_000;

/** Milliseconds of the machine's monotonic clock: the same for every process, untouched by clock jumps. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

/** A holder that its machine can tell to be alive or not: process id, start time, and which of its claims. */
function newHolder(): string {
  return `${process.pid}/${startOf(process.pid)}/${randomUUID()}`;
}

/** False only when the holder is known to be gone: it was killed, or another process has its id now. */
function mayLive(holder: string): boolean {
  const [pid, start] = holder.split('/');
  return start !== undefined && startOf(Number(pid)) === start;
}

/** Start time of a process in clock ticks since boot (field 22 of proc(5) stat), or none. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/**
 * Takes the lease when nobody holds it, or when its holder is gone or was silent for 8 s.
 * Every taking raises the epoch, by which late writes of an earlier holder are known and refused.
 */
export async function claimLease(db: Database, key: string): Promise<Lease | null> {
  const holder = newHolder();
  const seen = monotonicMs();
  return db.transaction().execute(async (tx) => {
    const row = await tx.selectFrom('leases').selectAll().where('key', '=', key).executeTakeFirst();
    const heard = row !== undefined && row.boot === boot && seen - row.seen_ms < silenceMs;
    if (heard && mayLive(row.holder)) return null;
    const epoch = (row?.epoch ?? 0) + 1;
    const value = { key, holder, epoch, boot, seen_ms: seen };
    await tx
      .insertInto('leases')
      .values(value)
      .onConflict((conflict) => conflict.column('key').doUpdateSet(value))
      .execute();
    return { key, holder, epoch };
  });
}

/** False when the lease was taken over: the holder must stop at once. */
export async function renewLease(db: Database, lease: Lease): Promise<boolean> {
  const done = await db
    .updateTable('leases')
    .set({ seen_ms: monotonicMs() })
    .where('key', '=', lease.key)
    .where('holder', '=', lease.holder)
    .where('epoch', '=', lease.epoch)
    .executeTakeFirst();
  return done.numUpdatedRows === 1n;
}

/** Throws `lease_lost` unless the lease is still held; inside a transaction it fences everything else there. */
export async function requireLease(db: Database, lease: Lease): Promise<void> {
  const row = await db
    .selectFrom('leases')
    .select('key')
    .where('key', '=', lease.key)
    .where('holder', '=', lease.holder)
    .where('epoch', '=', lease.epoch)
    .executeTakeFirst();
  if (row === undefined) throw new Failure('lease_lost', `${lease.key} is held by a newer worker.`);
}

/** Gives the lease back; the row stays, so that epochs never go back. */
export async function releaseLease(db: Database, lease: Lease): Promise<void> {
  await db
    .updateTable('leases')
    .set({ holder: '' })
    .where('key', '=', lease.key)
    .where('holder', '=', lease.holder)
    .where('epoch', '=', lease.epoch)
    .execute();
}
