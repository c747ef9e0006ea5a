import { announce } from '../../announce.ts';
import { performCheck, removeCheck } from '../../build/check.ts';
import { Failure } from '../../failure.ts';
import type { FailureCode } from '../../failure-catalogue.ts';
import { connectBuilder } from '../../fleet/engine.ts';
import { labelNames } from '../../model/container.ts';
import type { Manifest } from '../../model/manifest.ts';
import { planVariables } from '../../rollout/variables.ts';
import { advanceDeploy } from '../../store/deploys.ts';
import { beginStep, endStep, findStep } from '../../store/steps.ts';
import type { PipelineDrivers } from '../drivers.ts';
import type { Turn } from './lane.ts';

export type Built = {
  readonly imageId: string;
  readonly manifest: Pick<Manifest, 'check' | 'services' | 'env'>;
  readonly commit: string;
};

const stepName = 'check';

/**
 * Tests the built image as its app says, once: what an earlier holder of the deploy saw pass or fail stands. One that
 * it did not end is removed and run anew. Throws the Failures of `performCheck`.
 */
export async function checkImage(turn: Turn, built: Built, drivers: PipelineDrivers): Promise<void> {
  const { deploy, signal } = turn;
  const { db } = drivers;
  if (built.manifest.check === null) return;
  await advanceDeploy(db, deploy, { state: 'testing' });
  const known = await findStep(db, deploy.id, stepName);
  // A build without cache makes another image each time: its tests are its own.
  if (known?.outcome === 'done' && known.detail === built.imageId) return;
  const failed = known?.outcome === 'failed' ? parseFailure(known.detail) : null;
  if (failed !== null) throw failed;
  await beginStep(db, deploy, stepName, built.imageId);
  announce(stepName, 'intent', deploy.id);
  try {
    await runCheck(turn, built, drivers);
  } catch (error) {
    if (!signal.aborted) await endStep(db, deploy, stepName, 'failed', describeFailure(error));
    throw error;
  }
  announce(stepName, 'act', deploy.id);
  await endStep(db, deploy, stepName, 'done', built.imageId);
  announce(stepName, 'record', deploy.id);
}

async function runCheck(turn: Turn, built: Built, drivers: PipelineDrivers): Promise<void> {
  const { deploy, place, log, signal } = turn;
  const { check, services, env } = built.manifest;
  if (check === null) return;
  const { builders, limits } = drivers.config;
  const connection = connectBuilder(drivers.builder);
  const mine = {
    [labelNames.check]: place.environment.id,
    [labelNames.deploy]: String(deploy.id),
  };
  const labels = {
    ...mine,
    [labelNames.app]: place.app.name,
    [labelNames.env]: place.environment.name,
    [labelNames.epoch]: String(deploy.epoch),
  };
  await removeCheck(connection, mine);
  try {
    await performCheck({
      ...{ connection, check, services, labels, log, signal },
      imageId: built.imageId,
      variables: { ...planVariables(place, { version: null, commit: built.commit }), CI: 'true', ...env },
      owner: `hawser-check-${place.environment.id}-${deploy.id}-${deploy.epoch}`,
      limits: { check: builders, service: limits.container },
    });
  } finally {
    // What cannot be removed now is removed by the sweep.
    await removeCheck(connection, labels).catch((error) => {
      drivers.log.warn({ deploy: deploy.id, error: error.message }, 'a check is left to the sweep');
    });
  }
}

const kept = /^(check_failed|check_out_of_memory|check_timeout): ([\s\S]*)$/;

/** Only a verdict on the image is kept: what stood in the way of the tests may be gone at the next try. */
function parseFailure(detail: string | null): Failure | null {
  const found = kept.exec(detail ?? '');
  return found === null ? null : new Failure(found[1] as FailureCode, found[2] ?? '');
}

function describeFailure(error: unknown): string {
  return error instanceof Failure ? `${error.code}: ${error.message}` : (error as Error).message;
}
