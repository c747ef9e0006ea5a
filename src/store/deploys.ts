import { Failure } from '../failure.ts';
import type { Source } from '../model/app.ts';
import {
  type Deploy,
  type DeployKind,
  type DeployOptions,
  type DeployState,
  hasEnded,
} from '../model/deploy.ts';
import { takeBackChange } from './changes.ts';
import { type Database, joinTransaction } from './database.ts';
import { toDeploy } from './deploy-row.ts';
import { recordDeployStates } from './events.ts';
import { readDeployRedactor } from './redaction.ts';
import { sealOptions } from './sealed/sealed.ts';
import { recordSource } from './sources.ts';
import type { Tables } from './tables.ts';

const now = () => new Date().toISOString();

/** Takes the next deploy number, so that the source can be kept under it before anything is recorded. */
export async function reserveDeployId(db: Database): Promise<number> {
  return (await db.insertInto('deploy_ids').defaultValues().returning('id').executeTakeFirstOrThrow()).id;
}

export type NewDeploy = {
  readonly id: number;
  readonly environmentId: string;
  readonly kind: DeployKind;
  readonly actor: string;
  readonly options: DeployOptions;
  readonly source: Omit<Source, 'id' | 'createdAt'> | null;
  readonly fromReleaseId: number | null;
  /** Whether waiting deploys of the environment give way to this one. */
  readonly supersede: boolean;
};

/**
 * Records a deploy as queued and, in the same transaction, gives way: older ones that wait are superseded,
 * older ones that are before their rollout are asked to stop. Durable when it resolves.
 */
export async function recordDeploy(db: Database, wanted: NewDeploy): Promise<Deploy> {
  return db.transaction().execute((tx) => insertDeploy(tx, wanted));
}

/** The same inside a transaction that records more than the deploy. */
export async function insertDeploy(tx: Database, wanted: NewDeploy): Promise<Deploy> {
  if (wanted.supersede) await supersedeOlder(tx, wanted);
  const sourceId = wanted.source === null ? null : await recordSource(tx, wanted.source);
  const row = {
    id: wanted.id,
    environment_id: wanted.environmentId,
    kind: wanted.kind,
    state: 'queued' as const,
    source_id: sourceId,
    from_release_id: wanted.fromReleaseId,
    release_id: null,
    epoch: 0,
    ...sealOptions(tx, wanted, wanted.options),
    actor: wanted.actor,
    stop_request: null,
    failure_code: null,
    failure_message: null,
    failure_fix: null,
    switched_at: null,
    hold: null,
    plan: null,
    created_at: now(),
    started_at: null,
    ended_at: null,
  };
  await tx.insertInto('deploys').values(row).execute();
  await recordDeployStates(tx, [row.id]);
  return toDeploy(tx, row);
}

async function supersedeOlder(tx: Database, newer: NewDeploy): Promise<void> {
  const older = () =>
    tx
      .updateTable('deploys')
      .where('environment_id', '=', newer.environmentId)
      .where('id', '<', newer.id)
      // A change of settings is no older version of anything: it is never given up for another deploy.
      .where('kind', '!=', 'change')
      .where('ended_at', 'is', null)
      .where('stop_request', 'is', null);
  const reason = {
    failure_code: 'superseded',
    failure_message: `Deploy ${newer.id} is newer and takes its place.`,
    failure_fix: null,
  };
  const ended = await older()
    .where((eb) => eb.or([eb('state', '=', 'queued'), eb('hold', '=', 'approval')]))
    .set({ state: 'superseded', hold: null, ended_at: now(), ...reason })
    .returning('id')
    .execute();
  await recordDeployStates(
    tx,
    ended.map(({ id }) => id),
  );
  await older()
    .where('state', 'in', ['building', 'testing', 'publishing'])
    .set({ stop_request: 'superseded', failure_message: reason.failure_message })
    .execute();
}

export async function findDeploy(db: Database, id: number): Promise<Deploy | undefined> {
  const row = await db.selectFrom('deploys').selectAll().where('id', '=', id).executeTakeFirst();
  return row && toDeploy(db, row);
}

/** Throws `deploy_not_found`. */
export async function getDeploy(db: Database, id: number): Promise<Deploy> {
  const deploy = await findDeploy(db, id);
  if (deploy === undefined) throw new Failure('deploy_not_found', `There is no deploy ${id}.`);
  return deploy;
}

/** The unfinished deploy of this commit to this environment, which a second push of it attaches to. */
export async function findUnfinishedOfCommit(
  db: Database,
  environmentId: string,
  commit: string,
): Promise<Deploy | undefined> {
  const row = await db
    .selectFrom('deploys')
    .innerJoin('sources', 'sources.id', 'deploys.source_id')
    .selectAll('deploys')
    .where('environment_id', '=', environmentId)
    .where('commit_oid', '=', commit)
    .where('ended_at', 'is', null)
    .where('stop_request', 'is', null)
    .orderBy('deploys.id', 'desc')
    .executeTakeFirst();
  return row && toDeploy(db, row);
}

