import { readConfigFile } from './config/read.ts';
import type { Server } from './model/server.ts';

/** deploy.config.json, checked whole, defaults filled in, deeply frozen. Times in ms, sizes in bytes. */
export type Config = {
  /** The file it came from; relative paths in it are relative to its folder. */
  readonly file: string;
  readonly url: string;
  readonly listen: { readonly http: Address; readonly ssh: Address };
  readonly data: string;
  readonly redis: 'embedded' | { readonly url: string };
  readonly registry: 'embedded' | ExternalRegistry;
  readonly loadBalancer: { readonly kind: 'embedded'; readonly listen: Address };
  readonly builders: {
    readonly concurrency: number;
    readonly memory: number;
    readonly cpus: number;
    readonly pids: number;
    readonly timeoutMs: number;
    /** Bytes of images, old ones first to go, that a builder which is no server keeps as its cache. */
    readonly cache: number;
    /** Path of the Docker engine's socket on this machine; local servers use it as well. */
    readonly socket: string;
    /** Base images of the Dockerfiles that are generated. */
    readonly bases: { readonly node: string; readonly python: string; readonly static: string };
  };
  /** Pattern with `{app}` and `{env}`; null means the default of the contract. */
  readonly domain: string | null;
  readonly servers: Readonly<Record<string, Server>>;
  readonly environments: Readonly<Record<string, EnvironmentConfig>>;
  readonly limits: Limits;
  readonly retention: { readonly releases: number; readonly deploys: number };
};

export type Address = { readonly host: string; readonly port: number };

export type ExternalRegistry = {
  readonly url: string;
  readonly namespace: string;
  readonly username: string | null;
  readonly password: string | null;
};

export type EnvironmentConfig = {
  readonly name: string;
  readonly branches: readonly string[];
  readonly tags: readonly string[];
  /** Names of servers, roles already resolved. */
  readonly servers: readonly string[];
  readonly supersede: boolean;
  readonly rollout: RolloutConfig;
};

export type RolloutConfig = {
  readonly strategy: 'rolling' | 'all-at-once';
  /** First one server, then this many: a count or a share of the servers. */
  readonly batch: { readonly count: number } | { readonly percent: number };
  readonly health: {
    readonly path: string;
    readonly intervalMs: number;
    readonly timeoutMs: number;
    readonly healthy: number;
    readonly deadlineMs: number;
  };
  readonly drainMs: number;
  readonly stopTimeoutMs: number;
  readonly onUnreachable: 'fail' | 'skip';
};

export type Limits = {
  /** Bytes of one push. */
  readonly push: number;
  readonly file: number;
  readonly treeFiles: number;
  readonly treeBytes: number;
  readonly treeDepth: number;
  readonly refs: number;
  readonly receives: number;
  /** Bytes that must be free on the data disk for a push or a build. */
  readonly diskFloor: number;
  /** Bytes of log kept of one deploy. */
  readonly log: number;
  /** What one container of an app gets. */
  readonly container: { readonly memory: number; readonly cpus: number; readonly pids: number };
};

/**
 * Reads deploy.config.json: everything is checked, defaults are filled in, the result is frozen to its leaves.
 * Throws one Failure (`config_not_found`, `config_too_large`, `config_parse_error`, `config_not_object`, or
 * `config_invalid` with all mistakes, a line each: `path: message (hint)`).
 */
export function readConfig(file: string, env: NodeJS.ProcessEnv): Config {
  return readConfigFile(file, env);
}
