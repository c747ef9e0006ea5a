import { announce } from '../announce.ts';
import type { App, Environment } from '../model/app.ts';
import type { Deploy } from '../model/deploy.ts';
import { positionOf } from '../queue/turn.ts';
import { listUnfinished, type NewDeploy, recordDeploy } from '../store/deploys.ts';
import { recordJournal } from '../store/journals.ts';
import type { PipelineDrivers } from './drivers.ts';

export type AcceptDrivers = Pick<PipelineDrivers, 'config' | 'db' | 'journals' | 'touch'>;

type Where = {
  readonly app: Pick<App, 'name'>;
  readonly environment: Pick<Environment, 'id' | 'name'>;
};

/** Records a deploy, writes the first line of its log, then those that are given, and wakes its lane. */
export async function queueDeploy(
  drivers: AcceptDrivers,
  place: Where,
  wanted: NewDeploy,
  lines: readonly string[] = [],
): Promise<Deploy> {
  const deploy = await recordDeploy(drivers.db, wanted);
  announce('receive', 'record', deploy.id);
  await tellQueued(drivers, place, deploy, lines);
  return deploy;
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
  announce('journal', 'act', deploy.id);
  await recordJournal(drivers.db, deploy.id, journal.size());
  announce('journal', 'record', deploy.id);
  await drivers.touch(deploy.kind === 'push' ? 'build' : 'rollout', environment.id);
}

function ordinal(n: number): string {
  const suffix = { one: 'st', two: 'nd', few: 'rd', other: 'th', many: 'th', zero: 'th' };
  return `${n}${suffix[new Intl.PluralRules('en', { type: 'ordinal' }).select(n)]}`;
}
