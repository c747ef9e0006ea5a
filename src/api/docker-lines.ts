import type { ContainerSpec } from '../fleet/docker.ts';

const plain = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** A word for a POSIX shell. Pure. */
export function quoteWord(word: string): string {
  return plain.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The `docker run` line that makes a container as we do, so that an app can live on without us. Pure. */
export function formatDockerRun(spec: ContainerSpec): string {
  const host = spec.HostConfig ?? {};
  const words = [
    'docker run -d',
    ...option('--name', spec.name),
    ...Object.entries(spec.Labels ?? {}).flatMap(([name, value]) => option('--label', `${name}=${value}`)),
    ...(spec.Env ?? []).flatMap((entry) => option('--env', entry)),
    ...listPorts(host.PortBindings).flatMap((port) => option('--publish', port)),
    ...option('--network', host.NetworkMode),
    ...option('--restart', host.RestartPolicy?.Name),
    ...(host.Init ? ['--init'] : []),
    ...asList(host.CapDrop).flatMap((name) => option('--cap-drop', name)),
    ...asList(host.CapAdd).flatMap((name) => option('--cap-add', name)),
    ...asList(host.SecurityOpt).flatMap((name) => option('--security-opt', name)),
    ...option('--ipc', host.IpcMode),
    ...option('--memory', host.Memory),
    ...option('--memory-swap', host.MemorySwap),
    ...option('--cpus', host.NanoCpus === undefined ? undefined : host.NanoCpus / 1e9),
    ...option('--pids-limit', host.PidsLimit),
    ...option('--stop-timeout', spec.StopTimeout),
    ...Object.entries((host.LogConfig?.Config ?? {}) as Record<string, string>).flatMap(([name, value]) =>
      option('--log-opt', `${name}=${value}`),
    ),
    '--no-healthcheck',
    quoteWord(spec.Image ?? ''),
    ...(spec.Cmd ?? []).map(quoteWord),
  ];
  return words.join(' ');
}

function option(name: string, value: string | number | null | undefined): string[] {
  return value === undefined || value === null || value === '' ? [] : [`${name} ${quoteWord(String(value))}`];
}

function listPorts(bindings: unknown): string[] {
  const byPort = (bindings ?? {}) as Record<string, readonly { HostIp: string; HostPort: string }[]>;
  return Object.entries(byPort).flatMap(([port, places]) =>
    places.map(({ HostIp, HostPort }) => `${HostIp}:${HostPort}:${port}`),
  );
}

function asList(value: unknown): string[] {
  return Array.isArray(value) ? value : [];
}
