import { containerSpec } from '../fleet/container.ts';
import type { ContainerSpec } from '../fleet/docker.ts';
import type { WantedContainer } from '../model/container.ts';
import type { Release } from '../model/release.ts';
import type { Place } from '../store/apps.ts';
import { planVariables } from './variables.ts';

export type SpecQuestion = {
  readonly place: Place;
  readonly release: Release;
  readonly container: WantedContainer;
  /** Local tag on its server. */
  readonly image: string;
  /** Of the server, where its ports are published. */
  readonly address: string;
  /** Null for a process that is not routed. */
  readonly hostPort: number | null;
  readonly deploy: number;
  readonly epoch: number;
  readonly stopTimeoutMs: number;
};

/** What the engine is told of a container of a release. Pure. */
export function planSpec(question: SpecQuestion): ContainerSpec {
  const { place, release, container, address, hostPort } = question;
  const process = release.processes.find((candidate) => candidate.type === container.process);
  if (process === undefined) throw new Error(`${container.name}: the release has no such process`);
  const publish =
    hostPort === null || container.port === null
      ? null
      : { address, hostPort, containerPort: container.port };
  return containerSpec({
    wanted: container,
    image: question.image,
    process,
    config: { ...planVariables(place, release), ...release.config },
    resources: release.resources,
    publish,
    deploy: question.deploy,
    epoch: question.epoch,
    restart: 'always',
    stopTimeoutMs: question.stopTimeoutMs,
  });
}
