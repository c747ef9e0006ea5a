import { listApps, listDestroyedApps, listPlaces } from '../../store/apps.ts';
import { cutAudit } from '../../store/audit/audit-chain.ts';
import { listDeploys } from '../../store/deploys.ts';
import {
  findNewestBefore,
  forgetApp,
  forgetEvents,
  forgetLostContainers,
  forgetSteps,
  listDeploysWithSteps,
} from '../../store/forget.ts';
import { forgetHookPushes } from '../../store/hook-pushes.ts';
import { forgetWrites } from '../../store/idempotency.ts';
import { forgetJournal, listJournals } from '../../store/journals.ts';
import { forgetNotices } from '../../store/notices.ts';
import { forgetRuns } from '../../store/runs.ts';
import { listWebhooks, removeWebhook } from '../../store/webhooks.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readServers } from '../environment.ts';
import { repositoryOf } from '../wanted.ts';
import { emptyRepository } from './prune-registry.ts';

const hiddenRefs = 'refs/hawser/deploys/';
const hourMs = 3_600_000;
const monthMs = 31 * 24 * hourMs;
const dayMs = 24 * hourMs;
const yearMs = 366 * 24 * hourMs;
const registryMs = 30_000;

/**
 * Removes what killed and refused pushes left, the sources, journals and steps of deploys out of retention, and
 * what people did more than a year ago. Deploys and releases themselves stay: they are the history.
 */
export async function sweepOld(drivers: PipelineDrivers): Promise<void> {
  const { db, git, journals } = drivers;
  // A push that is being received has its source before its deploy: what is young is left alone.
  const newest = await findNewestBefore(db, new Date(Date.now() - hourMs).toISOString());
  const kept = await listKeptDeploys(drivers);
  const isOld = (id: number) => id <= newest && !kept.has(id);
  for (const app of await listApps(db)) {
    if (!(await git.exists(app.id))) continue;
    for (const { ref } of await git.listRefs(app.id, hiddenRefs)) {
      if (isOld(Number(ref.slice(hiddenRefs.length)))) await git.deleteRef(app.id, ref);
    }
    await git.sweep(app.id);
  }
  for (const id of (await listJournals(db, newest)).filter(isOld)) {
    await journals.remove(id);
    await forgetJournal(db, id);
  }
  for (const id of (await listDeploysWithSteps(db, newest)).filter(isOld)) await forgetSteps(db, id);
  const yearAgo = new Date(Date.now() - yearMs).toISOString();
  await forgetEvents(db, yearAgo);
  await cutAudit(db, yearAgo);
  const monthAgo = new Date(Date.now() - monthMs).toISOString();
  await forgetHookPushes(db, monthAgo);
  await forgetNotices(db, monthAgo);
  await forgetRuns(db, monthAgo);
  await forgetWrites(db, new Date(Date.now() - dayMs).toISOString());
}

/** For the start of the one server: the clients of pushes that a former one was receiving are gone with it. */
export async function removeQuarantines({ db, git }: Pick<PipelineDrivers, 'db' | 'git'>): Promise<void> {
  for (const { id } of await listApps(db)) if (await git.exists(id)) await git.removeQuarantines(id);
}

/** A source and a journal are kept while their deploy is in retention. */
async function listKeptDeploys({ db, config }: PipelineDrivers): Promise<ReadonlySet<number>> {
  const kept = new Set<number>();
  for (const { environment } of await listPlaces(db)) {
    const where = { environmentIds: [environment.id], limit: config.retention.deploys };
    for (const deploy of await listDeploys(db, where)) kept.add(deploy.id);
  }
  return kept;
}

/** Forgets destroyed apps of which nothing runs any more, with their repositories. */
export async function sweepDestroyed(drivers: PipelineDrivers): Promise<void> {
  const { db, git } = drivers;
  await forgetLostContainers(db, Object.keys(await readServers(drivers)));
  for (const app of await listDestroyedApps(db)) {
    if ((await listPlaces(db, app.id)).length > 0) continue;
    await leaveRegistry(app, drivers);
    await git.deleteRepository(app.id);
    for (const { id } of await listWebhooks(db, app.id)) await removeWebhook(db, id);
    await forgetApp(db, app.id);
  }
}

/** Its images in a registry of others; ours finds them by itself. A registry that is away keeps no app from going. */
async function leaveRegistry(app: { readonly id: string }, drivers: PipelineDrivers): Promise<void> {
  if (drivers.config.registry === 'embedded') return;
  try {
    await emptyRepository(drivers, repositoryOf(app), AbortSignal.timeout(registryMs));
  } catch (error) {
    const fields = { app: app.id, error: (error as Error).message };
    drivers.log.warn(fields, 'images of a destroyed app are left in the registry');
  }
}
