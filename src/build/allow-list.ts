import type { Path } from '../config/json.ts';

const refused = new Set(
  [
    ...[
      'privileged',
      'capadd',
      'capabilities',
      'devices',
      'devicecgrouprules',
      'deviceRequests',
      'securityopt',
    ],
    ...[
      'network',
      'networkmode',
      'pid',
      'pidmode',
      'ipc',
      'ipcmode',
      'uts',
      'userns',
      'usernsmode',
      'cgroup',
    ],
    ...[
      'cgroupparent',
      'cgroupns',
      'sysctls',
      'extrahosts',
      'binds',
      'mounts',
      'tmpfs',
      'runtime',
      'ulimits',
    ],
    ...['groupadd', 'volumesfrom', 'entitlements', 'hostnetwork', 'hostpid', 'hostipc', 'hostpath', 'ports'],
  ].map((word) => word.toLowerCase()),
);

/** A place under `hawser` that asks for more than an app may have: undefined when there is none. */
export function findNotAllowed(value: unknown, path: Path = ['hawser']): Path | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const here = [...path, Array.isArray(value) ? Number(key) : key];
    if (isOwnText(here)) continue;
    const word = key.replaceAll(/[_-]/g, '').toLowerCase();
    const isName = here.length === 3 && here[1] === 'services';
    if (!isName && (refused.has(word) || isHostPlace(word, inner))) return here;
    const found = findNotAllowed(inner, here);
    if (found) return found;
  }
  return undefined;
}

/** Build arguments and variables of services are the app's own texts under its own names, not settings. */
function isOwnText(path: Path): boolean {
  const [, area, name, key] = path;
  if (area === 'build') return path.length === 3 && name === 'args';
  return area === 'services' && path.length === 4 && key === 'env';
}

function isHostPlace(word: string, value: unknown): boolean {
  const texts = collectTexts(value);
  if (word === 'networks') return texts.some((text) => text === 'host' || text.startsWith('container:'));
  if (word === 'volumes') return texts.some((text) => /^[/.~]/.test(text) || text.includes('docker.sock'));
  return false;
}

function collectTexts(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...collectTexts(inner)]);
}
