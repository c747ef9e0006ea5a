import { Failure } from '../../failure.ts';
import type { App, Environment } from '../../model/app.ts';
import { isPreviewName } from '../../model/names.ts';
import { parseDomain } from '../../route/domain.ts';
import {
  destroyEnvironment,
  ensureEnvironment,
  findEnvironment,
  listPlaces,
  type Place,
} from '../../store/apps.ts';
import { listDeploys } from '../../store/deploys.ts';
import { recordEvent } from '../../store/events.ts';
import { readSettings, writeSettings } from '../../store/settings.ts';
import type { PipelineDrivers } from '../drivers.ts';

type Drivers = Pick<PipelineDrivers, 'config' | 'db' | 'touch'>;

const branchPrefix = 'refs/heads/';

/**
 * The environment of a preview's branch, made when it is new: with the numbers of processes of the environment
 * that it is like, and the variables of the one that `previews.configFrom` names. Throws `too_many_previews`.
 */
export async function ensurePreview(
  app: Pick<App, 'id' | 'name'>,
  wanted: { name: string; ref: string },
  { config, db }: Drivers,
): Promise<Environment> {
  const { previews } = config;
  const branch = wanted.ref.replace(branchPrefix, '');
  const places = (await listPlaces(db, app.id)).filter((place) => !place.destroyed);
  const others = places.filter(({ environment }) => environment.branch !== null);
  const isNew = !others.some(({ environment }) => environment.name === wanted.name);
  if (previews === null || (isNew && others.length >= previews.limit)) {
    const names = others.map(({ environment }) => environment.branch).join(', ');
    throw new Failure(
      'too_many_previews',
      `${app.name} has ${others.length} previews, as many as it may: ${names}.`,
    );
  }
  const shape = previews.domain.replaceAll('{app}', app.name);
  const domain = parseDomain(shape.replaceAll('{branch}', wanted.name.replace('preview-', '')));
  const environment = await ensureEnvironment(db, app, { name: wanted.name, domain, branch });
  if (isNew) await copySettings(places, environment, { like: previews.like, from: previews.configFrom }, db);
  return environment;
}

async function copySettings(
  places: readonly Place[],
  environment: Environment,
  { like, from }: { like: string; from: string | null },
  db: Drivers['db'],
): Promise<void> {
  const settingsOf = async (name: string | null) => {
    const place = places.find((candidate) => candidate.environment.name === name);
    return place && readSettings(db, place.environment.id);
  };
  await writeSettings(db, environment.id, {
    scale: (await settingsOf(like))?.scale ?? {},
    vars: (await settingsOf(from))?.vars ?? {},
  });
}

/** Takes a preview out of service at once; its containers, network and data go as soon as servers can be reached. */
export async function removePreview(
  app: Pick<App, 'id' | 'name'>,
  name: string,
  why: { actor: string; detail: string },
  { db, touch }: Drivers,
): Promise<void> {
  const environment = isPreviewName(name) ? await findEnvironment(db, app.id, name) : undefined;
  if (environment === undefined) return;
  await destroyEnvironment(db, environment.id);
  await recordEvent(db, { action: 'previews:remove', appId: app.id, env: name, ...why });
  await touch('build', environment.id);
  await touch('rollout', environment.id);
}

/** Removes previews, with their branches, to which nothing was pushed for `previews.ttl`. */
export async function removeOldPreviews(drivers: PipelineDrivers, now: number): Promise<void> {
  const { config, db, git } = drivers;
  if (config.previews === null) return;
  const { ttlMs } = config.previews;
  for (const { app, environment, destroyed } of await listPlaces(db)) {
    if (environment.branch === null || destroyed) continue;
    const [last] = await listDeploys(db, { environmentIds: [environment.id], limit: 1 });
    if (last === undefined || now - Date.parse(last.createdAt) < ttlMs) continue;
    await git.deleteRef(app.id, `${branchPrefix}${environment.branch}`);
    await removePreview(app, environment.name, { actor: 'hawser', detail: 'too old' }, drivers);
  }
}
