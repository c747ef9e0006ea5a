import { containerSpec } from '../fleet/container.ts';
import type { ObservedContainer } from '../model/container.ts';
import { localTag } from '../publish/registry.ts';
import type { Place } from '../store/apps.ts';
import { findReleaseByVersion } from '../store/releases.ts';
import type { ApiDesk } from './desk.ts';
import { formatDockerRun } from './docker-lines.ts';

/** The plain `docker run` of a container that runs; null when the ledger does not know its release any more. */
export async function describeDockerRun(
  { db, config }: ApiDesk,
  { environment }: Place,
  container: ObservedContainer,
): Promise<string | null> {
  const release = await findReleaseByVersion(db, environment.id, container.release);
  const process = release?.processes.find(({ type }) => type === container.process);
  if (!release || !process) return null;
  const address = /^(.*):(\d+)$/.exec(container.address ?? '');
  return formatDockerRun(
    containerSpec({
      wanted: { ...container, port: release.port },
      image: localTag(release.image),
      process,
      config: release.config,
      resources: release.resources,
      publish:
        address === null
          ? null
          : { address: address[1] ?? '', hostPort: Number(address[2]), containerPort: release.port },
      deploy: container.deploy,
      epoch: container.epoch,
      restart: 'always',
      stopTimeoutMs: config.environments[environment.name]?.rollout.stopTimeoutMs ?? 10_000,
    }),
  );
}
