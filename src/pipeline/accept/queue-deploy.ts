import { announce } from '../../announce.ts';
import type { App, Environment } from '../../model/app.ts';
import { type Deploy, makesImage } from '../../model/deploy.ts';
import { positionOf } from '../../queue/turn.ts';
import { askApproval } from '../../store/approvals.ts';
import { recordDone } from '../../store/audit/audit.ts';
import { getDeploy, insertDeploy, listUnfinished, type NewDeploy } from '../../store/deploys.ts';
import { recordJournal } from '../../store/journals.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { refuseWhenClosed } from '../gates/gate.ts';
import { refuseExcess } from './user-limits.ts';

export type AcceptDrivers = Pick<PipelineDrivers, 'config' | 'db' | 'journals' | 'touch'>;

type Where = {
  readonly app: Pick<App, 'id' | 'name'>;
  readonly environment: Pick<Environment, 'id' | 'name'>;
};

/**
 * Records a deploy if nothing forbids it now, writes the first line of its log, then those that are given, and wakes
 * its lane. Throws `app_locked`, `frozen`, and what `refuseExcess` throws.
 */
export async function queueDeploy(
  drivers: AcceptDrivers,
  place: Where,
  wanted: NewDeploy & { readonly awaitsApproval?: boolean },
  lines: readonly string[] = [],
): Promise<Deploy> {
  const deploy = await drivers.db.transaction().execute(async (tx) => {
    await refuseWhenClosed(tx, place, wanted, new Date());
    await refuseExcess(tx, wanted, drivers.config.limits.user);
    const recorded = await insertDeploy(tx, wanted);
    const names = { app: place.app.name, env: place.environment.name };
    await recordDone(tx, { ...names, object: describeDeploy(wanted) });
    if (!wanted.awaitsApproval) return recorded;
    await askApproval(tx, recorded);
    return getDeploy(tx, recorded.id);
  });
  announce('receive', 'record', deploy.id);
  await tellQueued(drivers, place, deploy, lines);
  return deploy;
}

function describeDeploy({ id, source }: NewDeploy): string {
  return source === null ? `deploy ${id}` : `deploy ${id} of ${source.commit.slice(0, 12)} (${source.ref})`;
}

/** The same for one that is recorded already. */
export async function tellQueued(
  drivers: AcceptDrivers,
  { app, environment }: Where,
  deploy: Deploy,
  lines: readonly string[] = [],
): Promise<void> {
  const position = positionOf(deploy.id, await listUnfinished(drivers.db, environment.id));
  await using journal = await drivers.journals.write(deploy.id);
  journal.step(
    `Queued deploy ${deploy.id} for ${app.name}/${environment.name} (${ordinal(position)} in line)`,
  );
  for (const line of lines) journal.detail(line);
  if (deploy.hold === 'approval') journal.step(describeWaiting(deploy.id));
  announce('journal', 'act', deploy.id);
  await recordJournal(drivers.db, deploy.id, journal.size());
  announce('journal', 'record', deploy.id);
  await drivers.touch(makesImage(deploy) ? 'build' : 'rollout', environment.id);
}

/** What tells whoever follows a deploy how it can go on. */
export function describeWaiting(deployId: number): string {
  return `Waiting for approval: hawser approvals:grant ${deployId}`;
}

function ordinal(n: number): string {
  const suffix = { one: 'st', two: 'nd', few: 'rd', other: 'th', many: 'th', zero: 'th' };
  return `${n}${suffix[new Intl.PluralRules('en', { type: 'ordinal' }).select(n)]}`;
}
