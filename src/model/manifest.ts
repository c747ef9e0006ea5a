import type { HealthCheck, Process, Resources } from './release.ts';

/** Where the image comes from; paths are relative to the repository. */
export type BuildSettings = {
  /** Null: `Dockerfile` in the context, or a generated one. */
  readonly dockerfile: string | null;
  /** A folder without a slash at its end; empty for the whole repository. */
  readonly context: string;
  readonly target: string | null;
  readonly args: Readonly<Record<string, string>>;
};

/** What an app says about itself in its Procfile and app.json. */
export type Manifest = {
  readonly processes: readonly Process[];
  /** The release command: runs once in the new image. */
  readonly release: readonly string[] | null;
  readonly env: Readonly<Record<string, string>>;
  readonly health: Partial<HealthCheck> | null;
  readonly build: BuildSettings;
  readonly resources: Partial<Resources>;
  readonly warnings: readonly string[];
};
