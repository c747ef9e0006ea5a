import { isDeepStrictEqual } from 'node:util';
import { labelNames, type ObservedContainer, type WantedContainer } from '../model/container.ts';
import type { Process, Resources } from '../model/release.ts';
import type { TerminalSize } from '../model/run.ts';
import type { ContainerEntry, ContainerInspect, ContainerSpec } from './docker.ts';

export type SpecOptions = {
  readonly wanted: WantedContainer;
  /** Local tag or id of an image that is already on the server. */
  readonly image: string;
  readonly process: Process;
  readonly config: Readonly<Record<string, string>>;
  readonly resources: Resources;
  /** Null for a process that nobody connects to. */
  readonly publish: Publish | null;
  readonly deploy: number;
  readonly epoch: number;
  readonly restart: 'always' | 'no';
  /** It is given an input, once; without it has none. */
  readonly input?: boolean;
  /** It has a terminal: one stream for all that it writes, and what is typed is its input. */
  readonly terminal?: TerminalSize;
  readonly stopTimeoutMs: number;
};

export type Publish = {
  /** The server's own address, never 0.0.0.0. */
  readonly address: string;
  /** Fixed, so that a restarted container keeps its address. */
  readonly hostPort: number;
  readonly containerPort: number;
};

// What entrypoints of common images need to chown their data, drop to their user and bind port 80.
const capabilities = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'KILL',
  'NET_BIND_SERVICE',
  'SETGID',
  'SETUID',
] as const;

/** Every container that is ours is made from this: deploys, restarts, rollbacks, one-off runs and checks. */
export function containerSpec(options: SpecOptions): ContainerSpec {
  const { wanted, process, publish, stopTimeoutMs } = options;
  return {
    name: wanted.name,
    Image: options.image,
    ...(process.command === null ? {} : { Cmd: [...process.command] }),
    Env: planEnv(options.config, publish),
    Labels: planLabels(options),
    ...(publish === null ? {} : { ExposedPorts: { [`${publish.containerPort}/tcp`]: {} } }),
    StopTimeout: Math.ceil(stopTimeoutMs / 1000),
    Tty: options.terminal !== undefined,
    OpenStdin: options.input === true,
    ...(options.input === true ? { StdinOnce: true } : {}),
    // An image's own check says healthy of apps that answer 500, and costs a process every few seconds.
    Healthcheck: { Test: ['NONE'] },
    HostConfig: planHostConfig(options),
  };
}

/** The network that all processes of one app and environment share on a server. */
export function networkName(app: string, env: string): string {
  return `hawser-${app}-${env}`;
}

function planHostConfig(options: SpecOptions): NonNullable<ContainerSpec['HostConfig']> {
  const { wanted, publish, resources, restart } = options;
  return {
    Privileged: false,
    CapDrop: ['ALL'],
    CapAdd: [...capabilities],
    SecurityOpt: ['no-new-privileges'],
    IpcMode: 'private',
    Binds: [],
    PublishAllPorts: false,
    PortBindings: publish === null ? {} : planBinding(publish),
    NetworkMode: networkName(wanted.app, wanted.env),
    Memory: resources.memory,
    // Equal to Memory: no swap.
    MemorySwap: resources.memory,
    NanoCpus: Math.round(resources.cpus * 1e9),
    PidsLimit: resources.pids,
    Ulimits: [{ Name: 'nofile', Soft: 65_536, Hard: 65_536 }],
    Init: true,
    LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
    // Not unless-stopped: it does not come back after the engine was killed.
    RestartPolicy: { Name: restart },
    AutoRemove: false,
    ...(options.terminal === undefined ? {} : { ConsoleSize: consoleSize(options.terminal) }),
  };
}

/** Height and width, as the engine has them. */
export function consoleSize({ rows, columns }: TerminalSize): [number, number] {
  return [rows, columns];
}

function planBinding(publish: Publish): Record<string, { HostIp: string; HostPort: string }[]> {
  const { address, hostPort, containerPort } = publish;
  if (address === '' || address === '0.0.0.0' || address === '::') {
    throw new Error(`a container must not be published on every address (${address || 'empty'})`);
  }
  return { [`${containerPort}/tcp`]: [{ HostIp: address, HostPort: String(hostPort) }] };
}

