import { isOutside } from '../model/outside-value.ts';
import { listHidden } from '../secrets/forms.ts';
import { makeRedactor, type Redactor } from '../secrets/redactor.ts';
import type { Database } from './database.ts';
import { openRelease, openVariables, whenIntact } from './sealed/sealed.ts';

/** Containers of older releases are gone by then, and so is what they say. */
const newestReleases = 10;

/**
 * Hides the values of an environment: those that are set now, those of its newest releases, and what is given, like
 * passwords of the installation.
 */
export async function readRedactor(
  db: Database,
  environmentId: string,
  given: readonly string[] = [],
): Promise<Redactor> {
  const names = await listNames(db, environmentId);
  return makeRedactor(listHidden([...given, ...(await listValues(db, environmentId))], names));
}

/** The same for the environment of a deploy; of one that is not known only what is given. */
export async function readDeployRedactor(
  db: Database,
  deployId: number,
  given: readonly string[] = [],
): Promise<Redactor> {
  const query = db.selectFrom('deploys').select('environment_id').where('id', '=', deployId);
  const row = await query.executeTakeFirst();
  return row === undefined ? makeRedactor(listHidden(given)) : readRedactor(db, row.environment_id, given);
}

/** What is said in every line is no secret. */
async function listNames(db: Database, environmentId: string): Promise<readonly string[]> {
  const row = await db
    .selectFrom('environments')
    .innerJoin('apps', 'apps.id', 'environments.app_id')
    .select(['apps.name as app', 'environments.name as env'])
    .where('environments.id', '=', environmentId)
    .executeTakeFirst();
  return row === undefined ? [] : [row.app, row.env];
}

async function listValues(db: Database, environmentId: string): Promise<readonly string[]> {
  const settings = await db
    .selectFrom('settings')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .execute();
  const releases = await db
    .selectFrom('releases')
    .select(['environment_id', 'version', 'config', 'defaults', 'sealed_by'])
    .where('environment_id', '=', environmentId)
    .orderBy('version', 'desc')
    .limit(newestReleases)
    .execute();
  return [
    ...settings.flatMap((row) => valuesOf(() => openVariables(db, row))).filter((value) => !isOutside(value)),
    ...releases.flatMap((row) => valuesOf(() => openRelease(db, row).config)),
    ...releases.flatMap((row) => valuesOf(() => openRelease(db, row).defaults)),
  ];
}

/** What does not open cannot be known here; whoever needs the value is told of it. */
function valuesOf(read: () => Readonly<Record<string, string>>): readonly string[] {
  return Object.values(whenIntact(read) ?? {});
}
