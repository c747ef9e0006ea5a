import { randomBytes } from 'node:crypto';
import { Failure } from '../../failure.ts';
import { askEngine, untilAnswered } from '../../fleet/ask.ts';
import { createContainer, inspectContainer, startCreated } from '../../fleet/create.ts';
import { statusOf } from '../../fleet/docker.ts';
import type { ServerConnection } from '../../fleet/fleet.ts';
import { type Labels, removeLabelledContainers } from '../../fleet/labelled.ts';
import { readMessages } from '../../fleet/messages.ts';
import type { DeployLog } from '../../log/deploy-log.ts';
import { labelNames } from '../../model/container.ts';
import type { Service } from '../../model/manifest.ts';
import { awaitReady } from './ready.ts';
import {
  fullImageName,
  passwordName,
  planServiceSpec,
  planServiceVariable,
  type ServiceOptions,
  serviceContainerName,
} from './spec.ts';

/** The labels hold `hawser.app` and `hawser.env` at least; the network is there already. */
export type ServicesRequest = Omit<ServiceOptions, 'password'> & {
  readonly connection: ServerConnection;
  readonly services: readonly Service[];
  readonly log: DeployLog;
  readonly signal: AbortSignal;
};

const pullMs = 600_000;

/**
 * Starts services under their names in a network, waits until each is ready, and answers the variables that lead to
 * them. Those that run already stay, with their passwords; one that app.json has changed is made anew, without its
 * data. Throws `service_image_missing`, `service_not_ready`; what was started then is left to `removeServices`.
 */
export async function startServices(request: ServicesRequest): Promise<Record<string, string>> {
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  const tasks = request.services.map(async (service) => {
    try {
      return await startOne(service, { ...request, signal });
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  });
  // All of them have ended before anybody removes what they made.
  await Promise.allSettled(tasks);
  request.signal.throwIfAborted();
  stop.signal.throwIfAborted();
  return Object.fromEntries(await Promise.all(tasks));
}

/** Removes every service that carries these labels, with its data. */
export async function removeServices(
  connection: ServerConnection,
  labels: Labels,
  signal: AbortSignal,
): Promise<void> {
  await removeLabelledContainers(connection, { ...labels, [labelNames.service]: '' }, signal);
}

async function startOne(service: Service, request: ServicesRequest): Promise<readonly [string, string]> {
  const { connection, signal, owner, network, labels, resources, restart } = request;
  await bringServiceImage(service, request);
  const password = (await findPassword(service, request)) ?? randomBytes(16).toString('hex');
  const spec = planServiceSpec(service, { owner, password, network, labels, resources, restart });
  const begin = performance.now();
  await untilAnswered(connection, signal, async () => {
    const found = await createContainer(connection, spec, signal);
    if (!found?.State.Running) await startCreated(connection, spec, signal);
  });
  await awaitReady(service, { ...request, name: spec.name });
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  request.log.detail(`${service.name} (${service.image}) is ready after ${seconds} s`);
  return planServiceVariable(service, password);
}

/** The one that its data was made with. */
async function findPassword(
  service: Service,
  { connection, owner, signal }: ServicesRequest,
): Promise<string | undefined> {
  const found = await inspectContainer(connection, serviceContainerName(owner, service), signal);
  const line = found?.Config.Env?.find((text) => text.startsWith(`${passwordName}=`));
  return line?.slice(passwordName.length + 1);
}

async function bringServiceImage(service: Service, request: ServicesRequest): Promise<void> {
  const { connection, log } = request;
  const { docker } = connection;
  const image = fullImageName(service.image);
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(pullMs)]);
  try {
    const ask = { connection, what: `find ${image}`, signal };
    await askEngine(ask, () => docker.getImage(image).inspect());
    return;
  } catch (error) {
    if (statusOf((error as Failure).cause) !== 404) throw error;
  }
  log.detail(`Pulling ${image}`);
  try {
    const ask = { connection, what: `pull ${image}`, signal, deadlineMs: pullMs };
    await askEngine(ask, async (abortSignal) => {
      const answer: NodeJS.ReadableStream = await docker.pull(image, { abortSignal });
      for await (const { error } of readMessages<{ error?: string }>(answer))
        if (error !== undefined) throw new Error(error);
    });
  } catch (error) {
    request.signal.throwIfAborted();
    throw new Failure('service_image_missing', `${service.name}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
