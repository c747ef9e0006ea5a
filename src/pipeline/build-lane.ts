import { announce } from '../announce.ts';
import { parseManifest } from '../build/manifest.ts';
import { performBuild } from '../build/perform.ts';
import type { Source } from '../model/app.ts';
import { publishImage } from '../publish/perform.ts';
import { planRelease } from '../publish/plan.ts';
import { advanceDeploy, getSource } from '../store/deploys.ts';
import { recordRelease } from '../store/releases.ts';
import { listDomains } from '../store/routes.ts';
import { readSettings } from '../store/settings.ts';
import { findDiskShortage } from './disk-floor.ts';
import type { PipelineDrivers } from './drivers.ts';
import type { LaneWork, Turn } from './lane.ts';
import { openSource } from './source.ts';
import { performStep } from './step.ts';
import { repositoryOf } from './wanted.ts';

/** The lane that turns a source into a release: build, publish, record. */
export function buildLane(drivers: PipelineDrivers): LaneWork {
  return { lane: 'build', advance: (turn) => buildRelease(turn, drivers) };
}

async function buildRelease(turn: Turn, drivers: PipelineDrivers): Promise<void> {
  const { deploy, place, log, signal } = turn;
  const { db } = drivers;
  if (deploy.sourceId === null) throw new Error(`deploy ${deploy.id} has no source to build`);
  const source = await getSource(db, deploy.sourceId);
  await refuseFullDisk(drivers);
  await advanceDeploy(db, deploy, { state: 'building' });
  const built = await performStep(turn, drivers, 'build', () => build(turn, source, drivers));
  signal.throwIfAborted();
  await advanceDeploy(db, deploy, { state: 'publishing' });
  const repository = repositoryOf(place.app);
  const { registry } = drivers;
  const image = await performStep(turn, drivers, 'publish', () =>
    publishImage({ docker: drivers.builder, imageId: built.imageId, repository, registry, log, signal }),
  );
  signal.throwIfAborted();
  const release = await recordRelease(db, {
    ...planRelease({
      manifest: built.manifest,
      exposedPorts: built.exposedPorts,
      limits: drivers.config.limits,
      settings: await readSettings(db, deploy.environmentId),
    }),
    environmentId: deploy.environmentId,
    image: { repository, digest: image.digest },
    commit: source.commit,
    author: source.author,
    message: source.message,
    actor: deploy.actor,
    deployId: deploy.id,
    rollbackOf: null,
    imageDeployId: deploy.id,
    promotedFrom: null,
    domains: await listDomains(db, deploy.environmentId),
  });
  announce('release', 'record', deploy.id);
  await advanceDeploy(db, deploy, { state: 'releasing', release_id: release.id });
  announce('hand-over', 'record', deploy.id);
  await drivers.touch('rollout', deploy.environmentId);
}

/** What waited while the disk filled up ends before it begins. Throws `server_disk_low`. */
async function refuseFullDisk({ config }: PipelineDrivers): Promise<void> {
  const shortage = await findDiskShortage(config);
  if (shortage !== null) throw shortage;
}

async function build(turn: Turn, source: Source, drivers: PipelineDrivers) {
  const { builders, limits } = drivers.config;
  const memory = `${(builders.memory / 2 ** 30).toFixed(1).replace('.0', '')} GB`;
  turn.log.step(`Building ${source.commit.slice(0, 7)} (limit ${memory}, ${builders.cpus} CPU)`);
  const files = openSource(drivers.git, turn.place.app.id, source.commit);
  const manifest = await parseManifest(files);
  for (const warning of manifest.warnings) turn.log.warning(warning);
  const built = await performBuild({
    docker: drivers.builder,
    source: files,
    manifest,
    builders,
    limits,
    deployId: turn.deploy.id,
    noCache: turn.deploy.options.noCache ?? false,
    log: turn.log,
    signal: turn.signal,
  });
  return { ...built, manifest };
}
