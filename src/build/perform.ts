import type { Readable } from 'node:stream';
import type { Config } from '../config.ts';
import { Failure } from '../failure.ts';
import { type Docker, toFailure } from '../fleet/docker.ts';
import type { DeployLog } from '../log/deploy-log.ts';
import { labelNames } from '../model/container.ts';
import type { Manifest } from '../model/manifest.ts';
import { packContext } from './context.ts';
import { type Dockerfile, readDockerfile } from './dockerfile.ts';
import { explainEngine, streamBuild } from './engine-build.ts';
import { explainBuild, explainTimeout } from './explain.ts';
import { listExposedPorts } from './exposed.ts';
import { removeLayers, wasKept } from './layers.ts';
import {
  buildMarker,
  guardDisk,
  limitPids,
  planEngineLimits,
  type ReadFree,
  ranOutOfMemory,
  removeLeftover,
} from './limits.ts';
import { refuseFetching } from './network.ts';
import { BuildProgress } from './progress.ts';
import type { SourceFiles } from './source.ts';

export type BuildRequest = {
  readonly docker: Docker;
  readonly source: SourceFiles;
  readonly manifest: Pick<Manifest, 'build'>;
  readonly builders: Pick<Config['builders'], 'memory' | 'cpus' | 'pids' | 'timeoutMs' | 'bases' | 'network'>;
  readonly limits: Pick<Config['limits'], 'diskFloor'>;
  /** For tests: how the free bytes of the engine's disk are read. */
  readonly readFree?: ReadFree;
  readonly deployId: number;
  readonly noCache: boolean;
  readonly log: DeployLog;
  readonly signal: AbortSignal;
};

const buildTries = 3;

export type BuiltImage = {
  readonly imageId: string;
  /** TCP ports of EXPOSE, ascending. */
  readonly exposedPorts: readonly number[];
  /** The user that its containers run as; empty is root. */
  readonly user: string;
  readonly warnings: readonly string[];
};

/**
 * Builds a source into an image of the builder's engine, with limits on memory, CPUs, process ids, disk and time.
 * Throws the Failures of the build (`build_failed`, `build_oom`, `build_timeout`, `build_disk_full`,
 * `build_disk_exceeded`, `build_network_off`, `dockerfile_invalid`, `base_image_not_found`, …); rejects with the signal's reason when it aborts, and then
 * leaves no container behind.
 */
export async function performBuild(request: BuildRequest): Promise<BuiltImage> {
  const { source, manifest, builders, log, signal } = request;
  signal.throwIfAborted();
  const dockerfile = await readDockerfile(source, manifest.build, builders.bases);
  if (dockerfile.builder !== null) {
    log.detail(`No Dockerfile; this is ${dockerfile.builder}, built with:`);
    log.detail(dockerfile.text.trimEnd());
  }
  refuseFetching(dockerfile.text, builders.network);
  const imageId = await buildAgain(request, dockerfile);
  const image = await describeImage(request.docker, imageId);
  return { ...image, warnings: [...dockerfile.warnings, ...image.warnings] };
}

/** Repeats a build that lost a cached step to somebody who removes images of this engine at the same time. */
async function buildAgain(request: BuildRequest, dockerfile: Dockerfile): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    const archive = request.source.archive();
    try {
      return await runBuild(request, dockerfile, archive);
    } catch (error) {
      const isCacheLost = error instanceof Failure && error.message.includes('unknown parent image ID');
      if (!isCacheLost || tries === buildTries) throw error;
      request.log.detail('A cached step was removed meanwhile, so it is built again');
    } finally {
      archive.destroy();
    }
  }
}

