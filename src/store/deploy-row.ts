import type { Selectable } from 'kysely';
import type { Deploy } from '../model/deploy.ts';
import type { Database } from './database.ts';
import { openOptions } from './sealed/sealed.ts';
import type { Tables } from './tables.ts';

/** What it was asked with is opened when that is asked for. */
export function toDeploy(db: Database, row: Selectable<Tables['deploys']>): Deploy {
  return {
    id: row.id,
    environmentId: row.environment_id,
    kind: row.kind,
    state: row.state,
    sourceId: row.source_id,
    fromReleaseId: row.from_release_id,
    releaseId: row.release_id,
    epoch: row.epoch,
    options: openOptions(db, row),
    actor: row.actor,
    stopRequest: row.stop_request,
    failureCode: row.failure_code,
    failureMessage: row.failure_message,
    failureFix: row.failure_fix,
    switchedAt: row.switched_at,
    hold: row.hold,
    progress: row.plan === null ? null : JSON.parse(row.plan),
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
  };
}
