import { Failure } from '../failure.ts';
import type { Server, SshServer } from '../model/server.ts';
import { takeInvitation } from './access/invitations.ts';
import type { Database } from './database.ts';
import { recordEvent } from './events.ts';
import { pinHostKey } from './pins.ts';
import type { Tables } from './tables.ts';

export type Drain = Tables['drains'];

/** Servers that were added while Hawser ran, in the order in which they came. */
export async function listAddedServers(db: Database): Promise<readonly Server[]> {
  const rows = await db.selectFrom('servers').select('spec').orderBy('position').execute();
  return rows.map((row) => JSON.parse(row.spec));
}

/** Names of the servers that are being taken out, or are out. */
export async function listDrained(db: Database): Promise<ReadonlySet<string>> {
  return new Set((await listDrains(db)).map((row) => row.server));
}

export async function listDrains(db: Database): Promise<readonly Drain[]> {
  return db.selectFrom('drains').selectAll().orderBy('drained_at').execute();
}

export type NewServer = {
  readonly server: SshServer;
  readonly fingerprint: string;
  readonly actor: string;
  /** Hash of the invitation that it came with, which is used up by it. */
  readonly invitation: string | null;
};

/** Adds a server and pins its key, as one change. Throws `server_exists`, `invitation_invalid`. */
export async function recordServer(db: Database, wanted: NewServer): Promise<void> {
  const { server, fingerprint, actor, invitation } = wanted;
  await db.transaction().execute(async (tx) => {
    if (invitation !== null) await takeInvitation(tx, invitation, server.name);
    const { last } = await tx
      .selectFrom('servers')
      .select((eb) => eb.fn.coalesce(eb.fn.max('position'), eb.lit(0)).as('last'))
      .executeTakeFirstOrThrow();
    const row = {
      name: server.name,
      position: Number(last) + 1,
      spec: JSON.stringify(server),
      added_by: actor,
      added_at: new Date().toISOString(),
    };
    const added = await tx
      .insertInto('servers')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (added.numInsertedOrUpdatedRows === 0n) {
      throw new Failure('server_exists', `There is a server ${server.name} already.`);
    }
    // A drain of a server of that name before is not this one's.
    await tx.deleteFrom('drains').where('server', '=', server.name).execute();
    await pinHostKey(tx, server.name, fingerprint, actor);
    await recordAct(tx, actor, 'servers:add', `${server.name} ${server.user}@${server.host}:${server.port}`);
  });
}

/** Nothing new comes to the server from here on, and what it has leaves; a second drain keeps the first one's word. */
export async function recordDrain(
  db: Database,
  { server, reason, actor }: { readonly server: string; readonly reason: string; readonly actor: string },
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const row = { server, reason, drained_by: actor, drained_at: new Date().toISOString() };
    const made = await tx
      .insertInto('drains')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (made.numInsertedOrUpdatedRows === 0n) return;
    await recordAct(tx, actor, 'servers:drain', reason === '' ? server : `${server}: ${reason}`);
  });
}

/** False when it was not drained. */
export async function endDrain(db: Database, server: string, actor: string): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const ended = await tx.deleteFrom('drains').where('server', '=', server).executeTakeFirst();
    if (ended.numDeletedRows === 0n) return false;
    await recordAct(tx, actor, 'servers:undrain', server);
    return true;
  });
}

/** Forgets a server, its key, whether it was reached and whatever was recorded to be on it. */
export async function forgetServer(db: Database, server: string, actor: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await tx.deleteFrom('servers').where('name', '=', server).execute();
    await tx.deleteFrom('drains').where('server', '=', server).execute();
    await tx.deleteFrom('pins').where('server', '=', server).execute();
    await tx.deleteFrom('containers').where('server', '=', server).execute();
    await tx.deleteFrom('reached').where('server', '=', server).execute();
    await recordAct(tx, actor, 'servers:remove', server);
  });
}

async function recordAct(db: Database, actor: string, action: string, detail: string): Promise<void> {
  await recordEvent(db, { actor, action, detail, appId: null, env: null });
}
