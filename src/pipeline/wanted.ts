import type { EnvironmentConfig } from '../config.ts';
import type { HealthCheck, Release } from '../model/release.ts';
import type { Wanted } from '../rollout/plan.ts';
import type { Place } from '../store/apps.ts';

/** What an environment is to run by its settings. */
export function planWanted(place: Place, release: Release | null, settings: EnvironmentConfig): Wanted {
  const { app, environment } = place;
  return {
    app: app.name,
    env: environment.name,
    release,
    servers: settings.servers,
    strategy: settings.rollout,
  };
}

/** The operator's times, with what the app's own health check says on top. */
export function planTimes({ rollout }: EnvironmentConfig, release: Release | null) {
  const health: HealthCheck = { ...rollout.health, ...release?.health };
  return { health, drainMs: rollout.drainMs, stopTimeoutMs: rollout.stopTimeoutMs };
}

/** The app's path in every registry; by its id, so that a later app of the same name shares nothing with it. */
export function repositoryOf(app: { readonly id: string }): string {
  return `hawser/${app.id}`;
}
