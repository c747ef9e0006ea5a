import { createHash } from 'node:crypto';
import { containerSpec } from '../../fleet/container.ts';
import type { ContainerSpec } from '../../fleet/docker.ts';
import type { Labels } from '../../fleet/labelled.ts';
import { labelNames } from '../../model/container.ts';
import type { Service } from '../../model/manifest.ts';
import type { Resources } from '../../model/release.ts';

export type ApartOptions = {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[] | null;
  readonly env: Readonly<Record<string, string>>;
  readonly resources: Resources;
  readonly network: string;
  /** Its name in that network; null for one that nobody calls. */
  readonly alias: string | null;
  readonly labels: Labels;
  readonly restart: 'always' | 'no';
};

const stopTimeoutMs = 10_000;

/** A container of ours that is of no release, so that no rollout takes it for its own: in a network, with its labels. */
export function planApart(options: ApartOptions): ContainerSpec {
  const { name, image, command, env, resources, network, alias, labels, restart } = options;
  const spec = containerSpec({
    wanted: { server: '', name, app: '', env: '', release: 0, process: '', index: 0, port: null },
    image,
    process: { type: '', command, quantity: 1 },
    config: env,
    resources,
    publish: null,
    deploy: 0,
    epoch: 0,
    restart,
    stopTimeoutMs,
  });
  return {
    ...spec,
    Labels: { ...labels },
    HostConfig: { ...spec.HostConfig, NetworkMode: network },
    NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: alias === null ? [] : [alias] } } },
  };
}

export type ServiceOptions = Pick<ApartOptions, 'resources' | 'network' | 'labels' | 'restart'> & {
  /** The beginning of its container's name. */
  readonly owner: string;
  readonly password: string;
};

/** The variable that keeps a service's password where it runs: the next start finds it there. */
export const passwordName = 'HAWSER_PASSWORD';

/** The container of a service. Its labels tell it from what the same name was before a change of app.json. */
export function planServiceSpec(
  service: Service,
  { owner, password, ...options }: ServiceOptions,
): ContainerSpec {
  const { name, command } = service;
  const filled = Object.entries(service.env).map(([key, value]) => [key, fill(value, service, password)]);
  const definition = createHash('sha256').update(JSON.stringify(service)).digest('hex').slice(0, 16);
  return planApart({
    ...options,
    name: serviceContainerName(owner, service),
    image: fullImageName(service.image),
    command: command?.map((word) => fill(word, service, password)) ?? null,
    env: { ...Object.fromEntries(filled), [passwordName]: password },
    alias: name,
    labels: { ...options.labels, [labelNames.service]: name, [labelNames.definition]: definition },
  });
}

export function serviceContainerName(owner: string, { name }: Pick<Service, 'name'>): string {
  return `${owner}-${name}`;
}

/** Where an app finds its service: `REDIS_URL` for `redis`. */
export function planServiceVariable(service: Service, password: string): readonly [string, string] {
  const variable = `${service.name.toUpperCase().replaceAll('-', '_')}_URL`;
  return [variable, fill(service.url, service, password)];
}

/** With a tag or a digest: without one the engine would pull every tag, or take the name for an id. */
export function fullImageName(image: string): string {
  const last = image.slice(image.lastIndexOf('/') + 1);
  return /[:@]/.test(last) ? image : `${image}:latest`;
}

function fill(text: string, { name, port }: Service, password: string): string {
  return text
    .replaceAll('{host}', name)
    .replaceAll('{port}', String(port))
    .replaceAll('{password}', password);
}
