import { isDeepStrictEqual } from 'node:util';
import type { ContainerInspect, ContainerSpec } from './docker.ts';

type Check = readonly [name: string, isSame: (found: ContainerInspect, spec: ContainerSpec) => boolean];

const checks: readonly Check[] = [
  ['image', (found, spec) => found.Config.Image === spec.Image],
  ['labels', (found, spec) => isWithin(spec.Labels ?? {}, found.Config.Labels ?? {})],
  ['environment', (found, spec) => (spec.Env ?? []).every((line) => found.Config.Env.includes(line))],
  ['command', (found, spec) => spec.Cmd === undefined || isDeepStrictEqual(found.Config.Cmd, spec.Cmd)],
  [
    'port',
    ({ HostConfig }, spec) =>
      isDeepStrictEqual(HostConfig.PortBindings ?? {}, spec.HostConfig?.PortBindings ?? {}),
  ],
  ['memory', ({ HostConfig }, spec) => isLimit(HostConfig.Memory, spec.HostConfig?.Memory)],
  ['cpus', ({ HostConfig }, spec) => isLimit(HostConfig.NanoCpus, spec.HostConfig?.NanoCpus)],
  ['pids', ({ HostConfig }, spec) => isLimit(HostConfig.PidsLimit, spec.HostConfig?.PidsLimit)],
  [
    'restart policy',
    ({ HostConfig }, spec) => HostConfig.RestartPolicy?.Name === spec.HostConfig?.RestartPolicy?.Name,
  ],
  [
    'network',
    ({ NetworkSettings }, spec) => (spec.HostConfig?.NetworkMode ?? '') in NetworkSettings.Networks,
  ],
  ['privileges', ({ HostConfig }) => !HostConfig.Privileged && (HostConfig.Binds ?? []).length === 0],
];

/** In what a container is not what this spec makes, as somebody's hand leaves it; empty when nothing differs. Pure. */
export function listDifferences(found: ContainerInspect, spec: ContainerSpec): readonly string[] {
  return checks.flatMap(([name, isSame]) => (isSame(found, spec) ? [] : [name]));
}

/** An engine whose kernel has no such limit shows none; there is nothing to mend then. */
function isLimit(found: number | null | undefined, wanted: number | null | undefined): boolean {
  return !found || found === wanted;
}

function isWithin(some: Readonly<Record<string, string>>, all: Readonly<Record<string, string>>): boolean {
  return Object.entries(some).every(([name, value]) => all[name] === value);
}