/** Deploys of an environment that have not ended, oldest first. */
export async function listUnfinished(db: Database, environmentId: string): Promise<readonly Deploy[]> {
  const rows = await db
    .selectFrom('deploys')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .where('ended_at', 'is', null)
    .orderBy('id')
    .execute();
  return rows.map((row) => toDeploy(db, row));
}

export async function listEnvironmentsWithWork(db: Database): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('deploys')
    .select('environment_id')
    .distinct()
    .where('ended_at', 'is', null)
    .execute();
  return rows.map((row) => row.environment_id);
}

/** Newest first, `before` a deploy number for paging. */
export async function listDeploys(
  db: Database,
  where: { environmentIds?: readonly string[]; before?: number; limit: number },
): Promise<readonly Deploy[]> {
  let query = db.selectFrom('deploys').selectAll().orderBy('id', 'desc').limit(where.limit);
  if (where.environmentIds) query = query.where('environment_id', 'in', [...where.environmentIds, '']);
  if (where.before !== undefined) query = query.where('id', '<', where.before);
  return (await query.execute()).map((row) => toDeploy(db, row));
}

type Change = Partial<
  Pick<
    Tables['deploys'],
    | 'state'
    | 'release_id'
    | 'switched_at'
    | 'hold'
    | 'plan'
    | 'failure_code'
    | 'failure_message'
    | 'failure_fix'
  >
>;

/**
 * Changes a deploy that this epoch still holds; what a change of settings set is taken back in the transaction
 * that ends it without having been live. Throws `lease_lost` when another worker took it over.
 */
export async function advanceDeploy(
  db: Database,
  held: { id: number; epoch: number },
  change: Change,
): Promise<void> {
  const ended = change.state !== undefined && hasEnded(change.state);
  if (change.state === undefined) return updateHeld(db, held, change, ended);
  const isLost = ended && change.state !== 'live';
  await joinTransaction(db, async (tx) => {
    await updateHeld(tx, held, change, ended);
    if (isLost && change.failure_code !== 'nothing_live') await takeBackChange(tx, held.id);
    await recordDeployStates(tx, [held.id]);
  });
}

async function updateHeld(
  db: Database,
  held: { id: number; epoch: number },
  change: Change,
  ended: boolean,
): Promise<void> {
  const shown = await hideValues(db, held.id, change);
  const done = await db
    .updateTable('deploys')
    .set({ ...shown, ...(ended ? { ended_at: now() } : {}) })
    .where('id', '=', held.id)
    .where('epoch', '=', held.epoch)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  if (done.numUpdatedRows === 0n)
    throw new Failure('lease_lost', `Deploy ${held.id} is held by a newer worker.`);
}

/** Why it failed is often said by the app itself. */
async function hideValues(db: Database, id: number, change: Change): Promise<Change> {
  const { failure_message: message } = change;
  if (message === undefined || message === null) return change;
  return { ...change, failure_message: (await readDeployRedactor(db, id)).text(message) };
}

/** Every turn that is taken in an environment has a number of its own, higher than any before. */
export async function nextEpoch(db: Database, environmentId: string): Promise<number> {
  const { epoch } = await db
    .updateTable('environments')
    .set((eb) => ({ epoch: eb('epoch', '+', 1) }))
    .where('id', '=', environmentId)
    .returning('epoch')
    .executeTakeFirstOrThrow();
  return epoch;
}

/** Takes a deploy for this epoch; what an older epoch still writes to it is refused from now on. */
export async function holdDeploy(db: Database, id: number, epoch: number): Promise<boolean> {
  const done = await db
    .updateTable('deploys')
    .set((eb) => ({ epoch, started_at: eb.fn.coalesce('started_at', eb.val(now())) }))
    .where('id', '=', id)
    .where('epoch', '<', epoch)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  return done.numUpdatedRows === 1n;
}

/** Asks a deploy to stop; one that only waits ends at once. Throws `already_finished`. */
export async function requestStop(db: Database, id: number, actor: string): Promise<Deploy> {
  return db.transaction().execute(async (tx) => {
    const deploy = await getDeploy(tx, id);
    if (hasEnded(deploy.state)) {
      throw new Failure('already_finished', `Deploy ${id} has ended: ${deploy.state}.`);
    }
    const reason = { failure_code: 'cancelled', failure_message: `Cancelled by ${actor}.` };
    const waits = deploy.state === 'queued' || deploy.hold === 'approval';
    const change = waits
      ? { ...reason, state: 'cancelled' as DeployState, hold: null, ended_at: now() }
      : { stop_request: 'cancelled' as const, failure_message: reason.failure_message };
    await tx.updateTable('deploys').set(change).where('id', '=', id).execute();
    if (waits) {
      await takeBackChange(tx, id);
      await recordDeployStates(tx, [id]);
    }
    return getDeploy(tx, id);
  });
}
