import { fullImageName } from '../../build/backing/spec.ts';
import { startServices } from '../../build/backing/start.ts';
import { parseManifest } from '../../build/manifest.ts';
import { askEngine, unlessGone } from '../../fleet/ask.ts';
import { networkName } from '../../fleet/container.ts';
import { connectBuilder } from '../../fleet/engine.ts';
import type { ServerConnection } from '../../fleet/fleet.ts';
import { ensureNetwork } from '../../fleet/network.ts';
import { labelNames } from '../../model/container.ts';
import { publishImage } from '../../publish/perform.ts';
import { readSettings, writeSettings } from '../../store/settings.ts';
import { getSource } from '../../store/sources.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readEnvironmentConfig } from '../environment.ts';
import type { Turn } from '../lanes/lane.ts';
import { openSource } from '../lanes/source.ts';
import { repositoryOf } from '../wanted.ts';

/**
 * Starts the services of a preview beside it, on its server, and sets the variables that lead to them; those that
 * run already stay. Nothing for other environments. Throws what `startServices` throws.
 */
export async function startPreviewServices(turn: Turn, drivers: PipelineDrivers): Promise<void> {
  const { deploy, place, log, signal } = turn;
  const { app, environment } = place;
  if (environment.branch === null || deploy.sourceId === null || deploy.state !== 'releasing') return;
  const source = await getSource(drivers.db, deploy.sourceId);
  const { services } = await parseManifest(openSource(drivers.git, app.id, source.commit));
  const [server] = (await readEnvironmentConfig(drivers, environment.name)).servers;
  if (services.length === 0 || server === undefined) return;
  log.step(`Starting ${services.map(({ name }) => name).join(', ')} for ${environment.name}`);
  const connection = await drivers.rollout.fleet.connect(server, signal);
  for (const { image } of services) await bringServiceImage(fullImageName(image), connection, turn, drivers);
  await ensureNetwork(connection, { app: app.name, env: environment.name }, signal);
  const vars = await startServices({
    connection,
    services,
    owner: `${app.name}-${environment.name}`,
    network: networkName(app.name, environment.name),
    labels: { [labelNames.app]: app.name, [labelNames.env]: environment.name },
    resources: drivers.config.limits.container,
    restart: 'always',
    log,
    signal,
  });
  await drivers.db.transaction().execute(async (tx) => {
    const settings = await readSettings(tx, environment.id);
    await writeSettings(tx, environment.id, { ...settings, vars: { ...settings.vars, ...vars } });
  });
}

/** An image that the builder has comes through our registry; a server pulls any other by itself. */
async function bringServiceImage(
  image: string,
  connection: ServerConnection,
  { place, log, signal }: Turn,
  { builder, registry, rollout }: PipelineDrivers,
): Promise<void> {
  if ((await findImageId(connection, image, signal)) !== null) return;
  const imageId = await findImageId(connectBuilder(builder), image, signal);
  if (imageId === null) return;
  const repository = repositoryOf(place.app);
  const { digest } = await publishImage({ docker: builder, imageId, repository, registry, log, signal });
  const local = await rollout.bringImage(connection, { repository, digest }, signal);
  const [, repo = image, tag = 'latest'] = /^(.*):([^:/]+)$/.exec(image) ?? [];
  const ask = { connection, what: `name the image ${image}`, signal };
  await askEngine(ask, () => connection.docker.getImage(local).tag({ repo, tag }));
}

async function findImageId(
  connection: ServerConnection,
  image: string,
  signal: AbortSignal,
): Promise<string | null> {
  const ask = { connection, what: `find the image ${image}`, signal };
  const found = await unlessGone(askEngine(ask, () => connection.docker.getImage(image).inspect()));
  return found?.Id ?? null;
}
