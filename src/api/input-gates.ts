import { z } from 'zod';
import { duration } from '../config/grammar.ts';
import { envName, envQuery, reason, textLine } from './input.ts';

const environmentPair = { from: envName.optional(), to: envName.optional() };

export const pairQuery = z.strictObject(environmentPair);

export const promoteBody = z.strictObject({
  ...environmentPair,
  /** True says what it would do, and does nothing. */
  plan: z.boolean().default(false),
  /** The version of `from` that was seen: when another one is live by now nothing is promoted. */
  version: z.int().min(1).nullable().default(null),
  overrideFreeze: reason.optional(),
});

export const grantBody = z.strictObject({ reason: reason.optional(), overrideFreeze: reason.optional() });
export const denyBody = z.strictObject({ reason });

export const approvalsQuery = z.strictObject({
  app: z.string().max(80).optional(),
  env: envName.optional(),
});

export const freezesQuery = envQuery;

export const freezeBody = z.strictObject({
  env: envName.optional(),
  window: textLine(100),
  /** Of the time zone database, like Europe/Berlin. */
  zone: z.string().max(60).default('UTC'),
  reason,
});

const second = 1000;
const day = 86_400 * second;

export const lockBody = z.strictObject({
  env: envName.optional(),
  message: reason,
  /** How long, like "2h"; without it until it is unlocked. */
  for: duration(second, 365 * day).optional(),
  force: z.boolean().default(false),
});
