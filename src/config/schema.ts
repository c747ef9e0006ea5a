import { z } from 'zod';
import * as g from './grammar.ts';
import { notificationsSchema } from './notifications-schema.ts';
import { rolloutSchema } from './rollout-schema.ts';

const kilo = 1024;
const mega = kilo ** 2;
const giga = kilo ** 3;
const second = 1000;
const minute = 60 * second;

/** A key that a later version will know: refused, because a setting without effect is worse than an error. */
function later(what: string) {
  return z.never({ error: `${what} not available in this version; leave the key out` }).optional();
}

/** One entry of `environments`. */
export const environmentSchema = z.strictObject({
  branches: z.array(g.refPattern(), { error: 'must be a list, like ["main"]' }).max(100).default([]),
  tags: z.array(g.refPattern(), { error: 'must be a list, like ["v*"]' }).max(100).default([]),
  servers: z
    .array(g.name(), { error: 'must be a list of names or roles of servers' })
    .min(1, { error: 'must name one server or more; without the key all servers are meant' })
    .optional(),
  promoteFrom: z
    .union([g.name().transform((name) => [name]), z.array(g.name()).min(1).max(20)], {
      error: 'must be the name of an environment, or a list of names',
    })
    .default([]),
  approval: z
    .union([z.boolean(), z.literal('other')], {
      error: 'must be true, false, or "other" when somebody else than who asked must grant it',
    })
    .default(false),
  sticky: z.boolean({ error: 'must be true or false' }).default(false),
  requireNonRoot: z.boolean({ error: 'must be true or false' }).default(false),
  supersede: z.boolean({ error: 'must be true or false' }).default(true),
  rollout: rolloutSchema.prefault({}),
});

const roles = z.array(g.name(), { error: 'must be a list of roles, like ["web"]' }).default([]);
const reachedAt = g.text(253).refine(g.isHost, { error: 'must be a host name or an IP address' });

const sshServer = z.strictObject({
  ssh: g.sshTarget(),
  identity: g.text().optional(),
  hostKey: g.hostKey().optional(),
  via: g.name().optional(),
  address: reachedAt.optional(),
  roles,
});
const localServer = z.strictObject({
  local: z.literal(true, { error: 'must be true' }),
  address: reachedAt.optional(),
  roles,
});

/** One entry of `servers`: `"local"`, or a local or SSH server with its details. */
export const serverSchema = z.union([
  z.literal('local', { error: 'must be "local", or an object with "ssh": "user@host"' }),
  localServer,
  sshServer,
]);

const previews = z.strictObject({
  branches: z
    .union([g.refPattern().transform((pattern) => [pattern]), z.array(g.refPattern()).min(1).max(20)], {
      error: 'must be a pattern of branches like "preview/*", or a list of them',
    })
    .prefault('preview/*'),
  like: g.name().default('production'),
  configFrom: g.name().optional(),
  ttl: g.duration(minute, 365 * 24 * 60 * minute).prefault('3d'),
  domain: g
    .text(200)
    .refine(
      (value) =>
        value.includes('{app}') &&
        value.includes('{branch}') &&
        g.isHost(value.replaceAll(/\{(?:app|branch)\}/g, 'a')),
      { error: 'must be a domain with "{branch}" and "{app}" in it, like "{branch}.{app}.example.com"' },
    )
    .default('{branch}-{app}.localhost'),
  limit: g.count(1, 1000).default(20),
});

const registry = z.union([
  z.literal('embedded', { error: 'must be "embedded" or an object with "url"' }),
  z.strictObject({
    url: g.url(['https', 'http']),
    namespace: z
      .string()
      .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-][a-z0-9]+)*)*$/, {
        error: 'must be lower-case names joined by "/", like "team/apps"',
      })
      .max(200)
      .default('hawser'),
    username: g.text().optional(),
    password: g.text(16 * kilo).optional(),
    ca: later('a certificate authority of the registry is'),
  }),
]);

const loadBalancer = z.union([
  z.literal('embedded', { error: 'must be "embedded" or an object with "listen"' }),
  z.strictObject({
    kind: z
      .literal('embedded', { error: 'only "embedded" is available in this version' })
      .default('embedded'),
    listen: g.address().prefault('127.0.0.1:8080'),
    machines: later('load balancers on other machines are'),
    tls: later('TLS in the load balancer is'),
  }),
]);

