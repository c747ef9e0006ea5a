import { Failure } from '../failure.ts';
import type { SettingsChange } from '../model/deploy.ts';
import type { Release } from '../model/release.ts';
import {
  applyChange,
  type Desired,
  describeChange,
  findStanding,
  rebaseChange,
  undoChange,
} from '../model/settings-change.ts';
import type { Database } from './database.ts';
import { listDomains } from './routes.ts';
import { openOptions, sealOptions } from './sealed/sealed.ts';
import { readSettings, writeSettings } from './settings.ts';

/** Everything that people set of an environment, with changes that are still on their way. As `readSettings`. */
export async function readDesired(
  db: Database,
  environmentId: string,
  replaced: readonly string[] = [],
): Promise<Desired> {
  const settings = await readSettings(db, environmentId, replaced);
  return { ...settings, domains: await listDomains(db, environmentId) };
}

/** The same for one deploy: without the changes that were asked for after it and are still on their way. */
export async function readDesiredAt(
  db: Database,
  deploy: { readonly id: number; readonly environmentId: string },
): Promise<Desired> {
  const { environmentId } = deploy;
  const pending = await listPending(db, environmentId, deploy.id);
  return undoAll(await readDesired(db, environmentId), pending);
}

/**
 * Sets variables that nobody has set yet; answers with all that a deploy finds, and the names of those that were
 * set by this.
 */
export async function fillVariables(
  db: Database,
  deploy: { readonly id: number; readonly environmentId: string },
  values: Readonly<Record<string, string>>,
): Promise<{ readonly vars: Readonly<Record<string, string>>; readonly filled: readonly string[] }> {
  return db.transaction().execute(async (tx) => {
    const settings = await readSettings(tx, deploy.environmentId);
    const filled = Object.keys(values).filter((name) => !Object.hasOwn(settings.vars, name));
    if (filled.length > 0) {
      await writeSettings(tx, deploy.environmentId, { ...settings, vars: { ...values, ...settings.vars } });
    }
    return { vars: (await readDesiredAt(tx, deploy)).vars, filled };
  });
}

/** Replaces what is set. A domain that another environment took meanwhile stays with that one. */
export async function writeDesired(tx: Database, environmentId: string, desired: Desired): Promise<void> {
  await writeSettings(tx, environmentId, desired);
  const now = await listDomains(tx, environmentId);
  const gone = now.filter((domain) => !desired.domains.includes(domain));
  if (gone.length > 0) {
    await tx
      .deleteFrom('domains')
      .where('environment_id', '=', environmentId)
      .where('domain', 'in', gone)
      .execute();
  }
  const added = desired.domains.filter((domain) => !now.includes(domain));
  if (added.length === 0) return;
  await tx
    .insertInto('domains')
    .values(added.map((domain) => ({ domain, environment_id: environmentId })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/**
 * Takes back what a change set that did not go live, and says so in the deploy's reason; changes that wait behind it
 * are put on top of what is left. For the transaction that ends the deploy; of other kinds it changes nothing.
 */
export async function takeBackChange(tx: Database, deployId: number): Promise<void> {
  try {
    await takeBack(tx, deployId);
  } catch (error) {
    // It ends all the same; what does not open stays as it is, and whoever reads it is told.
    if (!(error instanceof Failure && error.code === 'secret_broken')) throw error;
  }
}

async function takeBack(tx: Database, deployId: number): Promise<void> {
  const row = await tx
    .selectFrom('deploys')
    .innerJoin('environments', 'environments.id', 'deploys.environment_id')
    .innerJoin('apps', 'apps.id', 'environments.app_id')
    .select(['deploys.id', 'deploys.environment_id', 'deploys.options', 'deploys.sealed_by'])
    .select('deploys.failure_message')
    .where('deploys.id', '=', deployId)
    .where('deploys.kind', '=', 'change')
    // What is destroyed has no settings any more, and gets none back.
    .where('apps.destroyed_at', 'is', null)
    .where('environments.destroyed_at', 'is', null)
    .executeTakeFirst();
  const change: SettingsChange | undefined = row && openOptions(tx, row).change;
  if (row === undefined || change === undefined) return;
  const pending = await listPending(tx, row.environment_id, deployId);
  const before = undoAll(await readDesired(tx, row.environment_id), pending);
  await putBeneath(tx, row.environment_id, undoChange(before, change), pending);
  const undone = describeChange(findStanding(before, change));
  if (undone === '') return;
  const failure_message = `${row.failure_message ?? 'It failed.'} Taken back: ${undone}.`;
  await tx.updateTable('deploys').set({ failure_message }).where('id', '=', deployId).execute();
}

/** A rollback brings its variables back, so that the next push goes on from them; what is asked for since stays. */
export async function restoreVariables(
  tx: Database,
  { environmentId, deployId, config, defaults, outside }: Release,
): Promise<void> {
  const pending = await listPending(tx, environmentId, deployId);
  const now = undoAll(await readDesired(tx, environmentId), pending);
  const set = Object.entries(config).filter(([name, value]) => defaults[name] !== value);
  // Where a value was read is brought back, not what was read there then.
  await putBeneath(tx, environmentId, { ...now, vars: { ...Object.fromEntries(set), ...outside } }, pending);
}

function undoAll(desired: Desired, pending: readonly Pending[]): Desired {
  return pending.reduceRight((now, { options }) => undoChange(now, options.change), desired);
}

/** Other settings beneath the changes that are on their way: each is put on top of them again, in its order. */
async function putBeneath(
  tx: Database,
  environmentId: string,
  base: Desired,
  pending: readonly Pending[],
): Promise<void> {
  let desired = base;
  for (const { id, options } of pending) {
    const change = rebaseChange(desired, options.change);
    desired = applyChange(desired, change);
    const columns = sealOptions(tx, { id, environmentId }, { ...options, change });
    await tx.updateTable('deploys').set(columns).where('id', '=', id).execute();
  }
  await writeDesired(tx, environmentId, desired);
}

type Pending = { readonly id: number; readonly options: { readonly change: SettingsChange } };

/** Changes that are on their way and were asked for after a deploy, in their order. */
async function listPending(db: Database, environmentId: string, after: number): Promise<readonly Pending[]> {
  const rows = await db
    .selectFrom('deploys')
    .select(['id', 'environment_id', 'options', 'sealed_by'])
    .where('environment_id', '=', environmentId)
    .where('kind', '=', 'change')
    .where('id', '>', after)
    .where('ended_at', 'is', null)
    .orderBy('id')
    .execute();
  return rows.flatMap((row) => {
    const { change, ...rest } = openOptions(db, row);
    return change === undefined ? [] : [{ id: row.id, options: { ...rest, change } }];
  });
}