function planEnv(config: Readonly<Record<string, string>>, publish: Publish | null): string[] {
  const env = publish === null ? config : { ...config, PORT: String(publish.containerPort) };
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

function planLabels({ wanted, deploy, epoch }: SpecOptions): Record<string, string> {
  return {
    [labelNames.app]: wanted.app,
    [labelNames.env]: wanted.env,
    [labelNames.release]: String(wanted.release),
    [labelNames.process]: wanted.process,
    [labelNames.index]: String(wanted.index),
    [labelNames.deploy]: String(deploy),
    [labelNames.epoch]: String(epoch),
  };
}

const states = ['created', 'running', 'restarting', 'exited', 'paused', 'dead', 'removing'] as const;

/** One entry of the engine's list; null when it is not ours or its labels are not what we write. */
export function parseEntry(server: string, entry: ContainerEntry): ObservedContainer | null {
  const published = entry.Ports.find((port) => port.PublicPort !== undefined && port.Type === 'tcp');
  return parseContainer(server, {
    id: entry.Id,
    name: entry.Names[0] ?? '',
    labels: entry.Labels,
    state: entry.State,
    address: published ? `${published.IP}:${published.PublicPort}` : null,
    imageId: entry.ImageID,
  });
}

/** The same from the engine's inspect. */
export function parseInspect(server: string, inspect: ContainerInspect): ObservedContainer | null {
  const bindings: Record<string, { HostIp?: string; HostPort?: string }[] | null> =
    inspect.HostConfig.PortBindings ?? {};
  const binding = Object.values(bindings)[0]?.[0];
  return parseContainer(server, {
    id: inspect.Id,
    name: inspect.Name,
    labels: inspect.Config.Labels,
    state: inspect.State.Status,
    address: binding && inspect.State.Running ? `${binding.HostIp}:${binding.HostPort}` : null,
    imageId: inspect.Image,
  });
}

/** True when a container is what this spec makes: same deploy and epoch, same image, same published port. */
export function isMadeFrom(inspect: ContainerInspect, spec: ContainerSpec): boolean {
  const labels = Object.entries(spec.Labels ?? {});
  return (
    labels.every(([name, value]) => inspect.Config.Labels?.[name] === value) &&
    inspect.Config.Image === spec.Image &&
    isDeepStrictEqual(inspect.HostConfig.PortBindings ?? {}, spec.HostConfig?.PortBindings ?? {})
  );
}

/** How a container ended, or that it ends again and again. */
export type ExitState = {
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** How often the engine started it again. */
  readonly restarts: number;
  /** The engine's own words when it could not run it. */
  readonly error: string;
  /** All of this as the end of a sentence: "exited with code 1". */
  readonly reason: string;
};

/** How a container ended before it was started again. */
export type LastEnd = Pick<ExitState, 'exitCode' | 'oomKilled'>;

/** Null while a container runs and was never restarted. `before`: what is known of the end of one that runs again. */
export function parseExit(
  { State, RestartCount }: ContainerInspect,
  before: LastEnd | null = null,
): ExitState | null {
  const starting = State.Status === 'created' && State.Error === '';
  if ((starting || (State.Running && !State.Restarting)) && RestartCount === 0) return null;
  const { Error: error } = State;
  const { exitCode, oomKilled } = before ?? { exitCode: State.ExitCode, oomKilled: State.OOMKilled };
  // Its state has forgotten how it ended once it runs again.
  const isForgotten = before === null && isRunningAgain({ State, RestartCount });
  const how = isForgotten ? 'ended' : `exited with code ${exitCode}`;
  const words = [
    oomKilled ? 'ran out of memory' : how,
    error === '' ? '' : ` (${error})`,
    RestartCount === 0 ? '' : ` and was restarted ${RestartCount === 1 ? 'once' : `${RestartCount} times`}`,
  ];
  return { exitCode, oomKilled, restarts: RestartCount, error, reason: words.join('') };
}

/** True for a container that was restarted and has not ended again yet. */
export function isRunningAgain({
  State,
  RestartCount,
}: Pick<ContainerInspect, 'State' | 'RestartCount'>): boolean {
  return State.Running && !State.Restarting && RestartCount > 0;
}

type Facts = {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly state: string;
  readonly address: string | null;
  readonly imageId: string;
};

function parseContainer(server: string, facts: Facts): ObservedContainer | null {
  const labels = facts.labels ?? {};
  const state = states.find((known) => known === facts.state);
  const app = labels[labelNames.app];
  const env = labels[labelNames.env];
  const process = labels[labelNames.process];
  const release = parseCount(labels[labelNames.release]);
  const index = parseCount(labels[labelNames.index]);
  const deploy = parseCount(labels[labelNames.deploy]);
  const epoch = parseCount(labels[labelNames.epoch]);
  if (!state || !app || !env || !process) return null;
  if (release === null || index === null || deploy === null || epoch === null) return null;
  const { id, address, imageId } = facts;
  const name = facts.name.replace(/^\//, '');
  return { server, id, name, app, env, release, process, index, deploy, epoch, state, address, imageId };
}

function parseCount(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
