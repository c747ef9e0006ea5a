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

/** How the built image is tested before it is published. */
export type Check = {
  readonly command: readonly string[];
  /** Over the app's own variables, and over those of its services. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
};

/** What runs beside an app while it is tested, or beside a preview, and goes with it. */
export type Service = {
  readonly name: string;
  readonly image: string;
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  /** Null for the image's own. */
  readonly command: readonly string[] | null;
  /** What `<NAME>_URL` is, with `{host}`, `{port}` and `{password}` in it. */
  readonly url: string;
  /** Run in its container; exit code 0 means ready. Null: it is ready when it accepts connections. */
  readonly ready: readonly string[] | null;
};

/** A variable that an app names without a value; a secret is made once, a required one must be set before a deploy. */
export type AwaitedVariable = {
  readonly name: string;
  readonly kind: 'secret' | 'required' | 'expected';
};

/** What an app says about itself in its Procfile and app.json. */
export type Manifest = {
  readonly processes: readonly Process[];
  /** The release command: runs once in the new image. */
  readonly release: readonly string[] | null;
  readonly env: Readonly<Record<string, string>>;
  readonly awaited: readonly AwaitedVariable[];
  readonly health: Partial<HealthCheck> | null;
  readonly build: BuildSettings;
  readonly resources: Partial<Resources>;
  readonly check: Check | null;
  readonly services: readonly Service[];
  readonly warnings: readonly string[];
};
