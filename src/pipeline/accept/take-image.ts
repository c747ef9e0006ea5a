import { listExposedPorts } from '../../build/exposed.ts';
import { planManifest } from '../../build/manifest.ts';
import { Failure } from '../../failure.ts';
import type { App, Environment } from '../../model/app.ts';
import type { Deploy } from '../../model/deploy.ts';
import type { Manifest } from '../../model/manifest.ts';
import type { Release } from '../../model/release.ts';
import { fetchImage } from '../../publish/fetch.ts';
import { publishImage } from '../../publish/perform.ts';
import { reserveDeployId } from '../../store/deploys.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readEnvironmentConfig } from '../environment.ts';
import { judgeUser } from '../gates/image-user.ts';
import type { Turn } from '../lanes/lane.ts';
import { performStep } from '../lanes/step.ts';
import { repositoryOf } from '../wanted.ts';
import { allowImage, refuseUnproven } from './image-policy.ts';
import { type AcceptDrivers, queueDeploy } from './queue-deploy.ts';
import { settleVariables } from './settle-variables.ts';

export type ImageRequest = {
  readonly app: App;
  readonly environment: Environment;
  readonly image: string;
  readonly actor: string;
  /** Why it cannot wait for the end of a freeze. */
  readonly overrideFreeze?: string | undefined;
};

/** An image in the registry, and what its release is made of. */
export type MadeImage = Pick<Release, 'commit' | 'author' | 'message'> & {
  readonly manifest: Manifest;
  readonly exposedPorts: readonly number[];
  readonly digest: string;
};

/** What an image says of itself: one process, its own command. */
export const bareManifest = planManifest({ procfile: null, appJson: null });

/**
 * Records the deploy of an image that is there already. Throws what `allowImage`, `refuseUnproven` and `queueDeploy`
 * throw.
 */
export async function acceptImage(
  { app, environment, image, actor, overrideFreeze }: ImageRequest,
  drivers: AcceptDrivers & Pick<PipelineDrivers, 'registry'>,
): Promise<Deploy> {
  const settings = await readEnvironmentConfig(drivers, environment.name);
  refuseUnproven(settings);
  const { name } = await allowImage(image, app, drivers);
  return queueDeploy(
    drivers,
    { app, environment },
    {
      id: await reserveDeployId(drivers.db),
      environmentId: environment.id,
      kind: 'image',
      actor,
      options: { image: name, ...(overrideFreeze === undefined ? {} : { overrideFreeze }) },
      source: null,
      fromReleaseId: null,
      supersede: settings.supersede,
    },
    [`Deploys the image ${name}`],
  );
}

/** Brings the image of a deploy to the registry, where servers find it. What may be had is asked anew. */
export async function takeImage(turn: Turn, drivers: PipelineDrivers): Promise<MadeImage> {
  const { deploy, place, log, signal } = turn;
  const { builder: docker, registry } = drivers;
  if (deploy.options.image === undefined) throw new Error(`deploy ${deploy.id} has no image to take`);
  const reference = await allowImage(deploy.options.image, place.app, drivers);
  await settleVariables(turn, bareManifest, drivers);
  const repository = repositoryOf(place.app);
  return performStep(turn, drivers, 'publish', async () => {
    log.step(`Fetching ${reference.name}`);
    const late = AbortSignal.timeout(drivers.config.builders.timeoutMs);
    const either = AbortSignal.any([signal, late]);
    const fetched = await fetchImage({ docker, reference, registry, signal: either }).catch((error) => {
      throw late.aborted && !signal.aborted ? tooLate(reference.name) : error;
    });
    if (fetched.origin !== reference.name) log.detail(fetched.origin);
    const { imageId, origin, exposed, user } = fetched;
    await judgeUser(turn, user, drivers);
    const { digest } = await publishImage({ docker, imageId, repository, registry, log, signal });
    const said = { commit: null, author: null, message: origin };
    return { manifest: bareManifest, exposedPorts: listExposedPorts(exposed), digest, ...said };
  });
}

function tooLate(name: string): Failure {
  return new Failure('registry_unreachable', `${name} was not there within builders.timeout.`);
}
