import type { EnvironmentConfig, PreviewConfig } from '../config.ts';
import type { Failure } from '../failure.ts';
import type { DeployOptions, DeployState } from '../model/deploy.ts';
import type { GitOrigin } from './git/audit.ts';
import type { PushPlan } from './plan.ts';

export type MayPush = (environment: string) => boolean;

export type PushedApp = { readonly id: string; readonly name: string };

/** What is recorded of one ref that deploys. */
export type PushedDeploy = {
  readonly deployId: number;
  readonly app: PushedApp;
  readonly actor: string;
  readonly ref: string;
  readonly commit: string;
  readonly previous: string;
  readonly author: string;
  readonly message: string;
  readonly environment: string;
  readonly options: DeployOptions;
};

/** The rest of the server as a push sees it. */
export type PushDesk = {
  environments(app: PushedApp): readonly EnvironmentConfig[];
  previews(): PreviewConfig | null;
  reserveDeploy(): Promise<number>;
  /** Ledger record, durable when it resolves; a deploy of the same commit and environment that still runs is attached to instead. */
  recordDeploy(push: PushedDeploy): Promise<{ deployId: number; attached: boolean }>;
  /** What a push would do, a line each; nothing is changed. */
  planPush(push: Omit<PushedDeploy, 'deployId' | 'options'>): Promise<readonly string[]>;
  /** Takes a preview out of service whole; the rest of it goes by itself. */
  removePreview(app: PushedApp, environment: string, actor: string): Promise<void>;
  /** Lines as they come, until the deploy ended; rejects only when the signal aborts. */
  followDeploy(
    deployId: number,
    write: (line: string) => void,
    signal: AbortSignal,
  ): Promise<{ state: DeployState; reason: string | null }>;
  /** Disk floor and the like: a Failure refuses the push before the upload. */
  isFree(): Promise<Failure | null>;
};

/** One push in flight, from the start of its git to the end of it. */
export type Push = {
  readonly id: string;
  readonly app: PushedApp;
  readonly actor: string;
  readonly actorKind: string;
  readonly origin: GitOrigin;
  /** Whether the pusher may bring something to this environment of the app. */
  readonly mayPush: MayPush;
  /** Aborted when nobody listens any more: what is recorded goes on, following ends. */
  readonly left: AbortController;
  /** Called once, when the upload is over and only following is left to do. */
  readonly onReceived: () => void;
  /** Of its receive-pack; null until that is started. */
  pid: number | null;
  /** Made in pre-receive, obeyed in proc-receive. */
  examined: Examined | null;
};

/** What pre-receive found; `commits` has the commit that each new object leads to. */
export type Examined = { readonly plan: PushPlan; readonly commits: Readonly<Record<string, string>> };

/** What a hook tells the server when it begins. */
export type HookCall = {
  readonly phase: 'pre-receive' | 'proc-receive';
  readonly updates: readonly { readonly ref: string; readonly old: string; readonly new: string }[];
  /** How many updates there were; the list is cut when it is long. */
  readonly total: number;
  readonly options: readonly string[];
  readonly atomic: boolean;
  /** Where the objects of the push are until they are accepted, as git names it; empty when they are nowhere else. */
  readonly quarantine: string;
};

/** `stored` is the ref that took the commit when it is not the one that was pushed. */
export type RefAnswer =
  | { readonly ref: string; readonly ok: true; readonly stored?: { ref: string; new: string } }
  | { readonly ref: string; readonly ok: false; readonly reason: string };
