import { listReceiverMistakes } from './check-notifications.ts';
import { listPreviewMistakes, listPromoteMistakes } from './check-pipelines.ts';
import { sshTarget } from './grammar.ts';
import type { Path } from './json.ts';
import { type Mistake, nearest } from './mistakes.ts';
import type { WrittenConfig } from './schema.ts';

/** What other parts of the file say about an entry; anything of the wrong type is the schema's to tell. */
type ServerWords = {
  readonly name: string;
  readonly endpoint: string | undefined;
  readonly address: string | undefined;
  readonly via: string | undefined;
  readonly roles: readonly string[];
};
type EnvironmentWords = {
  readonly name: string;
  readonly servers: readonly string[];
  readonly promoteFrom: readonly string[];
  readonly branches: readonly string[];
  readonly tags: readonly string[];
};

/**
 * Mistakes between the parts of the file: what one part names must exist in another. Works on the tree as it
 * was written, so that these mistakes show together with those of the schema. Pure.
 */
export function listCrossMistakes(tree: Readonly<Record<string, unknown>>): Mistake[] {
  const servers = Object.entries(asObject(tree.servers ?? { local: 'local' })).map(readServerWords);
  const environments = Object.entries(asObject(tree.environments)).map(([name, entry]): EnvironmentWords => {
    const written = asObject(entry);
    return {
      name,
      servers: asTexts(written.servers),
      promoteFrom: asNames(written.promoteFrom),
      branches: asTexts(written.branches),
      tags: asTexts(written.tags),
    };
  });
  return [
    ...listEmptyMaps(tree),
    ...listServerMistakes(servers),
    ...listUnknownServers(environments, servers),
    ...listRefMistakes(environments, 'branches'),
    ...listRefMistakes(environments, 'tags'),
    ...listPromoteMistakes(environments),
    ...listPreviewMistakes(tree.previews, environments),
    ...listReceiverMistakes(tree.notifications, listNames(tree, environments)),
  ];
}

/** Without the key there is the one of the default. */
function listNames(tree: Readonly<Record<string, unknown>>, environments: readonly EnvironmentWords[]) {
  return tree.environments === undefined ? ['production'] : environments.map(({ name }) => name);
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

function asTexts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map((item) => (typeof item === 'string' ? item : '')) : [];
}

