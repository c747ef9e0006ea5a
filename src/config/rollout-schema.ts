import { z } from 'zod';
import * as g from './grammar.ts';

const second = 1000;
const minute = 60 * second;

export const strategies = ['rolling', 'all-at-once', 'blue-green', 'canary', 'recreate'] as const;

const batchError = { error: 'must be a number of servers (like 2) or a share (like "50%")' };
const batch = z.union(
  [
    z
      .int(batchError)
      .min(1, batchError)
      .max(1000, batchError)
      .transform((servers) => ({ count: servers })),
    z
      .string(batchError)
      .regex(/^(?:[1-9]\d?|100)%$/, batchError)
      .transform((share) => ({ percent: Number.parseInt(share, 10) })),
  ],
  batchError,
);

const stepError = {
  error: 'must be shares of the requests that rise and stay below 100%, like ["10%", "50%"]',
};
const steps = z
  .array(
    z
      .string(stepError)
      .regex(/^[1-9]\d?%$/, stepError)
      .transform((share) => Number.parseInt(share, 10)),
    stepError,
  )
  .min(1, stepError)
  .max(20, stepError)
  .refine(
    (shares) => shares.every((share, index) => index === 0 || share > (shares[index - 1] ?? 0)),
    stepError,
  );

const rateError = { error: 'must be a share like "2%" or "0.5%", below 100%' };
const rate = z
  .string(rateError)
  .regex(/^\d{1,2}(?:\.\d{1,2})?%$/, rateError)
  .transform((share) => Number.parseFloat(share) / 100);

/** `rollout` of an environment: how a release takes the place of the one before. */
export const rolloutSchema = z.strictObject({
  strategy: z
    .enum(strategies, { error: `is not a strategy; available: ${strategies.join(', ')}` })
    .default('rolling'),
  first: batch.prefault(1),
  batch: batch.prefault('50%'),
  steps: steps.prefault(['10%', '50%']),
  health: z
    .strictObject({
      path: g.httpPath().default('/'),
      interval: g.duration(50, minute).prefault('250ms'),
      timeout: g.duration(50, 5 * minute).prefault('5s'),
      healthy: g.count(1, 100).default(2),
      deadline: g.duration(second, 60 * minute).prefault('60s'),
    })
    .refine(({ interval, deadline }) => interval < deadline, {
      path: ['deadline'],
      error: 'is not longer than the interval, so nothing could ever be healthy',
    })
    .prefault({}),
  drain: g.duration(0, 60 * minute).prefault('10s'),
  stopTimeout: g.duration(0, 60 * minute).prefault('10s'),
  bake: z
    .union([z.literal('hold'), g.duration(0, 24 * 60 * minute)], {
      error: 'write a duration like "5m", or "hold" to wait for a person after each step',
    })
    .prefault('0s'),
  keep: g.duration(0, 7 * 24 * 60 * minute).prefault('0s'),
  maxErrorRate: rate.optional(),
  maxLatency: g.duration(1, 10 * minute).optional(),
  minRequests: g.count(1, 1_000_000).default(50),
  autoRollback: z.boolean({ error: 'must be true or false' }).default(true),
  releaseTimeout: g.duration(second, 24 * 60 * minute).prefault('1h'),
  onUnreachable: z.enum(['fail', 'skip'], { error: 'must be "fail" or "skip"' }).default('fail'),
});
