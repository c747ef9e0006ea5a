import { Failure } from '../failure.ts';
import type { App } from '../model/app.ts';
import { parseDomain } from '../route/domain.ts';
import { defaultDomain } from '../route/table.ts';
import { ensureEnvironment, listPlaces, type Place } from '../store/apps.ts';
import type { Database } from '../store/database.ts';
import type { ApiDesk } from './desk.ts';

/**
 * The environment that is meant: the one that is named, else `production`, else the only one.
 * Throws `environment_unknown`.
 */
export async function choosePlace(db: Database, app: App, name: string | undefined): Promise<Place> {
  const places = (await listPlaces(db, app.id)).filter((place) => !place.destroyed);
  const known = places.map((place) => place.environment.name);
  const wanted = name ?? (known.includes('production') || known.length !== 1 ? 'production' : known[0]);
  const found = places.find((place) => place.environment.name === wanted);
  if (found) return found;
  const there = known.length === 0 ? 'nothing was pushed to it yet' : `it has: ${known.join(', ')}`;
  throw new Failure(
    'environment_unknown',
    `${app.name} has no environment ${JSON.stringify(String(wanted).slice(0, 80))}; ${there}.`,
  );
}

/** The same, made when deploy.config.json has it and nothing was pushed to it yet. Throws `environment_unknown`. */
export async function ensurePlace(
  { config, db }: Pick<ApiDesk, 'config' | 'db'>,
  app: App,
  name: string | undefined,
): Promise<Place> {
  const places = (await listPlaces(db, app.id)).filter((place) => !place.destroyed);
  const written = Object.keys(config.environments);
  const only = places.length === 0 && written.length === 1 ? written[0] : undefined;
  const wanted = name ?? only ?? (places.length === 1 ? undefined : 'production');
  const isThere = wanted === undefined || places.some(({ environment }) => environment.name === wanted);
  if (!isThere && written.includes(wanted)) {
    const domain = parseDomain(defaultDomain(config.domain, app.name, wanted));
    await ensureEnvironment(db, app, { name: wanted, domain });
  }
  return choosePlace(db, app, wanted);
}
