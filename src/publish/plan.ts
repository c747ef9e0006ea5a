import type { Config } from '../config.ts';
import type { Settings } from '../model/app.ts';
import type { Manifest } from '../model/manifest.ts';
import type { HealthCheck, Process, Release } from '../model/release.ts';
import { choosePort } from './port.ts';

export type ReleaseQuestion = {
  readonly manifest: Pick<Manifest, 'processes' | 'release' | 'env' | 'health' | 'resources'>;
  /** TCP ports of the image's EXPOSE. */
  readonly exposedPorts: readonly number[];
  readonly limits: Pick<Config['limits'], 'container'>;
  /** What people set of the environment: it goes over what the app says. */
  readonly settings: Settings;
};

export type PlannedRelease = Pick<
  Release,
  'config' | 'defaults' | 'processes' | 'releaseCommand' | 'port' | 'resources'
> & { readonly health: HealthCheck | null };

/** What a release says of how its image runs. An app may ask for less than the operator's limits, never for more. */
export function planRelease({ manifest, exposedPorts, limits, settings }: ReleaseQuestion): PlannedRelease {
  const { container } = limits;
  const { memory = container.memory, cpus = container.cpus, pids = container.pids } = manifest.resources;
  return {
    defaults: manifest.env,
    ...planSettings({ defaults: manifest.env, processes: manifest.processes }, settings),
    releaseCommand: manifest.release,
    port: choosePort(exposedPorts),
    // Only what the app says: the operator's times are under it when it is probed.
    health: manifest.health as HealthCheck | null,
    resources: {
      memory: Math.min(memory, container.memory),
      cpus: Math.min(cpus, container.cpus),
      pids: Math.min(pids, container.pids),
    },
  };
}

/** What an environment's settings make of what an app brought. */
export function planSettings(
  { defaults, processes }: Pick<Release, 'defaults' | 'processes'>,
  settings: Settings,
): Pick<Release, 'config' | 'processes'> {
  return {
    config: { ...defaults, ...settings.vars },
    processes: processes.map((process) => scaleProcess(process, settings)),
  };
}

/** The app's own number is kept beside what people set, since another environment of it may be without a number. */
function scaleProcess(process: Process, { scale, stopped = [] }: Settings): Process {
  const { usual = process.quantity, ...rest } = process;
  if (stopped.includes(process.type)) return { ...rest, quantity: 0, usual };
  if (!Object.hasOwn(scale, process.type)) return { ...rest, quantity: usual };
  return { ...rest, quantity: scale[process.type] ?? null, usual };
}