const builders = z.strictObject({
  concurrency: g.count(1, 64).default(1),
  memory: g.size(64 * mega, 1024 * giga).prefault('2g'),
  cpus: g.cpus().default(2),
  pids: g.count(64, 1_000_000).default(4096),
  timeout: g.duration(second, 24 * 60 * minute).prefault('20m'),
  cache: g.size(0, 1024 * giga).prefault('10g'),
  network: z.enum(['engine', 'none'], { error: 'must be "engine" or "none"' }).default('engine'),
  socket: g.text(100).default('/var/run/docker.sock'),
  bases: z
    .strictObject({
      node: g.imageName().default('node:24-alpine'),
      python: g.imageName().default('python:3.13-alpine'),
      static: g.imageName().default('busybox:1.37'),
    })
    .prefault({}),
});

/** What variables of apps may be read from. */
const outside = z.strictObject({
  folders: z
    .array(g.text(), { error: 'must be a list of folders, like ["/etc/hawser/values"]' })
    .max(20)
    .default([]),
  variables: z
    .array(g.variable(), { error: 'must be a list of environment variables, like ["SHOP_DATABASE_URL"]' })
    .max(200)
    .default([]),
});

const limits = z.strictObject({
  push: g.size(mega, 100 * giga).prefault('500m'),
  file: g.size(kilo, 100 * giga).prefault('200m'),
  treeFiles: g.count(1, 10_000_000).default(100_000),
  treeBytes: g.size(mega, 1024 * giga).prefault('2g'),
  treeDepth: g.count(1, 1000).default(100),
  refs: g.count(1, 100_000).default(200),
  receives: g.count(1, 1000).default(4),
  diskFloor: g.size(0, 1024 * giga).prefault('2g'),
  log: g.size(64 * kilo, 10 * giga).prefault('50m'),
  requests: z
    .strictObject({
      address: g.count(60, 100_000_000).default(12_000),
      credential: g.count(60, 100_000_000).default(6_000),
    })
    .prefault({}),
  user: z
    .strictObject({
      pushes: g.count(1, 1_000_000).default(300),
      deploys: g.count(1, 1_000_000).default(50),
      apps: g.count(1, 1_000_000).default(100),
      disk: g.size(mega, 1024 * giga).prefault('20g'),
    })
    .prefault({}),
  container: z
    .strictObject({
      memory: g.size(8 * mega, 1024 * giga).prefault('1g'),
      cpus: g.cpus().default(2),
      pids: g.count(8, 1_000_000).default(512),
    })
    .prefault({}),
});

const domainError = {
  error: 'must be a domain with "{app}" in it, like "{app}.example.com" or "{app}-{env}.localhost"',
};

/** deploy.config.json as it is written; the values are parsed, nothing is resolved against anything else. */
export const configSchema = z.strictObject({
  $schema: z.string().optional(),
  url: g.url(['http', 'https']).optional(),
  listen: z
    .strictObject({
      http: g.address().prefault('127.0.0.1:7070'),
      ssh: g.address().prefault('127.0.0.1:7022'),
      tls: z.strictObject({ cert: g.text(), key: g.text() }).optional(),
    })
    .prefault({}),
  data: g.text().default('./data'),
  secrets: z
    .strictObject({ key: g.text().optional(), keyFile: g.text().optional(), outside: outside.prefault({}) })
    .prefault({}),
  redis: z
    .union([
      z.literal('embedded', {
        error: 'must be "embedded" or a URL that begins with "redis://" or "rediss://"',
      }),
      g.url(['redis', 'rediss'], { credentials: true, path: true }),
    ])
    .default('embedded'),
  registry: registry.default('embedded'),
  loadBalancer: loadBalancer.prefault({}),
  builders: builders.prefault({}),
  domain: g
    .text(200)
    .refine(
      (value) => value.includes('{app}') && g.isHost(value.replaceAll('{app}', 'a').replaceAll('{env}', 'e')),
      domainError,
    )
    .optional(),
  servers: z.record(g.name(), serverSchema).default({ local: 'local' }),
  environments: z.record(g.name(), environmentSchema).prefault({ production: { branches: ['main'] } }),
  previews: previews.optional(),
  limits: limits.prefault({}),
  retention: z
    .strictObject({ releases: g.count(1, 1000).default(5), deploys: g.count(1, 1_000_000).default(100) })
    .prefault({}),
  webhooks: z
    .strictObject({
      allow: z
        .array(g.network(), { error: 'must be a list of networks, like ["10.0.0.0/8"]' })
        .max(100)
        .default([]),
    })
    .prefault({}),
  notifications: notificationsSchema.prefault({}),
  metrics: later('metrics for other systems are'),
});

/** The file after its schema: parsed values, defaults filled in. */
export type WrittenConfig = z.output<typeof configSchema>;
export type WrittenServer = z.output<typeof serverSchema>;
export type WrittenEnvironment = z.output<typeof environmentSchema>;
