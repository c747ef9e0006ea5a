import type { Selectable } from 'kysely';
import { Failure } from '../failure.ts';
import type { Run, RunEnd, RunLine, RunStop } from '../model/run.ts';
import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

/** How many an environment may have at a time. */
const mostAtOnce = 20;

export type NewRun = Pick<
  Run,
  'environmentId' | 'version' | 'server' | 'inside' | 'actor' | 'command' | 'attached' | 'endsMs'
> & {
  readonly heldMs: number;
  /** Of the container, by the number of the run. */
  nameContainer(id: number): string;
};

/** Records a run before anything of it is made; for a transaction. Throws `run_limit`. */
export async function insertRun(tx: Database, run: NewRun): Promise<Run> {
  const { environmentId, version, server, inside, actor, command, attached, endsMs, heldMs } = run;
  const open = await listOpenRuns(tx, environmentId);
  if (open.length >= mostAtOnce) {
    throw new Failure('run_limit', `${open.length} commands run in this environment already.`);
  }
  const { id } = await tx
    .insertInto('runs')
    .values({
      environment_id: environmentId,
      ...{ version, server, actor },
      container: '',
      inside: inside ? 1 : 0,
      command: JSON.stringify(command),
      attached: attached ? 1 : 0,
      state: 'starting',
      held_ms: heldMs,
      ends_ms: endsMs,
      created_at: new Date().toISOString(),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const container = run.nameContainer(id);
  await tx.updateTable('runs').set({ container }).where('id', '=', id).execute();
  return getRun(tx, id);
}

export async function findRun(db: Database, id: number): Promise<Run | undefined> {
  const row = await runs(db).where('id', '=', id).executeTakeFirst();
  return row && toRun(row);
}

/** Throws `run_not_found`. */
export async function getRun(db: Database, id: number): Promise<Run> {
  const found = await findRun(db, id);
  if (found !== undefined) return found;
  throw new Failure('run_not_found', `There is no run ${id}.`);
}

/** Those that have not ended, of one environment or of all. */
export async function listOpenRuns(db: Database, environmentId?: string): Promise<readonly Run[]> {
  const query = runs(db).where('state', '!=', 'ended').orderBy('id');
  const rows = await (environmentId === undefined
    ? query
    : query.where('environment_id', '=', environmentId)
  ).execute();
  return rows.map(toRun);
}

/** The newest first. */
export async function listRuns(db: Database, environmentId: string, limit: number): Promise<readonly Run[]> {
  const query = runs(db).where('environment_id', '=', environmentId).orderBy('id', 'desc').limit(limit);
  return (await query.execute()).map(toRun);
}

/** Says that its container is about to be started. False when the run is over already: then it must not be. */
export async function beginRunning(db: Database, id: number, heldMs: number | null): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('runs')
    .set({ state: 'running', held_ms: heldMs, started_at: new Date().toISOString() })
    .where('id', '=', id)
    .where('state', '=', 'starting')
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Somebody starts or follows it until then. */
export async function holdRun(db: Database, id: number, heldMs: number): Promise<void> {
  await db
    .updateTable('runs')
    .set({ held_ms: heldMs })
    .where('id', '=', id)
    .where('state', '!=', 'ended')
    .execute();
}

/** Records why it is to be stopped, before it is; the first reason stays. */
export async function stopRun(db: Database, id: number, stop: RunStop): Promise<void> {
  await db
    .updateTable('runs')
    .set({ stop })
    .where('id', '=', id)
    .where('state', '!=', 'ended')
    .where('stop', 'is', null)
    .execute();
}

export type RecordedEnd = RunEnd & {
  readonly detail: string | null;
  /** Redacted, the end of it. */
  readonly output: readonly RunLine[];
};

/** Records how it ended; who was told of another end first keeps that. */
export async function endRun(db: Database, id: number, end: RecordedEnd): Promise<void> {
  const { outcome, exitCode, detail, output } = end;
  await db
    .updateTable('runs')
    .set({ state: 'ended', outcome, exit_code: exitCode, detail, output: JSON.stringify(output) })
    .set({ ended_at: new Date().toISOString() })
    .where('id', '=', id)
    .where('state', '!=', 'ended')
    .execute();
}

/** What is kept of the output of a run that has ended. */
export async function readRunOutput(db: Database, id: number): Promise<readonly RunLine[]> {
  const row = await db.selectFrom('runs').select('output').where('id', '=', id).executeTakeFirst();
  return row?.output == null ? [] : (JSON.parse(row.output) as RunLine[]);
}

/** Forgets those that ended before a time (ISO 8601). */
export async function forgetRuns(db: Database, before: string): Promise<void> {
  await db.deleteFrom('runs').where('ended_at', '<', before).execute();
}

function runs(db: Database) {
  return db
    .selectFrom('runs')
    .select(['id', 'environment_id', 'version', 'server', 'container', 'inside', 'actor', 'command'])
    .select(['attached', 'state', 'held_ms', 'ends_ms', 'stop', 'outcome', 'exit_code', 'detail'])
    .select(['created_at', 'started_at', 'ended_at']);
}

function toRun(row: Omit<Selectable<Tables['runs']>, 'output'>): Run {
  const { id, version, server, container, actor, state, stop, outcome, detail } = row;
  return {
    ...{ id, version, server, container, actor, state, stop, outcome, detail },
    environmentId: row.environment_id,
    command: JSON.parse(row.command) as string[],
    inside: row.inside === 1,
    attached: row.attached === 1,
    heldMs: row.held_ms,
    endsMs: row.ends_ms,
    exitCode: row.exit_code,
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
  };
}
