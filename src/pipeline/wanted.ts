import type { EnvironmentConfig } from '../config.ts';
import type { HealthCheck, Release } from '../model/release.ts';
import type { Wanted } from '../rollout/plan.ts';
import type { Place } from '../store/apps.ts';

/** What an environment is to run by its settings; `more` says what else is to stay, and where a rollout stands. */
export function planWanted(
  place: Place,
  release: Release | null,
  settings: EnvironmentConfig,
  more: Partial<Pick<Wanted, 'keep' | 'progress'>> = {},
): Wanted {
  const { app, environment } = place;
  return {
    // What runs is called as the app was when it was released.
    app: release?.app ?? app.name,
    env: environment.name,
    release,
    servers: settings.servers,
    strategy: settings.rollout,
    keep: more.keep ?? [],
    progress: more.progress ?? null,
  };
}

/** The same without a canary's shares: for a release that was live already. */
export function inOneGo(wanted: Wanted): Wanted {
  if (wanted.strategy.strategy !== 'canary') return wanted;
  return { ...wanted, strategy: { ...wanted.strategy, strategy: 'all-at-once' } };
}

/** The operator's times, with what the app's own health check says on top. */
export function planTimes({ rollout }: EnvironmentConfig, release: Release | null) {
  const health: HealthCheck = { ...rollout.health, ...release?.health };
  const { drainMs, stopTimeoutMs, releaseTimeoutMs } = rollout;
  return { health, drainMs, stopTimeoutMs, releaseTimeoutMs };
}

/** The app's path in every registry; by its id, so that a later app of the same name shares nothing with it. */
export function repositoryOf(app: { readonly id: string }): string {
  return `hawser/${app.id}`;
}
