import { removeCheck } from '../../build/check.ts';
import { connectBuilder } from '../../fleet/engine.ts';
import { type Labels, listLabelled } from '../../fleet/labelled.ts';
import { labelNames } from '../../model/container.ts';
import { hasEnded } from '../../model/deploy.ts';
import { findPlace } from '../../store/apps.ts';
import { findDeploy } from '../../store/deploys.ts';
import type { PipelineDrivers } from '../drivers.ts';

/**
 * Removes from the builder what killed checks left: of deploys that have ended, and of holders that lost them. Of
 * environments that the ledger does not know another installation may be the owner.
 */
export async function sweepChecks(
  { builder, db }: Pick<PipelineDrivers, 'builder' | 'db'>,
  signal: AbortSignal,
): Promise<void> {
  const connection = connectBuilder(builder);
  // What is there first, then what should be: a check that begins in between is no leftover.
  const found = await listLabelled(connection, { [labelNames.check]: '' }, signal);
  for (const labels of distinct(found)) {
    const place = await findPlace(db, labels[labelNames.check] ?? '');
    if (place === undefined) continue;
    const deploy = await findDeploy(db, Number(labels[labelNames.deploy]));
    const isOver = deploy === undefined || hasEnded(deploy.state);
    if (isOver || deploy.epoch !== Number(labels[labelNames.epoch])) await removeCheck(connection, labels);
  }
}

/** What runs have left, each once, by the labels that all of its parts have. */
function distinct(found: readonly Labels[]): Labels[] {
  const names = [labelNames.check, labelNames.deploy, labelNames.epoch];
  const runs = found.map((labels) => Object.fromEntries(names.map((name) => [name, labels[name] ?? ''])));
  const whole = runs.filter((run) => !Object.values(run).includes(''));
  return [...new Map(whole.map((run) => [JSON.stringify(run), run])).values()];
}
