import { Failure } from '../failure.ts';
import type { App } from '../model/app.ts';
import { parseDomain } from '../route/domain.ts';
import { defaultDomain } from '../route/table.ts';
import { ensureEnvironment, listPlaces, type Place } from '../store/apps.ts';
import type { Database } from '../store/database.ts';
import type { ApiDesk } from './desk.ts';

type PlaceDesk = Pick<ApiDesk, 'config' | 'db'>;

/** The name of the environment that is meant: the one that is named, else `production`, else the only one. */
export async function nameEnvironment(
  { config, db }: PlaceDesk,
  app: App,
  name: string | undefined,
): Promise<string> {
  if (name !== undefined) return name;
  const there = (await readPlaces(db, app)).map((place) => place.environment.name);
  const possible = there.length === 0 ? Object.keys(config.environments) : there;
  const [only, ...others] = possible;
  return only !== undefined && others.length === 0 ? only : 'production';
}

/** The environment of that name. Throws `environment_unknown`. */
export async function choosePlace(db: Database, app: App, name: string): Promise<Place> {
  const places = await readPlaces(db, app);
  const found = places.find((place) => place.environment.name === name);
  if (found) return found;
  const known = places.map((place) => place.environment.name);
  const there = known.length === 0 ? 'nothing was pushed to it yet' : `it has: ${known.join(', ')}`;
  throw new Failure(
    'environment_unknown',
    `${app.name} has no environment ${JSON.stringify(name.slice(0, 80))}; ${there}.`,
  );
}

/** The same, made when deploy.config.json has it and nothing was pushed to it yet. Throws `environment_unknown`. */
export async function ensurePlace({ config, db }: PlaceDesk, app: App, name: string): Promise<Place> {
  const isThere = (await readPlaces(db, app)).some(({ environment }) => environment.name === name);
  if (!isThere && Object.hasOwn(config.environments, name)) {
    const domain = parseDomain(defaultDomain(config.domain, app.name, name));
    await ensureEnvironment(db, app, { name, domain });
  }
  return choosePlace(db, app, name);
}

async function readPlaces(db: Database, app: App): Promise<readonly Place[]> {
  return (await listPlaces(db, app.id)).filter((place) => !place.destroyed);
}
