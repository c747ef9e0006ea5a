import type { App, Environment } from '../../model/app.ts';
import type { Deploy } from '../../model/deploy.ts';
import { keepCommit } from '../../receive/keep-commit.ts';
import { zeroOid } from '../../receive/plan.ts';
import { checkTree } from '../../receive/tree-check.ts';
import { findUnfinishedOfCommit, reserveDeployId } from '../../store/deploys.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readEnvironmentConfig } from '../environment.ts';
import { refuseUnproven } from './image-policy.ts';
import { type AcceptDrivers, queueDeploy } from './queue-deploy.ts';

export type CommitRequest = {
  readonly app: App;
  readonly environment: Environment;
  /** The digits that were given. */
  readonly commit: string;
  readonly actor: string;
  readonly noCache: boolean;
  /** Why it cannot wait for the end of a freeze. */
  readonly overrideFreeze?: string | undefined;
};

type Drivers = Pick<PipelineDrivers, 'config' | 'git'>;

/** A commit that was pushed before. */
export type KnownSource = {
  readonly commit: string;
  readonly author: string;
  readonly message: string;
  readonly warnings: readonly string[];
};

/**
 * Finds a commit and looks at it as a push is looked at, of which only the newest one was. Throws what
 * `Git.findCommit` and `checkTree` throw.
 */
export async function readSource(
  app: Pick<App, 'id'>,
  digits: string,
  { git, config }: Drivers,
): Promise<KnownSource> {
  const commit = await git.findCommit(app.id, digits);
  await using reader = git.openReader(app.id);
  const warnings = await checkTree(reader, commit, config.limits);
  const { author, message } = await git.readCommit(app.id, commit);
  return { commit, author, message, warnings };
}

/**
 * Records the deploy of a commit that the repository has, which then goes the way of a push and moves no branch. One
 * that is on its way already is answered instead. Throws what `readSource`, `refuseUnproven` and `queueDeploy` throw.
 */
export async function acceptCommit(
  { app, environment, commit: digits, actor, noCache, overrideFreeze }: CommitRequest,
  drivers: AcceptDrivers & Drivers,
): Promise<Deploy> {
  const { db, git } = drivers;
  const settings = await readEnvironmentConfig(drivers, environment.name);
  refuseUnproven(settings, 'commits');
  const { warnings, ...source } = await readSource(app, digits, drivers);
  const { commit } = source;
  const running = await findUnfinishedOfCommit(db, environment.id, commit);
  if (running !== undefined) return running;
  const id = await reserveDeployId(db);
  // The commit stays as long as its deploy, whatever becomes of its branch.
  return await keepCommit(git, { appId: app.id, deployId: id, commit }, (ref) =>
    queueDeploy(
      drivers,
      { app, environment },
      {
        id,
        environmentId: environment.id,
        kind: 'push',
        actor,
        options: {
          ...(noCache ? { noCache } : {}),
          ...(overrideFreeze === undefined ? {} : { overrideFreeze }),
        },
        source: { ...source, appId: app.id, ref, previous: zeroOid, actor },
        fromReleaseId: null,
        supersede: settings.supersede,
      },
      [`Deploys the commit ${commit}; no branch moves`, ...warnings],
    ),
  );
}
