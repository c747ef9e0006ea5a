import type { Config } from '../config.ts';
import { formatDuration, formatSize } from './units.ts';

/** What `hawser apply` would do: the lines that `--plan` prints, and which keys need a restart. */
export type Difference = {
  /** `+` new, `-` gone, `~` changed, in the order of the file's keys. */
  readonly lines: readonly string[];
  /** Keys of the file that only a restart of the server or its workers brings into effect. */
  readonly restart: readonly string[];
};

type Leaf = string | number | boolean | null;

const needRestart = [
  'listen',
  'data',
  'secrets',
  'redis',
  'registry',
  'loadBalancer',
  'builders.concurrency',
  'builders.socket',
];
const secret = new Set([
  'secrets.text',
  'registry.password',
  'redis.url',
  'redis',
  'notifications.smtp.password',
]);
const secretNames = /^secrets\.outside\.variables\.|^notifications\.receivers\.[^.]+\.(?:to|secret)$/;
const sizes = /(?:^limits\.(?:push|file|treeBytes|diskFloor|log|user\.disk)|\.memory|^builders\.cache)$/;

/** The difference between the file that runs and the file as it is now, in the file's own words. Pure. */
export function planApply(running: Config, next: Config): Difference {
  const before = flatten(running);
  const after = flatten(next);
  const paths = [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => before.get(path) !== after.get(path),
  );
  const whole = listWholeEntries(running, next);
  const lines = [
    ...whole.map(({ path, sign }) => `${sign} ${path}`),
    ...paths
      .filter((path) => !whole.some((entry) => path.startsWith(`${entry.path}.`)))
      .map((path) => describeChange(path, before.get(path), after.get(path))),
  ];
  const restart = needRestart.filter((key) =>
    paths.some((path) => path === key || path.startsWith(`${key}.`)),
  );
  return { lines: lines.toSorted(byPath), restart };
}

function byPath(a: string, b: string): number {
  return a.slice(2) < b.slice(2) ? -1 : 1;
}

const entries: Readonly<Record<string, (config: Config) => object>> = {
  servers: ({ servers }) => servers,
  environments: ({ environments }) => environments,
  'notifications.receivers': ({ notifications }) => notifications.receivers,
};

/** What has a name and comes or goes is one line each, not one for each of their keys. */
function listWholeEntries(running: Config, next: Config): { path: string; sign: '+' | '-' }[] {
  return Object.entries(entries).flatMap(([key, read]) => {
    const [before, after] = [read(running), read(next)];
    return [
      ...listMissing(before, after).map((name) => ({ path: `${key}.${name}`, sign: '+' as const })),
      ...listMissing(after, before).map((name) => ({ path: `${key}.${name}`, sign: '-' as const })),
    ];
  });
}

function listMissing(from: object, of: object): string[] {
  return Object.keys(of).filter((name) => !Object.hasOwn(from, name));
}

function flatten(config: Config): ReadonlyMap<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  const visit = (value: unknown, path: string): void => {
    if (Array.isArray(value)) leaves.set(path, value.join(', '));
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) visit(inner, path === '' ? key : `${path}.${key}`);
    else leaves.set(path, value as Leaf);
  };
  const { file: _file, environments, ...settings } = config;
  visit({ ...settings, environments: mapWithoutWords(environments) }, '');
  return leaves;
}

/** Servers are told by their names; the words that chose them say nothing more. */
function mapWithoutWords(environments: Config['environments']): object {
  return Object.fromEntries(
    Object.entries(environments).map(([name, { serverWords: _words, ...rest }]) => [name, rest]),
  );
}

function describeChange(path: string, before: Leaf | undefined, after: Leaf | undefined): string {
  const shown = path.replace(/Ms$/, '');
  if (secret.has(path) || secretNames.test(path)) return `~ ${shown}: changed (not shown)`;
  if (before === undefined) return `+ ${shown}: ${format(path, after)}`;
  if (after === undefined) return `- ${shown}: ${format(path, before)}`;
  return `~ ${shown}: ${format(path, before)} → ${format(path, after)}`;
}

function format(path: string, value: Leaf | undefined): string {
  if (value === null || value === undefined || value === '') return '(none)';
  if (typeof value !== 'number') return String(value);
  if (path.endsWith('Ms')) return formatDuration(value);
  return sizes.test(path) ? formatSize(value) : String(value);
}
