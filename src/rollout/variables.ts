import type { Release } from '../model/release.ts';
import type { Place } from '../store/apps.ts';

/** What every container is told of itself; the app's own config wins over it. */
export function planVariables(
  { app, environment }: Place,
  release: Pick<Release, 'commit'> & { readonly app?: string; readonly version: number | null },
): Record<string, string> {
  return {
    HAWSER_APP: release.app ?? app.name,
    HAWSER_ENV: environment.name,
    // What is tested is no release yet.
    ...(release.version === null ? {} : { HAWSER_RELEASE: `v${release.version}` }),
    ...(release.commit === null ? {} : { HAWSER_COMMIT: release.commit }),
  };
}
