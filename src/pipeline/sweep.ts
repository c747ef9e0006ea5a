import { forgetApp, listApps, listDestroyedApps, listPlaces } from '../store/apps.ts';
import type { PipelineDrivers } from './drivers.ts';

/** Removes what killed and refused pushes left in the repositories. */
export async function sweepRepositories({ db, git }: PipelineDrivers): Promise<void> {
  for (const app of await listApps(db)) {
    if (await git.exists(app.id)) await git.sweep(app.id);
  }
}

/** Forgets destroyed apps of which nothing runs any more, with their repositories. */
export async function sweepDestroyed({ db, git }: PipelineDrivers): Promise<void> {
  for (const app of await listDestroyedApps(db)) {
    if ((await listPlaces(db, app.id)).length > 0) continue;
    await git.deleteRepository(app.id);
    await forgetApp(db, app.id);
  }
}
