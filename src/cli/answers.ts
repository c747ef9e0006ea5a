import type { DeployHold, DeployState } from '../model/deploy.ts';

/** What the API answers, as far as the command line reads it. */
export type Page<T> = { readonly items: readonly T[]; readonly next: string | null };

export type EnvironmentAnswer = {
  readonly name: string;
  readonly urls: readonly string[];
  readonly release: number | null;
  readonly commit: string | null;
  readonly branches: readonly string[];
  readonly servers: readonly string[];
  readonly deploying: readonly number[];
  /** What its page says instead of the app; empty for the usual sentence. */
  readonly maintenance: string | null;
};

export type AppAnswer = {
  readonly name: string;
  readonly remote: string;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly locks: readonly LockAnswer[];
  readonly environments: readonly EnvironmentAnswer[];
};

export type DeployAnswer = {
  readonly id: number;
  readonly app: string;
  readonly env: string;
  readonly kind: string;
  readonly change: string | null;
  readonly image: string | null;
  readonly state: DeployState;
  /** What it waits for until a person decides. */
  readonly hold: DeployHold | null;
  readonly release: number | null;
  readonly rollbackTo: number | null;
  readonly commit: string | null;
  readonly ref: string | null;
  readonly author: string | null;
  readonly message: string | null;
  readonly actor: string;
  /** Why it went out in spite of a freeze. */
  readonly overrideFreeze: string | null;
  readonly approval: {
    readonly askedBy: string;
    readonly decision: {
      readonly verdict: string;
      readonly by: string;
      readonly at: string;
      readonly reason: string | null;
    } | null;
  } | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly switchedAt: string | null;
  readonly endedAt: string | null;
};

export type StepAnswer = {
  readonly name: string;
  readonly outcome: string;
  readonly detail: string | null;
  readonly begunAt: string;
  readonly endedAt: string | null;
};

export type DeployInfoAnswer = DeployAnswer & {
  readonly steps: readonly StepAnswer[];
  readonly result: readonly string[];
};

export type ReleaseAnswer = {
  readonly version: number;
  readonly current: boolean;
  readonly outcome: string;
  readonly what: string;
  readonly image: { readonly digest: string };
  readonly commit: string | null;
  readonly author: string | null;
  readonly message: string | null;
  readonly actor: string;
  readonly deploy: number;
  /** Why it went out in spite of a freeze. */
  readonly overrideFreeze: string | null;
  readonly createdAt: string;
  readonly wentLiveAt: string | null;
};

export type ReleaseInfoAnswer = ReleaseAnswer & {
  readonly env: string;
  readonly config: readonly string[];
  readonly processes: readonly {
    readonly type: string;
    readonly command: readonly string[] | null;
    readonly quantity: number | null;
  }[];
  readonly domains: readonly string[];
  readonly releaseCommand: readonly string[] | null;
  readonly endedAt: string | null;
  readonly failure: { readonly code: string; readonly message: string | null } | null;
  /** The release that was live before it. */
  readonly before: number | null;
  readonly changes: readonly string[];
  readonly commits: readonly { readonly commit: string; readonly author: string; readonly message: string }[];
};

export type Unreachable = { readonly server: string; readonly reason: string };

export type ContainerAnswer = {
  readonly server: string;
  readonly name: string;
  readonly release: number;
  readonly process: string;
  readonly index: number;
  readonly state: string;
  readonly address: string | null;
};

export type ServerAnswer = {
  readonly name: string;
  readonly kind: string;
  readonly ssh: string | null;
  readonly via: string | null;
  readonly address: string;
  readonly roles: readonly string[];
  /** `file` or `added`. */
  readonly from: string;
  readonly drained: { readonly reason: string; readonly by: string; readonly at: string } | null;
  readonly environments: readonly string[];
  readonly pinned: string | null;
  readonly pinnedBy: string | null;
  readonly reachable: boolean;
  readonly engine: string | null;
  readonly reason: string | null;
};

export type ServerInfoAnswer = ServerAnswer & {
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | null;
  /** Null when it does not answer. */
  readonly containers:
    | readonly (ContainerAnswer & {
        readonly app: string;
        readonly env: string;
        /** In what it was changed by hand. */
        readonly changed: readonly string[];
      })[]
    | null;
};

export type AdmissionAnswer = {
  readonly added: boolean;
  readonly findings: readonly FindingAnswer[];
  readonly commands: readonly string[];
};

export type TokenAnswer = {
  readonly id: string;
  readonly name: string;
  readonly app: string | null;
  readonly env: string | null;
  readonly user: string | null;
  readonly rights: readonly string[];
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly lastUsedOn: string | null;
};

export type KeyAnswer = TokenAnswer & { readonly fingerprint: string };

export type FindingAnswer = {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  readonly fix: string | null;
};

type SpaceAnswer = { readonly freeBytes: number; readonly totalBytes: number };

export type ServerUseAnswer = {
  readonly server: string;
  readonly reason: string | null;
  readonly space: SpaceAnswer | null;
  readonly engine: {
    readonly layersBytes: number;
    readonly containersBytes: number;
    readonly volumesBytes: number;
    readonly buildCacheBytes: number;
  } | null;
  readonly images: readonly {
    readonly app: string;
    readonly releases: readonly string[];
    readonly uniqueBytes: number;
    readonly keep: string;
  }[];
};

export type DiskAnswer = {
  readonly floor: number;
  readonly data: {
    readonly space: SpaceAnswer;
    readonly parts: readonly { readonly name: string; readonly bytes: number }[];
  };
  readonly servers: readonly ServerUseAnswer[];
};

export type PruneAnswer = {
  readonly planned: boolean;
  readonly items: readonly {
    readonly place: string;
    readonly removed: readonly string[];
    readonly bytes: number;
    readonly note: string | null;
  }[];
};

type LiveAnswer = { readonly env: string; readonly release: number | null; readonly commit: string | null };

export type StageAnswer = LiveAnswer & {
  readonly promoteFrom: readonly string[];
  /** Deploys that wait for approval. */
  readonly waiting: readonly number[];
};

export type PipelineAnswer = { readonly app: string; readonly stages: readonly StageAnswer[] };

type CommitAnswer = { readonly commit: string; readonly author: string; readonly message: string };

export type PromotionAnswer = {
  readonly from: LiveAnswer & { readonly release: number };
  readonly to: LiveAnswer;
  /** What is other, a line each. */
  readonly changes: readonly string[];
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  readonly commits: readonly CommitAnswer[];
  /** Commits that are live there and not where it comes from. */
  readonly undone: readonly CommitAnswer[];
};

export type ApprovalAnswer = DeployAnswer & {
  readonly askedBy: string;
  readonly askedAt: string;
  readonly by: string;
};

export type FreezeAnswer = {
  readonly id: number;
  readonly app: string | null;
  readonly env: string | null;
  readonly window: string;
  readonly zone: string;
  readonly reason: string;
  readonly createdBy: string;
  readonly on: boolean;
  /** When it begins or ends next; null when it never does. */
  readonly changesAt: string | null;
};

export type LockAnswer = {
  /** Null for the whole app. */
  readonly env: string | null;
  readonly message: string;
  readonly lockedBy: string;
  readonly lockedAt: string;
  readonly expiresAt: string | null;
};