/** One name, or a list of them. */
function asNames(value: unknown): readonly string[] {
  return typeof value === 'string' ? [value] : asTexts(value);
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function readServerWords([name, entry]: [string, unknown]): ServerWords {
  const written = asObject(entry);
  const local = entry === 'local' || written.local === true;
  const target = sshTarget().safeParse(written.ssh);
  const host = local ? '127.0.0.1' : target.data?.host;
  return {
    name,
    endpoint: target.data && `${target.data.host.toLowerCase()}:${target.data.port}`,
    address: asText(written.address) ?? host,
    via: asText(written.via),
    roles: asTexts(written.roles),
  };
}

function listEmptyMaps(tree: Readonly<Record<string, unknown>>): Mistake[] {
  return ['servers', 'environments']
    .filter((key) => key in tree && JSON.stringify(tree[key]) === '{}')
    .map((key) => ({ path: [key], message: 'must not be empty', hint: 'leave the key out for the default' }));
}

/** Where two servers would be one: the same SSH endpoint, or the same address behind the load balancer. */
function listServerMistakes(servers: readonly ServerWords[]): Mistake[] {
  const seen = new Map<string, string>();
  const mistakes: Mistake[] = [];
  for (const server of servers) {
    for (const identity of listIdentities(server)) {
      const other = seen.get(identity);
      if (other === undefined) seen.set(identity, server.name);
      else
        mistakes.push({ path: ['servers', server.name], message: `has the same ${identity} as "${other}"` });
    }
  }
  return [...mistakes, ...listViaMistakes(servers)];
}

function listIdentities({ endpoint, address, via }: ServerWords): string[] {
  const identities = address === undefined ? [] : [`address ${address}`];
  // Behind a jump host the same private address may be another machine for SSH, never for the load balancer.
  return endpoint === undefined || via !== undefined
    ? identities
    : [`SSH endpoint ${endpoint}`, ...identities];
}

function listViaMistakes(servers: readonly ServerWords[]): Mistake[] {
  const names = servers.map((server) => server.name);
  const via = new Map(servers.flatMap((server) => (server.via ? [[server.name, server.via] as const] : [])));
  return [...via].flatMap(([name, jump]): Mistake[] => {
    const path = ['servers', name, 'via'];
    if (!names.includes(jump)) return [describeUnknown(path, 'server', { word: jump, known: names })];
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

function listUnknownServers(
  environments: readonly EnvironmentWords[],
  servers: readonly ServerWords[],
): Mistake[] {
  const names = servers.map((server) => server.name);
  const roles = [...new Set(servers.flatMap((server) => server.roles))];
  const known = [...names, ...roles];
  const unknown = environments.flatMap((environment) =>
    environment.servers.flatMap((word, index) => {
      const path = ['environments', environment.name, 'servers', index];
      return known.includes(word) ? [] : [describeUnknown(path, 'server or role', { word, known })];
    }),
  );
  const ambiguous = roles.filter((role) => names.includes(role));
  return [
    ...ambiguous.map((role) => ({
      path: ['servers'],
      message: `"${role}" is a server and a role; rename one`,
    })),
    ...unknown,
  ];
}

function describeUnknown(
  path: Path,
  kind: string,
  choice: { word: string; known: readonly string[] },
): Mistake {
  const hint = nearest(choice.word, choice.known) ?? `there are: ${choice.known.join(', ')}`;
  return { path, message: `unknown ${kind} "${choice.word}"`, hint };
}

/** A branch or tag brings exactly one environment; patterns that are the same word are told here. */
function listRefMistakes(environments: readonly EnvironmentWords[], kind: 'branches' | 'tags'): Mistake[] {
  const takenBy = new Map<string, string>();
  const mistakes: Mistake[] = [];
  for (const environment of environments) {
    const { name } = environment;
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
  return [
    ...listListenMistakes(config),
    ...listUrlMistakes(config),
    ...listDomainMistakes(config),
    ...listSecretsMistakes(config),
    ...listRegistryMistakes(config),
    ...listSmtpMistakes(config),
  ];
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

function listUrlMistakes({ url, listen }: WrittenConfig): Mistake[] {
  if (listen.tls === undefined || url === undefined || url.startsWith('https://')) return [];
  return [{ path: ['url'], message: 'must begin with "https://", as listen.tls is set' }];
}

function listDomainMistakes(config: WrittenConfig): Mistake[] {
  if (config.domain === undefined || config.domain.includes('{env}')) return [];
  const names = Object.keys(config.environments);
  if (names.length < 2) return [];
  const message = `gives ${names.join(' and ')} the same domain`;
  return [{ path: ['domain'], message, hint: 'put "{env}" into it, like "{app}-{env}.example.com"' }];
}

function listSecretsMistakes({ secrets }: WrittenConfig): Mistake[] {
  if (secrets.key === undefined || secrets.keyFile === undefined) return [];
  const hint = 'keep one of them';
  return [{ path: ['secrets'], message: 'key and keyFile are two places of one key', hint }];
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
  if (registry.password !== undefined && registry.url.startsWith('http:') && !isLoopback(host))
    mistakes.push({
      path: ['registry', 'url'],
      message: 'would send the password over plain HTTP',
      hint: 'use https',
    });
  return mistakes;
}

function isLoopback(host: string): boolean {
  return /^(?:localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/.test(host);
}

function listSmtpMistakes({ notifications: { smtp } }: WrittenConfig): Mistake[] {
  if (smtp === undefined) return [];
  const path = ['notifications', 'smtp'];
  const mistakes: Mistake[] = [];
  if ((smtp.username === undefined) !== (smtp.password === undefined))
    mistakes.push({ path, message: 'username and password go together; one of them is missing' });
  if (smtp.security === 'none' && !isLoopback(smtp.host))
    mistakes.push({
      path: [...path, 'security'],
      message: 'would send mail, and a password, where others can read them',
      hint: '"none" is for a server on the loopback; use "starttls" or "tls"',
    });
  if (smtp.security === 'none' && smtp.ca !== undefined)
    mistakes.push({ path: [...path, 'ca'], message: 'has no effect without TLS', hint: 'leave it out' });
  return mistakes;
}
