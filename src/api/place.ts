import { Failure } from '../failure.ts';
import type { App } from '../model/app.ts';
import { listPlaces, type Place } from '../store/apps.ts';
import type { Database } from '../store/database.ts';

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
