import { localRepository } from '../../publish/registry.ts';
import { type Kept, planKept } from '../../publish/retain.ts';
import { listPlaces } from '../../store/apps.ts';
import { listAppsInBuild, listReleaseRows, type ReleaseRow } from '../../store/retention.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { repositoryOf } from '../wanted.ts';

/** What the ledger says must stay, everywhere; read it after what is there was listed, never before. */
export type KeptNow = {
  readonly kept: Kept;
  readonly releases: readonly ReleaseRow[];
  /** Local repositories whose images may go; of an app that is being built nothing is known for sure. */
  readonly repositories: ReadonlySet<string>;
  /** App by local repository, those in build too. */
  readonly apps: ReadonlyMap<string, string>;
};

/** The union over all environments of what runs, what can be rolled back to and what is not finished. */
export async function readKept({ db, config }: Pick<PipelineDrivers, 'db' | 'config'>): Promise<KeptNow> {
  // A release is recorded before its deploy stops being in build: asked in this order it is seen in one of them.
  const inBuild = await listAppsInBuild(db);
  const places = await listPlaces(db);
  const releases = await listReleaseRows(db);
  const apps = new Map(places.map(({ app }) => [localRepository(repositoryOf(app)), app.name]));
  const free = places.filter(({ app }) => !inBuild.has(app.id));
  return {
    kept: planKept(releases, config.retention.releases),
    releases,
    repositories: new Set(free.map(({ app }) => localRepository(repositoryOf(app)))),
    apps,
  };
}
