import { z } from 'zod';
import { envName, reason } from './input.ts';

/** Of everything that makes a deploy without a build. */
const changeBody = z.strictObject({
  env: envName.optional(),
  overrideFreeze: reason.optional(),
  /** True says what it would do, and does nothing. */
  plan: z.boolean().default(false),
});

const variable = z.string().max(128);

/** Where on the control machine a value is read when a release is made. */
const outsideValue = z.union([
  z.strictObject({ file: z.string().min(1).max(4096) }),
  z.strictObject({ env: z.string().min(1).max(128) }),
]);

export const configBody = changeBody.extend({
  /** Null takes it away. */
  vars: z.record(variable, z.union([z.string(), outsideValue, z.null()])),
});

const processType = z
  .string()
  .regex(/^[a-z](?:[a-z0-9]|-(?!-)){0,29}$/, 'use the name of a process, like web');

export const scaleBody = changeBody.extend({
  scale: z.record(processType, z.int().min(0).max(100)),
});

export const stopBody = changeBody.extend({
  /** All of them without it. */
  processes: z.array(processType).min(1).max(50).optional(),
});

export const restartBody = changeBody;

export const domainsBody = changeBody.extend({
  /** False takes it away. */
  domains: z.record(z.string().max(300), z.boolean()),
});
