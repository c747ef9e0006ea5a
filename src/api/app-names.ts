import { listApps } from '../store/apps.ts';
import type { Database } from '../store/database.ts';

/** Names of the apps by their ids. */
export type AppNames = ReadonlyMap<string, string>;

export async function readAppNames(db: Database): Promise<AppNames> {
  return new Map((await listApps(db)).map((app) => [app.id, app.name]));
}

/** The app that something is of, as the API shows it: null for what is of none, and a word for one that is gone. Pure. */
export function nameApp(names: AppNames, appId: string | null): string | null {
  return appId === null ? null : (names.get(appId) ?? '(destroyed)');
}
