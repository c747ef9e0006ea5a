import type { App } from '../model/app.ts';
import { forgetApp, listApps, listDestroyedApps, listPlaces } from '../store/apps.ts';
import { findNewestBefore, listDeploys } from '../store/deploys.ts';
import type { PipelineDrivers } from './drivers.ts';

const hiddenRefs = 'refs/hawser/deploys/';
const hourMs = 3_600_000;

/** Removes what killed and refused pushes left, and the sources and journals of deploys out of retention. */
export async function sweepRepositories(drivers: PipelineDrivers): Promise<void> {
  const { db, git } = drivers;
  for (const app of await listApps(db)) {
    if (!(await git.exists(app.id))) continue;
    await sweepSources(app, drivers);
    await git.sweep(app.id);
  }
}

/** A source is kept while its deploy is in retention; one without a deploy was never acknowledged. */
async function sweepSources(app: App, { db, git, journals, config }: PipelineDrivers): Promise<void> {
  // A push that is being received has its source before its deploy: what is young is left alone.
  const newest = await findNewestBefore(db, new Date(Date.now() - hourMs).toISOString());
  const kept = new Set<number>();
  for (const { environment } of await listPlaces(db, app.id)) {
    const where = { environmentIds: [environment.id], limit: config.retention.deploys };
    for (const deploy of await listDeploys(db, where)) kept.add(deploy.id);
  }
  for (const { ref } of await git.listRefs(app.id, hiddenRefs)) {
    const id = Number(ref.slice(hiddenRefs.length));
    if (kept.has(id) || id > newest) continue;
    await git.deleteRef(app.id, ref);
    await journals.remove(id);
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
