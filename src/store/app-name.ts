import { Failure } from '../failure.ts';
import { type App, namesOf } from '../model/app.ts';
import { isAppName } from '../model/names.ts';
import { findApp, findRenamed } from './apps.ts';
import type { Database } from './database.ts';

/** The app under another name; the old one stays its own. Throws `invalid_app_name` and `app_exists`. */
export async function setAppName(tx: Database, app: App, name: string): Promise<App> {
  if (!isAppName(name)) {
    throw new Failure(
      'invalid_app_name',
      `${JSON.stringify(name.slice(0, 80))} cannot be the name of an app.`,
    );
  }
  const owner = (await findApp(tx, name)) ?? (await findRenamed(tx, name));
  if (owner !== undefined && (owner.id !== app.id || owner.name === name)) {
    throw new Failure('app_exists', `The app ${name} exists already.`);
  }
  const formerNames = namesOf(app).filter((each) => each !== name);
  const columns = { name, former_names: JSON.stringify(formerNames) };
  await tx.updateTable('apps').set(columns).where('id', '=', app.id).execute();
  return { ...app, name, formerNames };
}
