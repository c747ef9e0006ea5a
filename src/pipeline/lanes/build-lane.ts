import { announce } from '../../announce.ts';
import { parseManifest } from '../../build/manifest.ts';
import { performBuild } from '../../build/perform.ts';
import type { Source } from '../../model/app.ts';
import type { Release } from '../../model/release.ts';
import { publishImage } from '../../publish/perform.ts';
import { planRelease } from '../../publish/plan.ts';
import { holdForApproval } from '../../store/approvals.ts';
import { advanceDeploy } from '../../store/deploys.ts';
import { recordRelease } from '../../store/releases.ts';
import { getSource } from '../../store/sources.ts';
import { readSettled } from '../accept/outside-values.ts';
import { describeWaiting } from '../accept/queue-deploy.ts';
import { settleVariables } from '../accept/settle-variables.ts';
import { type MadeImage, takeImage } from '../accept/take-image.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readEnvironmentConfig } from '../environment.ts';
import { judgeUser } from '../gates/image-user.ts';
import { findDiskShortage } from '../prune/disk-floor.ts';
import { repositoryOf } from '../wanted.ts';
import { checkImage } from './check.ts';
import type { LaneWork, Turn } from './lane.ts';
import { openSource } from './source.ts';
import { performStep } from './step.ts';

/** The lane that turns a source into a release: build, check, publish, record. */
export function buildLane(drivers: PipelineDrivers): LaneWork {
  return { lane: 'build', advance: (turn) => buildRelease(turn, drivers) };
}

async function buildRelease(turn: Turn, drivers: PipelineDrivers): Promise<void> {
  const { deploy, place, signal } = turn;
  const { db } = drivers;
  await refuseFullDisk(drivers);
  if (deploy.kind === 'image') await advanceDeploy(db, deploy, { state: 'publishing' });
  const made = deploy.kind === 'image' ? await takeImage(turn, drivers) : await buildImage(turn, drivers);
  signal.throwIfAborted();
  const { manifest, exposedPorts, digest, ...said } = made;
  const { desired, outside } = await readSettled(db, deploy, drivers.config);
  const release = await recordRelease(db, {
    ...planRelease({ manifest, exposedPorts, limits: drivers.config.limits, settings: desired }),
    ...said,
    outside,
    environmentId: deploy.environmentId,
    image: { repository: repositoryOf(place.app), digest },
    actor: deploy.actor,
    deployId: deploy.id,
    rollbackOf: null,
    imageDeployId: deploy.id,
    promotedFrom: null,
    domains: desired.domains,
  });
  announce('release', 'record', deploy.id);
  await handOver(turn, release, drivers);
  announce('hand-over', 'record', deploy.id);
  await drivers.touch('rollout', deploy.environmentId);
}

/** From a source to an image in the registry: built, tested, published. */
async function buildImage(turn: Turn, drivers: PipelineDrivers): Promise<MadeImage> {
  const { deploy, place, log, signal } = turn;
  const { db } = drivers;
  if (deploy.sourceId === null) throw new Error(`deploy ${deploy.id} has no source to build`);
  const source = await getSource(db, deploy.sourceId);
  await advanceDeploy(db, deploy, { state: 'building' });
  const built = await performStep(turn, drivers, 'build', () => build(turn, source, drivers));
  signal.throwIfAborted();
  await checkImage(turn, { ...built, commit: source.commit }, drivers);
  signal.throwIfAborted();
  await advanceDeploy(db, deploy, { state: 'publishing' });
  const repository = repositoryOf(place.app);
  const { registry } = drivers;
  const image = await performStep(turn, drivers, 'publish', () =>
    publishImage({ docker: drivers.builder, imageId: built.imageId, repository, registry, log, signal }),
  );
  const { manifest, exposedPorts } = built;
  const { commit, author, message } = source;
  return { manifest, exposedPorts, digest: image.digest, commit, author, message };
}

/** To the rollout lane, or to people first. What they read is written before they are asked, so that no kill loses it. */
async function handOver(
  { deploy, place, log }: Turn,
  release: Release,
  drivers: PipelineDrivers,
): Promise<void> {
  const { approval } = await readEnvironmentConfig(drivers, place.environment.name);
  if (approval === 'none') {
    return advanceDeploy(drivers.db, deploy, { state: 'releasing', release_id: release.id });
  }
  log.step(describeWaiting(deploy.id));
  await holdForApproval(drivers.db, deploy, release.id);
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
  await settleVariables(turn, manifest, drivers);
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
  for (const warning of built.warnings) turn.log.warning(warning);
  await judgeUser(turn, built.user, drivers);
  return { ...built, manifest };
}
