import type { Config } from '../config.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Journals } from '../log/journal.ts';
import type { App, Environment } from '../model/app.ts';
import type { Deploy, DeployOptions } from '../model/deploy.ts';
import type { AcceptedChange, ChangeRequest } from '../pipeline/accept/accept-change.ts';
import type { PromotionRequest } from '../pipeline/accept/promote.ts';
import type { Wish } from '../pipeline/accept/propose.ts';
import type { CommitRequest } from '../pipeline/accept/take-commit.ts';
import type { ImageRequest } from '../pipeline/accept/take-image.ts';
import type { ServerDesk } from '../pipeline/converge/servers.ts';
import type { Forecast } from '../pipeline/forecast/forecast.ts';
import type { ApprovalWish } from '../pipeline/gates/approval.ts';
import type { DiskUse } from '../pipeline/prune/disk.ts';
import type { Pruned } from '../pipeline/prune/prune.ts';
import type { RenameRequest } from '../pipeline/rename.ts';
import type { RunDesk } from '../pipeline/runs/run-desk.ts';
import type { Commit } from '../receive/git/repositories.ts';
import type { MasterKeys } from '../secrets/master-key.ts';
import type { Place } from '../store/apps.ts';
import type { Database } from '../store/database.ts';

import type { LoginGate } from './logins.ts';

/** One part of the installation, as `/readyz` and `hawser doctor` tell of it. */
export type Readiness = { readonly name: string; readonly ok: boolean; readonly detail: string };

/** What the API needs of the rest of the program; it is wired where the drivers are. */
export type ApiDesk = {
  readonly config: Config;
  readonly db: Database;
  /** The keys of the installation, under which the ledger's values are sealed. */
  readonly masters: MasterKeys;
  readonly journals: Journals;
  readonly fleet: Fleet;
  /** Who guesses passwords. */
  readonly logins: LoginGate;
  /** Servers that come and go. */
  readonly servers: ServerDesk;
  /** One-off commands. */
  readonly runs: RunDesk;
  createApp(name: string, actor: string): Promise<App>;
  destroyApp(app: App, actor: string): Promise<void>;
  /** Gives it another name, with the deploys that bring it. */
  renameApp(wanted: RenameRequest): Promise<{ readonly app: App; readonly deploys: readonly Deploy[] }>;
  rollback(wanted: {
    app: App;
    environment: Environment;
    version: number | null;
    digest?: string | undefined;
    actor: string;
  }): Promise<Deploy>;
  /** What a wish would do, and in words; nothing is changed. */
  plan(app: App, wish: Wish, actor: string, signal: AbortSignal): Promise<Planned>;
  /** Changes settings, with the deploy that brings them. */
  change(request: ChangeRequest): Promise<AcceptedChange>;
  /** Commits that are in `to` and not in `from`, the newest first; none of one that the repository lacks. */
  listCommits(app: App, from: string, to: string, most: number): Promise<readonly Commit[]>;
  /** `given` is said of this retry only. */
  retry(deploy: Deploy, actor: string, given: DeployOptions): Promise<Deploy>;
  cancel(deploy: Deploy, actor: string): Promise<Deploy>;
  /** Deploys an image that was built elsewhere. */
  deployImage(wanted: ImageRequest): Promise<Deploy>;
  /** Deploys a commit that was pushed before; the deploy that brings it already, while one does. */
  deployCommit(wanted: CommitRequest): Promise<Deploy>;
  /** Deploys what is live in one environment to another. */
  promote(wanted: PromotionRequest): Promise<Deploy>;
  /** Lets a deploy that waits go on, or ends it. */
  decideApproval(wanted: ApprovalWish): Promise<Deploy>;
  /** A rollout that waits or is watched goes on, or is taken back. */
  continue(deploy: Deploy, actor: string): Promise<Deploy>;
  abort(deploy: Deploy, actor: string): Promise<Deploy>;
  /**
   * Shows a page instead of an app, null ends it. False when it is recorded, and the load balancer does not follow
   * within seconds.
   */
  setMaintenance(place: Place, text: string | null, actor: string): Promise<boolean>;
  /** Everything that must be there before the server takes work. */
  readiness(): Promise<readonly Readiness[]>;
  /** The difference between the file as it is now and what runs, a line each. */
  planApply(): Promise<readonly string[]>;
  apply(): Promise<readonly string[]>;
  /** The fingerprint that a server shows now. */
  readHostKey(name: string, signal: AbortSignal): Promise<string>;
  /** Pins this fingerprint, and only if the server shows it now. */
  trustServer(name: string, fingerprint: string, actor: string, signal: AbortSignal): Promise<void>;
  /** Who uses what of the disks. */
  measureDisk(signal: AbortSignal): Promise<DiskUse>;
  /** Removes what nobody needs from one server, or from everywhere. Throws `server_unknown`. */
  prune(wanted: PruneWish, signal: AbortSignal): Promise<readonly Pruned[]>;
};

/** A forecast, and its lines for people. */
export type Planned = { readonly forecast: Forecast; readonly lines: readonly string[] };

export type PruneWish = {
  readonly server: string | null;
  readonly planOnly: boolean;
  readonly actor: string;
};

export type ApiLog = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};
