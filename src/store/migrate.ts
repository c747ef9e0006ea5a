import { setTimeout as pause } from 'node:timers/promises';
import { type Kysely, Migrator } from 'kysely';
import { Failure } from '../failure.ts';
import * as first from './migrations/0001-first.ts';
import * as pipelines from './migrations/0002-pipelines.ts';
import * as access from './migrations/0003-access.ts';
import * as secrets from './migrations/0004-secrets.ts';
import * as webhooks from './migrations/0005-webhooks.ts';
import * as audit from './migrations/0006-audit.ts';
import * as limits from './migrations/0007-limits.ts';
import * as outside from './migrations/0008-outside.ts';
import * as runs from './migrations/0009-runs.ts';
import * as stopped from './migrations/0010-stopped.ts';
import * as names from './migrations/0011-names.ts';
import * as inside from './migrations/0012-inside.ts';
import type { Tables } from './tables.ts';

/** Forward only: a migration is never edited after it was released, the next one mends it. */
const migrations = {
  '0001-first': { up: first.up },
  '0002-pipelines': { up: pipelines.up },
  '0003-access': { up: access.up },
  '0004-secrets': { up: secrets.up },
  '0005-webhooks': { up: webhooks.up },
  '0006-audit': { up: audit.up },
  '0007-limits': { up: limits.up },
  '0008-outside': { up: outside.up },
  '0009-runs': { up: runs.up },
  '0010-stopped': { up: stopped.up },
  '0011-names': { up: names.up },
  '0012-inside': { up: inside.up },
};

/** Brings the schema up to date. Throws `ledger_newer` when a newer version of Hawser made it. */
export async function migrate(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  let { error } = await migrator.migrateToLatest();
  // Another process may have done the same at the same moment; then nothing is left to do.
  for (let again = 0; again < 3 && error !== undefined; again += 1) {
    await pause(200);
    ({ error } = await migrator.migrateToLatest());
  }
  if (error === undefined) return;
  if (error instanceof Error && /missing/.test(error.message)) {
    throw new Failure('ledger_newer', 'The ledger was made by a newer version of Hawser.', { cause: error });
  }
  throw new Failure('ledger_broken', 'The ledger cannot be brought up to date.', { cause: error });
}
