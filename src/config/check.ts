import type { Path } from './json.ts';
import { type Mistake, nearest } from './mistakes.ts';
import {
  environmentSchema,
  serverSchema,
  type WrittenConfig,
  type WrittenEnvironment,
  type WrittenServer,
} from './schema.ts';

type Entries<T> = readonly (readonly [string, T])[];

/**
 * Mistakes between the parts of the file: what one part names must exist in another. Works on the tree as it
 * was written, entry by entry, so that these mistakes show together with those of the schema. Pure.
 */
export function listCrossMistakes(tree: Readonly<Record<string, unknown>>): Mistake[] {
  const serverNames = Object.keys(asObject(tree.servers ?? { local: 'local' }));
  const servers: Entries<WrittenServer> = Object.entries(asObject(tree.servers)).flatMap(([name, entry]) => {
    const parsed = serverSchema.safeParse(entry);
    return parsed.success ? [[name, parsed.data] as const] : [];
  });
  const environments: Entries<WrittenEnvironment> = Object.entries(asObject(tree.environments)).flatMap(
    ([name, entry]) => {
      const parsed = environmentSchema.safeParse(entry);
      return parsed.success ? [[name, parsed.data] as const] : [];
    },
  );
  return [
    ...listEmptyMaps(tree),
    ...listServerMistakes(servers, serverNames),
    ...listEnvironmentMistakes(environments, { servers, serverNames }),
    ...listRefMistakes(environments, 'branches'),
    ...listRefMistakes(environments, 'tags'),
  ];
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

function listEmptyMaps(tree: Readonly<Record<string, unknown>>): Mistake[] {
  return ['servers', 'environments']
    .filter((key) => key in tree && JSON.stringify(tree[key]) === '{}')
    .map((key) => ({ path: [key], message: 'must not be empty', hint: 'leave the key out for the default' }));
}

/** Where two servers would be one: the same SSH endpoint, or the same address behind the load balancer. */
function listServerMistakes(servers: Entries<WrittenServer>, names: readonly string[]): Mistake[] {
  const seen = new Map<string, string>();
  const mistakes: Mistake[] = [];
  for (const [name, server] of servers) {
    for (const [key, value] of serverIdentities(server)) {
      const other = seen.get(`${key} ${value}`);
      if (other === undefined) seen.set(`${key} ${value}`, name);
      else mistakes.push({ path: ['servers', name], message: `has the same ${key} as "${other}": ${value}` });
    }
  }
  return [...mistakes, ...listViaMistakes(servers, names)];
}

function serverIdentities(server: WrittenServer): [string, string][] {
  if (server === 'local') return [['address', '127.0.0.1']];
  if ('local' in server) return [['address', server.address ?? '127.0.0.1']];
  const { host, port } = server.ssh;
  const endpoint: [string, string] = ['SSH host and port', `${host.toLowerCase()}:${port}`];
  // Behind a jump host the same private address may be another machine for SSH, never for the load balancer.
  return server.via ? [['address', server.address ?? host]] : [endpoint, ['address', server.address ?? host]];
}

function listViaMistakes(servers: Entries<WrittenServer>, names: readonly string[]): Mistake[] {
  const via = new Map(
    servers.flatMap(([name, server]) =>
      typeof server === 'object' && 'via' in server && server.via !== undefined
        ? [[name, server.via] as const]
        : [],
    ),
  );
  return [...via].flatMap(([name, jump]): Mistake[] => {
    const path = ['servers', name, 'via'];
    if (!names.includes(jump)) return [unknownName(path, 'server', { word: jump, known: names })];
    const circle = findCircle(name, via);
    return circle ? [{ path, message: `goes round in a circle: ${circle.join(' → ')}` }] : [];
  });
}

function findCircle(start: string, via: ReadonlyMap<string, string>): string[] | undefined {
  const walked = [start];
  for (let next = via.get(start); next !== undefined && walked.length <= via.size; next = via.get(next)) {
    walked.push(next);
    if (next === start) return walked;
  }
  return undefined;
}

function listEnvironmentMistakes(
  environments: Entries<WrittenEnvironment>,
  known: { servers: Entries<WrittenServer>; serverNames: readonly string[] },
): Mistake[] {
  const roles = new Set(
    known.servers.flatMap(([, server]) => (typeof server === 'object' ? server.roles : ([] as string[]))),
  );
  const ambiguous = [...roles].filter((role) => known.serverNames.includes(role));
  const words = [...known.serverNames, ...roles];
  const unknown = environments.flatMap(([name, environment]) =>
    (environment.servers ?? []).flatMap((word, index) =>
      words.includes(word)
        ? []
        : [unknownName(['environments', name, 'servers', index], 'server or role', { word, known: words })],
    ),
  );
  return [
    ...ambiguous.map((role) => ({
      path: ['servers'],
      message: `"${role}" is a server and a role; rename one`,
    })),
    ...unknown,
  ];
}

function unknownName(path: Path, kind: string, choice: { word: string; known: readonly string[] }): Mistake {
  const hint = nearest(choice.word, choice.known) ?? `there are: ${choice.known.join(', ')}`;
  return { path, message: `unknown ${kind} "${choice.word}"`, hint };
}

/** A branch or tag brings exactly one environment; patterns that are the same word are told here. */
function listRefMistakes(environments: Entries<WrittenEnvironment>, kind: 'branches' | 'tags'): Mistake[] {
  const takenBy = new Map<string, string>();
  const mistakes: Mistake[] = [];
  for (const [name, environment] of environments) {
    for (const [index, ref] of environment[kind].entries()) {
      const other = takenBy.get(ref);
      if (other === undefined) takenBy.set(ref, name);
      else {
        const message = other === name ? `"${ref}" is named twice` : `"${ref}" already deploys to "${other}"`;
        mistakes.push({ path: ['environments', name, kind, index], message });
      }
    }
  }
  return mistakes;
}

/** Mistakes that need the whole file to be valid on its own: ports, domains and credentials that collide. */
export function listWholeMistakes(config: WrittenConfig): Mistake[] {
  return [...listListenMistakes(config), ...listDomainMistakes(config), ...listRegistryMistakes(config)];
}

function listListenMistakes(config: WrittenConfig): Mistake[] {
  const places: [Path, { host: string; port: number }][] = [
    [['listen', 'http'], config.listen.http],
    [['listen', 'ssh'], config.listen.ssh],
  ];
  if (config.loadBalancer !== 'embedded')
    places.push([['loadBalancer', 'listen'], config.loadBalancer.listen]);
  const seen = new Map<string, Path>();
  return places.flatMap(([path, { host, port }]): Mistake[] => {
    const other = seen.get(`${host} ${port}`);
    seen.set(`${host} ${port}`, path);
    return other ? [{ path, message: `${other.join('.')} already listens on ${host}:${port}` }] : [];
  });
}

function listDomainMistakes(config: WrittenConfig): Mistake[] {
  if (config.domain === undefined || config.domain.includes('{env}')) return [];
  const names = Object.keys(config.environments);
  if (names.length < 2) return [];
  const message = `gives ${names.join(' and ')} the same domain`;
  return [{ path: ['domain'], message, hint: 'put "{env}" into it, like "{app}-{env}.example.com"' }];
}

function listRegistryMistakes(config: WrittenConfig): Mistake[] {
  const { registry } = config;
  if (registry === 'embedded') return [];
  const mistakes: Mistake[] = [];
  if ((registry.username === undefined) !== (registry.password === undefined))
    mistakes.push({
      path: ['registry'],
      message: 'username and password go together; one of them is missing',
    });
  const host = new URL(registry.url).hostname;
  const loopback = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);
  if (registry.password !== undefined && registry.url.startsWith('http:') && !loopback)
    mistakes.push({
      path: ['registry', 'url'],
      message: 'would send the password over plain HTTP',
      hint: 'use https',
    });
  return mistakes;
}
