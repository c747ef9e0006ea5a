/** One line of the Procfile with its quantity; no command means the image's own. */
export type Process = {
  readonly type: string;
  readonly command: readonly string[] | null;
  /** In all, spread over the servers; null means one on every server. */
  readonly quantity: number | null;
  /** What the app itself asks for, where people set another number. */
  readonly usual?: number | null;
};

/** Always by digest; the repository is the app's path in the registry, without the registry's address. */
export type Image = { readonly repository: string; readonly digest: string };

/** What a probe asks of a `web` container; times in milliseconds. */
export type HealthCheck = {
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Good answers in a row. */
  readonly healthy: number;
  readonly deadlineMs: number;
};

/** What runs: an image, its config and its processes. Immutable, numbered per environment. */
export type Release = {
  readonly id: number;
  readonly environmentId: string;
  /** The app's name when it was made: its containers are called by it. */
  readonly app: string;
  readonly version: number;
  readonly image: Image;
  /** What its containers get: the app's own defaults with what people set on top. */
  readonly config: Readonly<Record<string, string>>;
  /** The variables that the app itself brought. */
  readonly defaults: Readonly<Record<string, string>>;
  /** Of the config what was read from outside when the release was made, and where from. */
  readonly outside: Readonly<Record<string, string>>;
  readonly domains: readonly string[];
  readonly processes: readonly Process[];
  /** Runs once in the new image before any switch. */
  readonly releaseCommand: readonly string[] | null;
  /** Where `web` listens inside its container, also its `PORT`. */
  readonly port: number;
  readonly health: HealthCheck | null;
  readonly resources: Resources;
  readonly commit: string | null;
  readonly author: string | null;
  readonly message: string | null;
  readonly actor: string;
  readonly deployId: number;
  /** Set when this release brings an earlier one back. */
  readonly rollbackOf: number | null;
  /** The deploy that decided on the image; a change of settings carries it on. Order is by this number. */
  readonly imageDeployId: number;
  /** The release of another environment that proved this image. */
  readonly promotedFrom: number | null;
  /** When it first had all the traffic; null while it never had. */
  readonly wentLiveAt: string | null;
  readonly createdAt: string;
};

/** Limits of one container: bytes, CPUs, process ids. */
export type Resources = { readonly memory: number; readonly cpus: number; readonly pids: number };
