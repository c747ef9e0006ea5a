import { z } from 'zod';
import { count, cpus, httpPath, size } from '../config/grammar.ts';
import { environmentsSchema, servicesSchema } from './check-schema.ts';
import { envName, envValue } from './variables-schema.ts';

const mega = 1024 ** 2;
const giga = 1024 ** 3;

const seconds = z
  .number({ error: 'must be a number of seconds' })
  .min(0, { error: 'must not be negative' })
  .max(3600, { error: 'must be 3600 seconds at most' });

/** A path inside the repository: nothing that leaves it, or that a program takes for an option. */
export function isRepositoryPath(path: string): boolean {
  if (path === '' || path.startsWith('/') || /[\p{Cc}\\]/u.test(path)) return false;
  return path
    .split('/')
    .every((part) => part !== '' && part !== '..' && part !== '.' && !part.startsWith('-'));
}

const pathError = {
  error: 'must be a path inside the repository, without "..", "." or a leading "/" or "-"',
};
const repositoryPath = z.string(pathError).max(1024, pathError).refine(isRepositoryPath, pathError);
const contextPath = z
  .string(pathError)
  .transform((path) => path.replace(/^\.\/(?=.)/, '').replace(/(?<=.)\/$/, ''))
  .refine((path) => path === '.' || path === '' || isRepositoryPath(path), pathError)
  .transform((path) => (path === '.' ? '' : path));

const targetError = { error: 'must be the name of a stage of the Dockerfile' };

const build = z.strictObject({
  dockerfile: repositoryPath.optional(),
  context: contextPath.default(''),
  target: z
    .string(targetError)
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, targetError)
    .optional(),
  args: z.record(envName, envValue).default({}),
  secrets: z
    .never({ error: 'secrets of a build are not available in this version; leave the key out' })
    .optional(),
});

const resources = z.strictObject({
  memory: size(8 * mega, 1024 * giga).optional(),
  cpus: cpus().optional(),
});

function later(what: string) {
  return z.never({ error: `${what} not available in this version; leave the key out` }).optional();
}

const ours = z.strictObject({
  build: build.prefault({}),
  resources: resources.prefault({}),
  volumes: later('volumes are'),
  networks: later('networks are'),
  services: servicesSchema.default({}),
  domains: later('domains of a manifest are'),
  rollout: later('rollout settings of a manifest are'),
});

const env = z.record(
  envName,
  z.union([
    envValue,
    z.looseObject({
      value: envValue.optional(),
      required: z.boolean({ error: 'must be true or false' }).optional(),
      generator: z.literal('secret', { error: 'only "secret" is known' }).optional(),
    }),
  ]),
);

const healthCheck = z.looseObject({
  type: z.string().optional(),
  path: httpPath().optional(),
  attempts: count(1, 1000).optional(),
  timeout: seconds.optional(),
  wait: seconds.optional(),
  initialDelay: seconds.optional(),
});

/** app.json: Heroku's and Dokku's keys with their meaning, ours under `hawser`. */
export const appJsonSchema = z.looseObject({
  env: env.default({}),
  formation: z.record(z.string(), z.looseObject({ quantity: count(0, 1000).optional() })).default({}),
  healthchecks: z.record(z.string(), z.array(healthCheck)).default({}),
  environments: environmentsSchema.prefault({}),
  hawser: ours.prefault({}),
});

export type AppJson = z.output<typeof appJsonSchema>;
export type WrittenHealthCheck = z.output<typeof healthCheck>;
