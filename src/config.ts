import { readConfigFile } from './config/read.ts';
import type { NoticeEvent, NoticeKind } from './model/notice.ts';
import type { Server } from './model/server.ts';

/** deploy.config.json, checked whole, defaults filled in, deeply frozen. Times in ms, sizes in bytes. */
export type Config = {
  /** The file it came from; relative paths in it are relative to its folder. */
  readonly file: string;
  readonly url: string;
  readonly listen: {
    readonly http: Address;
    readonly ssh: Address;
    /** Files of the certificate and its key with which `http` is served; null for plain HTTP. */
    readonly tls: { readonly cert: string; readonly key: string } | null;
  };
  readonly data: string;
  /** Where the master key is, under which what people set is sealed. */
  readonly secrets: MasterKeyPlace & { readonly outside: OutsideConfig };
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
    /** What the steps of a build reach: what the engine's containers do, or nothing. */
    readonly network: 'engine' | 'none';
    /** Path of the Docker engine's socket on this machine; local servers use it as well. */
    readonly socket: string;
    /** Base images of the Dockerfiles that are generated. */
    readonly bases: { readonly node: string; readonly python: string; readonly static: string };
  };
  /** Pattern with `{app}` and `{env}`; null means the default of the contract. */
  readonly domain: string | null;
  readonly servers: Readonly<Record<string, Server>>;
  readonly environments: Readonly<Record<string, EnvironmentConfig>>;
  /** Environments that branches make by themselves; null when none are wanted. */
  readonly previews: PreviewConfig | null;
  readonly limits: Limits;
  /** Networks that are not public and that webhooks and notifications may reach, as CIDR. */
  readonly webhooks: { readonly allow: readonly string[] };
  readonly notifications: NotificationsConfig;
  readonly retention: { readonly releases: number; readonly deploys: number };
};

export type MasterKeyPlace =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'text'; readonly text: string };

/** What variables of apps may be read from on the control machine. */
export type OutsideConfig = {
  readonly folders: readonly string[];
  /** Names in the environment of Hawser itself, and the values of those that are set. */
  readonly names: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
};

export type Address = { readonly host: string; readonly port: number };

export type ExternalRegistry = {
  readonly url: string;
  readonly namespace: string;
  readonly username: string | null;
  readonly password: string | null;
};

export type NotificationsConfig = {
  /** Through which mail goes; null when none is named. */
  readonly smtp: SmtpConfig | null;
  readonly receivers: Readonly<Record<string, ReceiverConfig>>;
};

/** Somebody whom the file has told what happens. */
export type ReceiverConfig = {
  readonly kind: NoticeKind;
  /** A URL, `mailto:` for mail. */
  readonly to: string;
  /** With which JSON is signed; null for what is not signed. */
  readonly secret: string | null;
  readonly events: readonly NoticeEvent[];
  /** Null for all. */
  readonly apps: readonly string[] | null;
  readonly environments: readonly string[] | null;
};

export type SmtpConfig = {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte, after STARTTLS and never without it, or none. */
  readonly security: 'tls' | 'starttls' | 'none';
  readonly username: string | null;
  readonly password: string | null;
  readonly from: string;
  /** File of the certificates that are trusted instead of those of the machine. */
  readonly ca: string | null;
};

export type EnvironmentConfig = {
  readonly name: string;
  readonly branches: readonly string[];
  readonly tags: readonly string[];
  /** Names of servers, roles already resolved, as the file knows them. */
  readonly servers: readonly string[];
  /** Names and roles as they are written; null means every server. */
  readonly serverWords: readonly string[] | null;
  /** Environments whose live release may be promoted to this one. */
  readonly promoteFrom: readonly string[];
  /** Whether a person must say yes before a rollout; `other`: not the one who asked for it. */
  readonly approval: 'none' | 'anyone' | 'other';
  /** Whether a client stays with the container that answered it first. */
  readonly sticky: boolean;
  /** Whether an image whose containers would run as root is refused before its rollout. */
  readonly requireNonRoot: boolean;
  readonly supersede: boolean;
  readonly rollout: RolloutConfig;
};

export type RolloutConfig = {
  readonly strategy: 'rolling' | 'all-at-once' | 'blue-green' | 'canary' | 'recreate';
  /** The servers that are switched first, then how many at a time. */
  readonly first: Batch;
  readonly batch: Batch;
  /** Percent of the requests that a canary gets, step by step; then it gets all. */
  readonly steps: readonly number[];
  readonly health: {
    readonly path: string;
    readonly intervalMs: number;
    readonly timeoutMs: number;
    readonly healthy: number;
    readonly deadlineMs: number;
  };
  readonly drainMs: number;
  readonly stopTimeoutMs: number;
  /** How long each step is watched before the next; `hold` waits for a person. */
  readonly bakeMs: number | 'hold';
  /** How long a blue-green release leaves the one before it running. */
  readonly keepMs: number;
  /** 0 to 1; null: not much worse than the release before. */
  readonly maxErrorRate: number | null;
  readonly maxLatencyMs: number | null;
  /** Requests that a step must have seen before its error rate says something. */
  readonly minRequests: number;
  /** Whether a step that is judged bad is reverted at once; otherwise it waits for a person. */
  readonly autoRollback: boolean;
  /** How long the release command may take. */
  readonly releaseTimeoutMs: number;
  readonly onUnreachable: 'fail' | 'skip';
};

/** A count of servers, or a share of them. */
export type Batch = { readonly count: number } | { readonly percent: number };

export type PreviewConfig = {
  /** Patterns of branches. */
  readonly branches: readonly string[];
  /** The environment whose servers and rollout a preview has. */
  readonly like: string;
  /** The environment whose variables a new preview begins with; null for none. */
  readonly configFrom: string | null;
  /** A preview to which nothing was pushed for this long is removed. */
  readonly ttlMs: number;
  /** Pattern with `{app}` and `{branch}`. */
  readonly domain: string;
  /** How many previews an app may have. */
  readonly limit: number;
};

export type UserLimits = {
  /** In an hour. */
  readonly pushes: number;
  /** Pushes that wait or are built. */
  readonly deploys: number;
  readonly apps: number;
  /** Bytes that the repositories and logs of their apps take. */
  readonly disk: number;
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
  /** Requests of the API that are answered in a minute: to one address, and to one user or credential. */
  readonly requests: { readonly address: number; readonly credential: number };
  /** What one user, or a token or key of its own, gets. */
  readonly user: UserLimits;
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