async function runBuild(request: BuildRequest, dockerfile: Dockerfile, archive: Readable): Promise<string> {
  const { docker, builders, log, signal } = request;
  const started = new Date();
  const late = AbortSignal.timeout(builders.timeoutMs);
  const disk = new AbortController();
  const ended = new AbortController();
  const progress = new BuildProgress((line) => log.detail(line));
  const guard = watchDisk(request, AbortSignal.any([signal, ended.signal]), disk);
  const stop = AbortSignal.any([signal, late, disk.signal]);
  try {
    const context = packContext(archive, dockerfile.context);
    await follow(request, { context, dockerfile: dockerfile.context.dockerfile, progress, stop });
  } catch (error) {
    if (!stop.aborted) throw error;
    if (disk.signal.aborted)
      log.detail('The disk is full: the build is stopped, and what it wrote is removed');
    await giveUp(request, progress, disk.signal.aborted ? started : null);
    signal.throwIfAborted();
    throw disk.signal.aborted ? disk.signal.reason : explainTimeout(progress.step, builders);
  } finally {
    progress.end();
    ended.abort();
    await guard;
  }
  if (progress.error === null && progress.imageId !== null) return progress.imageId;
  if (progress.error === null) {
    throw new Failure('builder_lost', 'the builder ended the build without an image and without a reason');
  }
  const { containerId, error, step, lastLines } = progress;
  const mayBeMemory = error.exitCode !== null && containerId !== null;
  throw explainBuild({
    error,
    step,
    lastLines,
    outOfMemory: mayBeMemory && (await ranOutOfMemory(docker, containerId, started)),
    dockerfile: { name: dockerfile.name, text: dockerfile.text },
    limits: builders,
  });
}

/** Leaves nothing of a build that was stopped; with the time of its start the layers that it made go as well. */
async function giveUp(request: BuildRequest, progress: BuildProgress, since: Date | null): Promise<void> {
  const { docker, deployId, log, signal } = request;
  const { containerId, layers } = progress;
  const isPending = since !== null && containerId !== null && (await wasKept(docker, containerId));
  if (containerId !== null) await removeLeftover(docker, containerId, buildMarker(deployId));
  if (since === null) return;
  const pending = isPending ? containerId : null;
  await removeLayers(docker, { layers, pending, since, signal }).catch((error: Error) => {
    log.warning(`What the build wrote could not be removed: ${error.message}`);
  });
}

async function follow(
  request: BuildRequest,
  run: { context: Readable; dockerfile: string; progress: BuildProgress; stop: AbortSignal },
): Promise<void> {
  const { docker, builders, progress } = { ...request, ...run };
  const marker = buildMarker(request.deployId);
  const options = planOptions(request, run.dockerfile);
  const limited: Promise<void>[] = [];
  const failed = new AbortController();
  for await (const message of streamBuild(
    docker,
    run.context,
    options,
    AbortSignal.any([run.stop, failed.signal]),
  )) {
    if (!progress.take(message) || progress.containerId === null) continue;
    const limit = limitPids(docker, progress.containerId, { marker, pids: builders.pids });
    // A step without its limit must not go on.
    limit.catch((error) => failed.abort(toFailure(error, 'limit a step of the build')));
    limited.push(limit);
  }
  await Promise.all(limited);
}

function planOptions(request: BuildRequest, dockerfile: string) {
  const { manifest, builders, deployId, noCache } = request;
  const { args, target } = manifest.build;
  return {
    ...planEngineLimits(builders),
    dockerfile,
    ...(builders.network === 'none' ? { networkmode: 'none' } : {}),
    extrahosts: buildMarker(deployId),
    buildargs: { ...args },
    ...(target === null ? {} : { target }),
    // Each label is a step of the build; this one keeps images of two deploys from being the same one.
    labels: { [labelNames.deploy]: String(deployId) },
    nocache: noCache,
    rm: true,
    // A step that failed leaves its container otherwise.
    forcerm: true,
  };
}

async function watchDisk(request: BuildRequest, signal: AbortSignal, full: AbortController): Promise<void> {
  try {
    const { DockerRootDir } = (await request.docker.info()) as { DockerRootDir: string };
    const { limits, readFree } = request;
    const watch = { folder: DockerRootDir, floor: limits.diskFloor };
    await guardDisk({ ...watch, ...(readFree === undefined ? {} : { readFree }) }, signal);
  } catch (error) {
    // An engine whose disk is not this machine's cannot be watched from here.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && 'path' in (error as object)) return;
    full.abort(explainEngine(error, "look at the builder's disk"));
  }
}

async function describeImage(docker: Docker, imageId: string): Promise<BuiltImage> {
  const { Config } = await docker.getImage(imageId).inspect();
  const volumes = Object.keys(Config.Volumes ?? {});
  const warnings = volumes.map((path) => `VOLUME ${path}: what is written there is gone with its container`);
  const { ExposedPorts, User } = Config;
  return { imageId, exposedPorts: listExposedPorts(ExposedPorts), user: User ?? '', warnings };
}
