import { z } from 'zod';
import { count, duration, imageName, text } from '../config/grammar.ts';
import { isAppName } from '../model/names.ts';
import { envName, envValue } from './variables-schema.ts';

const second = 1000;
const day = 24 * 3_600_000;
const maxServices = 10;
const maxWords = 100;

const word = envValue.min(1, { error: 'must not be empty' });
const argv = z
  .array(word, { error: 'must be a list of texts' })
  .min(1, { error: 'must not be empty' })
  .max(maxWords, { error: `must have ${maxWords} words at most` });

const variables = z.record(envName, envValue);

// Heroku's two ways to write one.
const testVariable = z.union([envValue, z.looseObject({ value: envValue }).transform(({ value }) => value)]);

const test = z.looseObject({
  scripts: z
    .looseObject({
      test: z.union([word, argv], { error: 'must be a line for the shell, or a list of texts' }).optional(),
    })
    .prefault({}),
  env: z.record(envName, testVariable).default({}),
  timeout: duration(second, day).prefault('10m'),
});

/** Heroku's key with its meaning; `timeout` is ours. */
export const environmentsSchema = z.looseObject({ test: test.optional() });

const serviceName = z.string().refine(isAppName, {
  error: 'a service has 1 to 40 lower-case letters, digits and single dashes, and begins with a letter',
});

const placeholder = /\{[^{}]*\}/g;
const placeholders = ['{host}', '{port}', '{password}'];

const url = text().refine(
  (value) => (value.match(placeholder) ?? []).every((found) => placeholders.includes(found)),
  { error: `knows ${placeholders.join(', ')} and nothing else in braces` },
);

// An id, or a tag of ours, would be another app's image.
const serviceImage = imageName().refine((value) => !/^(?:sha256:|hawser\/)/.test(value), {
  error: 'must be the name of a public image, not an id or an image of an app',
});

const service = z.strictObject({
  image: serviceImage,
  env: variables.default({}),
  port: count(1, 65_535),
  command: argv.optional(),
  url: url.default('tcp://{host}:{port}'),
  ready: argv.optional(),
});

/** `hawser.services` of app.json. */
export const servicesSchema = z
  .record(serviceName, service)
  .refine((services) => Object.keys(services).length <= maxServices, {
    error: `an app has ${maxServices} services at most`,
  });
