import { Failure } from '../../failure.ts';
import type { Docker } from '../../fleet/docker.ts';
import { toFailure } from '../../fleet/docker.ts';
import type { DeployLog } from '../../log/deploy-log.ts';
import { isRoot } from '../../model/image-user.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readEnvironmentConfig } from '../environment.ts';
import type { Turn } from '../lanes/lane.ts';

type Drivers = Pick<PipelineDrivers, 'config' | 'db'>;

/**
 * An image that was just built or fetched: one that runs as root is refused where the environment wants none, and
 * told of elsewhere. Throws `image_runs_as_root`.
 */
export async function judgeUser(
  { place, log }: { readonly place: Turn['place']; readonly log: DeployLog },
  user: string,
  drivers: Drivers,
): Promise<void> {
  if (!isRoot(user)) return;
  const { name } = place.environment;
  if ((await readEnvironmentConfig(drivers, name)).requireNonRoot) throw runsAsRoot(name);
  log.warning('The image runs as root; USER in the Dockerfile names another user');
}

/** The same for one that was made for another deploy, on the engine of a server. Throws `image_runs_as_root`. */
export async function refuseRoot(name: string, docker: Docker, image: string): Promise<void> {
  const found = await docker
    .getImage(image)
    .inspect()
    .catch((error: unknown) => {
      throw toFailure(error, 'look at the image');
    });
  if (isRoot(found.Config.User ?? '')) throw runsAsRoot(name);
}

function runsAsRoot(environment: string): Failure {
  return new Failure(
    'image_runs_as_root',
    `The image runs as root, which ${environment} does not take (environments.${environment}.requireNonRoot).`,
  );
}
